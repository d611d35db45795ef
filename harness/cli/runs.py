"""The command `harness runs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text, print_lines, wide_console
from harness.cli.options import csv_option, workspace_option
from harness.errors import UnknownName
from harness.fields.names import split_names

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.report.runs import ListedCell


@click.command("runs")
@click.argument("board", required=False)
@click.option("--only", multiple=True, metavar="A,B,...", help="List these forecasters only. Repeatable.")
@csv_option
@workspace_option
def runs_command(board: str | None, only: tuple[str, ...], workspace: Workspace, *, as_csv: bool) -> None:
    """List the cells of a board, or of all: keys, statuses, scores, seconds.

    `harness replay` and `harness compare` take the keys.
    """
    from harness.report.runs import runs_csv, runs_legend, runs_table

    cells = _cells(board, workspace)
    known = {cell.forecaster for cell in cells}
    names = split_names(only, known)
    for name in names:
        if name not in known:
            raise UnknownName("forecaster with cells", name, known)
    cells = [cell for cell in cells if not names or cell.forecaster in names]
    if as_csv:
        echo_text(runs_csv(cells))
    elif not cells:
        echo(f"No cells in {workspace.home}; `harness run` runs some.")
    else:
        console = wide_console()
        console.print(runs_table(f"Cells of {board or workspace.home}", cells, console.width))
        print_lines([runs_legend(cells)], console, style="table.caption")


def _cells(board: str | None, workspace: Workspace) -> list[ListedCell]:
    """The cells of a board as it was last run; without a board all that the home knows."""
    from harness.analysis.lookup import find_journal_results
    from harness.report.runs import listed_cells
    from harness.results.stored_plan import stored_plans

    plans = stored_plans(workspace.home) if board is None else [find_journal_results(board, workspace).plan]
    return list(listed_cells(plans, workspace, others=board is None))
