"""The command `harness compare`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text, print_lines, wide_console
from harness.cli.options import csv_option, pool_option, read_workspace_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.forecasters.pools import Pool


@click.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--fail-if",
    "texts",
    multiple=True,
    metavar="CONDITION",
    help="Exit with 1 if it holds: 'MASE worse by 2%, p < 0.05'. Repeatable.",
)
@click.option("--metric", "metrics", multiple=True, help="Show this metric, without --fail-if. Repeatable.")
@click.option("--only", multiple=True, metavar="A,B,...", help="Compare these forecasters of boards only. Repeatable.")
@pool_option("Compare the forecasters of this pool only, without a baseline of another pool.")
@click.option("--strict", is_flag=True, help="Fail too for what cannot be tested or compared.")
@csv_option
@read_workspace_option
def compare_command(
    first: str,
    second: str,
    texts: tuple[str, ...],
    metrics: tuple[str, ...],
    only: tuple[str, ...],
    pools: tuple[Pool, ...],
    workspace: Workspace,
    *,
    strict: bool,
    as_csv: bool,
) -> None:
    """Compare run or board B with A.

    A and B are each the key of a cell or its first digits, KEY@HOME, a board, or BOARD@PLACE, where PLACE is a home
    folder, a folder of published results, or `published` for the results published with the board.
    """
    from harness.analysis.comparison.conditions import parse_condition
    from harness.analysis.comparison.results import compare
    from harness.analysis.comparison.sources import find_sources
    from harness.report.standings.comparison import comparison_csv, comparison_lines, comparison_tables, machine_lines

    if texts and metrics:
        raise BadInput("--metric shows metrics without --fail-if; leave it out, and name the metric in a condition")
    if strict and not texts:
        raise BadInput("--strict needs a condition: --fail-if 'MASE worse by 2%, p < 0.05'")
    conditions = [parse_condition(text) for text in texts]
    pair = find_sources(first, second, workspace, pools)
    found = compare(*pair, conditions, metrics, workspace.catalog, strict=strict, only=only)
    if as_csv:
        for line in machine_lines(found):
            echo(line, err=True)
        echo_text(comparison_csv(found))
    else:
        console = wide_console()
        for table in comparison_tables(found, console.width):
            console.print(table)
        print_lines(comparison_lines(found), console)
    sys.exit(1 if found.failed else 0)
