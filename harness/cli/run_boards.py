"""What `harness run` does: boards → pending cells → runs → standings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from harness.analysis.lookup import board_standings
from harness.boards.planning import BoardPlan, PlannedCell, distinct_cells, pending_cells
from harness.boards.selection import SelectedBoard, Selection, select_boards
from harness.boards.workspace import Workspace
from harness.cli.console import print_lines, print_standings
from harness.errors import InvalidMetric
from harness.execution.cell_locks import CellLocks
from harness.execution.driver import Finished, Refused, drive
from harness.execution.executors import executor_name, make_executor
from harness.report.progress import RunProgress
from harness.results.board_results import JournalResults
from harness.results.journal import Journal, prepare_home
from harness.results.standings import remove_standings

if TYPE_CHECKING:
    from rich.console import Console

EXIT_PROBLEMS, EXIT_INTERRUPTED = 2, 130


def run_boards(selection: Selection, workspace: Workspace, console: Console) -> int:
    """Run the pending cells of the selected boards, and show their standings; returns the exit code."""
    prepare_home(workspace.home)
    boards, left_out = select_boards(selection, workspace)
    print_lines(left_out, console)
    for board in boards:
        board.save(workspace.home)
    plans = [board.run for board in boards]
    cells = pending_cells(plans, workspace.journal, rerun=selection.rerun, retry_failed=selection.retry_failed)
    refused, interrupted = 0, False
    try:
        refused = _run_cells(cells, selection.jobs, workspace, console)
    except KeyboardInterrupt:
        interrupted = True
    total = len(distinct_cells(plans))
    if not cells and total:
        line = f"Nothing to do: all {total} cells are in the journal ({workspace.home / 'journal'})."
        print_lines([line], console)
    problems = [problem for board in boards if (problem := _conclude(board, workspace, console))]
    print_lines(problems, console)
    if interrupted:
        print_lines([_interruption(cells, workspace)], console)
        return EXIT_INTERRUPTED
    catalog = workspace.catalog
    print_lines(catalog.finished(workspace.home), console)
    print_lines([f"warning: {problem}" for problem in catalog.problems], console)
    without_cells = selection.boards and any(not plan.cells for plan in plans)
    return EXIT_PROBLEMS if refused or left_out or without_cells or problems else 0


def _run_cells(cells: Sequence[PlannedCell], jobs: int | None, workspace: Workspace, console: Console) -> int:
    """Run the cells; returns how many were refused."""
    if not cells:
        return 0
    refused = 0
    executor = make_executor(executor_name(jobs), workspace.home, cells, jobs)
    with RunProgress(console, len(cells)) as progress, closing(drive(cells, executor, workspace.journal)) as events:
        for event in events:
            progress.show(event)
            refused += isinstance(event, Refused)
            if isinstance(event, Finished) and event.ran_here:
                workspace.catalog.run_finished(event.run, workspace.home)
    return refused


def _conclude(board: SelectedBoard, workspace: Workspace, console: Console) -> str:
    """Compute and store the standings of a board, show those of the selected forecasters, and tell the plugins.

    Returns why there are none if the board's metric raises; empty otherwise.
    """
    if not board.run.cells:
        reasons = "; ".join(board.run.unavailable.values())
        print_lines([f"board {board.run.name} was left out: {reasons}"], console)
        return ""
    results = _results(board.stored, workspace)
    try:
        standings = board_standings(results, workspace)
    except InvalidMetric as error:
        remove_standings(workspace.home, board.stored.name)  # those of an earlier run
        return f"error: {error}"
    _store_scores(results, workspace.journal)
    standings.save(workspace.home)
    shown = standings if board.run is board.stored else board_standings(_results(board.run, workspace), workspace)
    print_standings(shown, console)
    workspace.catalog.standings_changed(board.stored.board, standings, workspace.home)
    return ""


def _results(plan: BoardPlan, workspace: Workspace) -> JournalResults:
    return JournalResults(plan.to_stored(), workspace.journal, workspace.catalog)


def _store_scores(results: JournalResults, journal: Journal) -> None:
    """Store the scores that were computed again, except of cells that another process runs."""
    if not results.rescored:
        return
    with closing(CellLocks(journal.home)) as locks:
        for key, record in results.rescored.items():
            if locks.take(key):
                journal.write_scores(record)
                locks.release(key)


def _interruption(cells: Sequence[PlannedCell], workspace: Workspace) -> str:
    done = sum(workspace.journal.modified(cell.key) != cell.recorded for cell in cells)
    return f"Stopped: {done} of {len(cells)} pending cells are done; the same command resumes the run."
