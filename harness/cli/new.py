"""The command `harness new`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import echo, wide_console
from harness.cli.own_options import own_options_of
from harness.cli.scaffold import KINDS, check_name, write_files
from harness.cli.table_options import table_options

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog

NEXT = {
    "forecaster": ("harness check {name}", "harness run classics --only {name}"),
    "dataset": ("harness check {name}",),
    "metric": ("harness check {name}", "harness show classics --metric {name}"),
}


@click.command("new", short_help="Write a package to start a plugin from, or a board.")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder in which the new folder is made.",
)
@click.option("--horizon", type=click.IntRange(min=1), help="Of a file's board: the steps to forecast.")
@click.option("--windows", type=click.IntRange(min=1), help="Of a file's board: the windows of each series.")
@click.option("--metric", metavar="NAME", help="Of a file's board: the metric to rank by.")
@click.option("--quantiles", metavar="A,B,...", help="Of a file's board: the levels.  [default: 0.1,0.5,0.9]")
@table_options
@click.pass_obj
def new_command(catalog: Catalog, /, kind: str, name: str, into: Path, **options: Any) -> None:
    """Write a package with a forecaster, dataset or metric, or a board, to a new folder NAME.

    A package has a working example, tests of its contract and a workflow of GitHub Actions that runs them. The board of
    a FILE of data, such as sales.csv, is written to a folder of its name.
    """
    import shlex

    from harness.data.tables.files import table_kind

    own = own_options_of(options)
    if kind == "board" and table_kind(Path(name)) is not None:
        from harness.cli.run_data import write_board

        path = write_board(*own.board_of(name), into, catalog, wide_console())
        echo(f"wrote {path}")
        echo(f"Next: harness run {shlex.quote(os.path.join(os.curdir, path.parent))}")
        return
    own.check_unused()
    check_name(kind, name, catalog)
    for path in write_files(kind, name, into):
        echo(f"wrote {path}")
    made = os.path.join(os.curdir, into / name)
    folder, with_tests = shlex.quote(made), shlex.quote(f"{made}[test]")
    steps = (f"pip install -e {with_tests}", f"pytest {folder}", *NEXT.get(kind, ()))
    echo("")
    echo("Next:")
    for step in (f"harness run {folder}",) if kind == "board" else steps:
        echo(f"  {step.format(name=name)}")
