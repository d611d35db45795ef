"""Commands of results that are done: publishing them, and comparing them; `cli` has the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from harness.fields.types import Json
    from harness.plugins.catalog import Catalog

Command = TypeVar("Command", bound=Callable[..., Any])


def home_option(command: Command) -> Command:
    """The option that says where state lives."""
    return click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        default=".harness",
        envvar="HARNESS_HOME",
        show_default=True,
        help="Where the journal, data and MLflow's store live.",
    )(command)


def set_option(command: Command) -> Command:
    """The option that says hyperparameters; `settings_of` reads them."""
    help_ = "A hyperparameter. Repeatable."
    return click.option("--set", "settings", multiple=True, metavar="NAME.KEY=VALUE", help=help_)(command)


def settings_of(given: tuple[str, ...]) -> dict[str, dict[str, Json]]:
    """`NAME.KEY=VALUE` texts, by name and key; a value is JSON, or else a text."""
    import json

    settings: dict[str, dict[str, Json]] = {}
    for text in given:
        place, equals, value = text.partition("=")
        name, _, key = place.rpartition(".")
        if not (equals and name and key):
            raise BadInput(f"--set takes NAME.KEY=VALUE, such as ridge.alpha=0.1, not {text!r}")
        try:
            settings.setdefault(name, {})[key] = json.loads(value, parse_constant=str)
        except ValueError:
            settings.setdefault(name, {})[key] = value
    return settings


def wide_console() -> Console:
    """The terminal, or a hundred columns where there is none."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def one_style(**asked: object) -> str | None:
    """The way of showing that was asked for, called like its option; None for the terminal's, BadInput for two."""
    given = [name for name, value in asked.items() if value]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(f'--{name}' for name in given)} show the same in other ways; choose one of them")
    return given[0] if given else None


@click.command("publish")
@click.argument("board")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--metric", "metrics", multiple=True, help="Publish the terms of this metric too. Repeatable.")
@home_option
@click.pass_obj
def publish_command(
    catalog: Callable[[], Catalog], board: str, folder: Path | None, metrics: tuple[str, ...], home: Path
) -> None:
    """Write a board's README, results and terms into its folder, to be committed; never its data."""
    from harness.analysis.lookup import find_journal_results
    from harness.analysis.ranking.compute import compute_standings
    from harness.analysis.ranking.costs import with_costs
    from harness.boards.leaderboard import board_name
    from harness.report.markdown import readme
    from harness.results.publication.writing import publish

    folder = _writable_folder(board, catalog()) if folder is None else folder
    results = find_journal_results(board, home, catalog)
    names = dict.fromkeys((results.plan.metric, *metrics))
    wanted = [catalog().metrics[name].spec for name in names]
    computed = compute_standings(results, wanted[0])
    again = board if board_name(board) in catalog().boards else "."
    text = readme(with_costs(computed, results.plan, home), results.runs.values(), again)
    withheld = publish(results, wanted, computed, text, folder)
    for path in sorted(folder.iterdir()):
        if path.name in ("README.md", "results.json", "terms.parquet"):
            click.echo(f"{path}: {path.stat().st_size:,} bytes")
    for task, why in withheld.items():
        click.echo(f"the terms of {task} are withheld: {why}")


@click.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--fail-if", "conditions", multiple=True, metavar="CONDITION", help="'MASE worse by 2%, p < 0.05'.")
@click.option("--metric", "metrics", multiple=True, help="Show this metric where nothing is to fail. Repeatable.")
@click.option("--strict", is_flag=True, help="What cannot be tested or compared fails too.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@home_option
@click.pass_obj
def compare_command(catalog: Callable[[], Catalog], /, first: str, second: str, home: Path, **options: Any) -> None:
    """Compare run or board B with A, and exit with 1 where a condition says so.

    A and B are each the key of a cell or its first digits, KEY@HOME, a board, or BOARD@PLACE, where PLACE is a home
    folder, a folder of published results, or `published` for those that came with the board.
    """
    from harness.analysis.comparison.conditions import parse_condition
    from harness.analysis.comparison.results import compare
    from harness.analysis.comparison.sources import find_sources
    from harness.report.comparison import comparison_csv, comparison_lines, comparison_tables

    conditions = [parse_condition(text) for text in options["conditions"]]
    pair = find_sources(first, second, home, catalog)
    found = compare(*pair, conditions, options["metrics"], catalog(), strict=options["strict"])
    if options["as_csv"]:
        click.echo(comparison_csv(found), nl=False)
    else:
        console = wide_console()
        for table in comparison_tables(found):
            console.print(table)
        for line in comparison_lines(found):
            console.print(line, markup=False)
    sys.exit(1 if found.failed else 0)


def _writable_folder(board: str, catalog: Catalog) -> Path:
    """The board's own folder; raises BadInput where it belongs to an installation, or is not ours to write."""
    from harness.boards.leaderboard import found_file

    folder = found_file(board, catalog).parent
    import sysconfig

    installed = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")]
    inside = any(folder.resolve().is_relative_to(one) for one in installed)
    if inside or not os.access(folder, os.W_OK):
        why = "is part of an installation" if inside else "cannot be written to"
        raise BadInput(f"the folder of board {board!r}, {folder}, {why}; name another: harness publish {board} FOLDER")
    return folder
