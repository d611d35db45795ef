"""What `harness run` does: boards → pending cells → runs → standings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.planning import PlannedCell, pending_cells
from harness.boards.selection import SelectedBoard, Selection, select_boards
from harness.cli.console import print_lines, print_standings
from harness.execution.cell_locks import CellLocks
from harness.execution.driver import Finished, Refused, drive
from harness.execution.local import Executor, InProcess, LocalProcesses
from harness.plugins.catalog import Catalog
from harness.report.progress import RunProgress
from harness.results.board_results import JournalResults
from harness.results.journal import CachedJournal, Journal, prepared_home

if TYPE_CHECKING:
    from rich.console import Console


def run(request: Selection, catalog: Catalog, console: Console) -> int:
    """Run what is missing, show the standings; returns the exit code."""
    home = prepared_home(request.home)
    journal = CachedJournal(home)
    boards, left_out = select_boards(request, catalog, journal)
    print_lines(left_out, console)
    for board in boards:
        board.stored.save(home)
    plans = [board.run for board in boards]
    before = {one.key: journal.modified(one.key) for plan in plans for one in plan.cells}
    cells = pending_cells(plans, journal, rerun=request.rerun, retry_failed=request.retry_failed)
    refused, interrupted = 0, False
    try:
        refused = _run_cells(cells, before, request, catalog, console, journal)
    except KeyboardInterrupt:
        interrupted = True
    total = len({one.key for plan in plans for one in plan.cells})
    if not cells and total:
        print_lines([f"Nothing to do: all {total} cells are in the journal ({home / 'journal'})."], console)
    for board in boards:
        _conclude(board, catalog, journal, home, console)
    if interrupted:
        done = sum(journal.modified(one.key) != before[one.key] for one in cells)
        print_lines(
            [f"Stopped: {done} of {len(cells)} missing cells are done; the same command goes on from here."], console
        )
        return 130
    print_lines(catalog.finished(home), console)
    print_lines([f"warning: {problem}" for problem in catalog.problems], console)
    absent = request.boards and any(not board.run.cells for board in boards)
    return 2 if refused or left_out or absent else 0


def _run_cells(
    cells: list[PlannedCell],
    before: Mapping[str, int],
    request: Selection,
    catalog: Catalog,
    console: Console,
    journal: Journal,
) -> int:
    """Runs the cells; returns how many were refused."""
    if not cells:
        return 0
    claims = CellLocks(request.home)
    executor = _executor(cells, request)
    refused = 0
    try:
        with RunProgress(console, len(cells)) as progress:
            for event in drive(cells, executor, journal, claims, before):
                progress.show(event)
                refused += isinstance(event, Refused)
                if isinstance(event, Finished) and event.here:
                    catalog.run_finished(event.run, request.home)
    finally:
        executor.close()
        claims.close()
    return refused


def _executor(cells: list[PlannedCell], request: Selection) -> Executor:
    jobs = (os.cpu_count() or 1) if request.jobs is None else request.jobs
    home = request.home.resolve()
    if jobs == 0:
        return InProcess(home)
    imports = sorted({name for one in cells for name in one.imports})
    return LocalProcesses(home, min(jobs, len(cells)), imports)


def _conclude(board: SelectedBoard, catalog: Catalog, journal: Journal, home: Path, console: Console) -> None:
    """Compute, store and show the standings of a board."""
    if not board.run.cells:
        print_lines([f"board {board.run.name} was left out: {'; '.join(board.run.unavailable.values())}"], console)
        return
    from harness.analysis.ranking.compute import compute_standings
    from harness.analysis.ranking.costs import with_costs

    metric = catalog.metrics[board.run.board.metric].spec
    whole, narrow = board.stored.stored(), board.run.stored()
    computed = with_costs(compute_standings(JournalResults(whole, journal), metric), whole, home)
    computed.save(home)
    same = board.run is board.stored
    shown = computed if same else with_costs(compute_standings(JournalResults(narrow, journal), metric), narrow, home)
    print_standings(shown, console)
    catalog.standings_changed(board.stored.board, computed, home)
