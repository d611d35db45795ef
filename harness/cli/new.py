"""The command `harness new`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo
from harness.cli.scaffold import KINDS, check_name, write_files

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog

NEXT = {
    "forecaster": ("harness check {name}", "harness run classics --only {name}"),
    "dataset": ("harness check {name}",),
    "metric": ("harness check {name}", "harness show classics --metric {name}"),
}


@click.command("new", short_help="Write a package to start a plugin from, or a board.")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder in which the new folder is made.",
)
@click.pass_obj
def new_command(catalog: Catalog, /, kind: str, name: str, into: Path) -> None:
    """Write a package with a forecaster, dataset or metric, or a board, to a new folder NAME.

    A package has a working example, tests of its contract and a workflow of GitHub Actions that runs them.
    """
    import shlex

    check_name(kind, name, catalog)
    for path in write_files(kind, name, into):
        echo(f"wrote {path}")
    folder = shlex.quote(os.path.join(os.curdir, into / name))
    steps = (f"pip install -e {folder}", f"pytest {folder}", *NEXT.get(kind, ()))
    echo("")
    echo("Next:")
    for step in (f"harness run {folder}",) if kind == "board" else steps:
        echo(f"  {step.format(name=name)}")
