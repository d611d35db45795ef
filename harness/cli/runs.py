"""The command `harness runs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text, print_lines, wide_console
from harness.cli.options import csv_option, read_workspace_option
from harness.data.home_folders import home_name
from harness.errors import BadInput, UnknownName
from harness.fields.names import split_names

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.report.runs.run_table import ListedCell


@click.command("runs")
@click.argument("board", required=False, metavar="[BOARD | KEY]")
@click.option("--only", multiple=True, metavar="A,B,...", help="List these forecasters only. Repeatable.")
@csv_option
@read_workspace_option
def runs_command(board: str | None, only: tuple[str, ...], workspace: Workspace, *, as_csv: bool) -> None:
    """List the cells of a board, or of all: keys, statuses, scores, seconds.

    For the KEY of a cell, or its first digits, show what is known of it: results, environment, versions of packages,
    machine, notes. `harness replay` and `harness compare` take the keys, too.
    """
    workspace.check_exists()
    from harness.report.runs.run_table import runs_csv, runs_legend, runs_table

    key = None if board is None else _key(board, workspace)
    if key is not None:
        from harness.report.runs.run_text import run_text

        if only:
            raise BadInput("--only lists cells of forecasters; a key names one cell already")
        found = _cells_of_key(key, workspace)
        echo_text(runs_csv(found) if as_csv else run_text(found, wide_console().width))
        return
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
        echo(f"No cells in {home_name(workspace.home)}; `harness run` runs some.")
    else:
        console = wide_console()
        console.print(runs_table(f"Cells of {board or home_name(workspace.home)}", cells, console.width))
        print_lines([runs_legend(cells)], console, style="table.caption")


def _cells(board: str | None, workspace: Workspace) -> list[ListedCell]:
    """The cells of a board as it was last run; without a board all that the home knows."""
    from harness.analysis.lookup import find_journal_results
    from harness.report.runs.run_table import listed_cells
    from harness.results.stored_plan import stored_plans

    plans = stored_plans(workspace.home) if board is None else [find_journal_results(board, workspace).plan]
    return list(listed_cells(plans, workspace, others=board is None))


def _key(text: str, workspace: Workspace) -> str | None:
    """The key of a cell that begins with this text; None for a text that is none, or that names a board."""
    import re

    from harness.boards.leaderboard import board_file
    from harness.results.stored_plan import stored_plan, stored_plans

    if re.fullmatch(r"[0-9a-f]{1,32}", text) is None:
        return None
    if text in workspace.catalog.boards or board_file(text) or stored_plan(workspace.home, text):
        return None
    from harness.analysis.comparison.sources import check_digits, full_key

    check_digits(text, text)
    pending = {cell.key for plan in stored_plans(workspace.home) for cell in plan.cells}
    return full_key(text, {*workspace.journal.keys(), *pending}, workspace.home)


def _cells_of_key(key: str, workspace: Workspace) -> list[ListedCell]:
    """The cell of a key on each board that has it, or the one of the journal."""
    from dataclasses import replace

    from harness.report.runs.run_table import ListedCell, listed_cells
    from harness.results.stored_plan import stored_plans

    plans = stored_plans(workspace.home)
    plans = [replace(plan, cells=tuple(cell for cell in plan.cells if cell.key == key)) for plan in plans]
    if found := list(listed_cells(plans, workspace)):
        return found
    run = workspace.journal.read(key)
    if run is None:
        raise BadInput(f"the record of run {key} in {home_name(workspace.home)} cannot be read; run its board again")
    return [ListedCell.of_run(key, run, workspace.catalog.forecasters)]
