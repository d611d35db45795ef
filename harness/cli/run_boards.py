"""What `harness run` does: boards → pending cells → runs → standings."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analysis.lookup import board_standings
from harness.boards.pending import distinct_cells, pending_cells
from harness.boards.planning import BoardPlan, PlannedCell
from harness.boards.selected_board import SelectedBoard
from harness.boards.selection import Selection, select_boards
from harness.boards.stale import stale_results
from harness.boards.workspace import Workspace
from harness.cli.console import print_lines, print_standings
from harness.cli.run_cells import run_cells
from harness.cli.run_store import Unfinished, cluster_lines, exchange, fault_lines, is_because_of
from harness.cli.signals import StopSignals, exit_code, stop_signals
from harness.data.home_folders import home_name
from harness.errors import InfrastructureFault, InvalidMetric
from harness.execution.locks.local import CellLocks
from harness.execution.remote_leftovers import remove_stored_leftovers
from harness.execution.scheduling.division import FoundShard, ShardOptions, find_shard
from harness.report.progress.run_plan import shard_line
from harness.report.progress.still_pending import pending_lines
from harness.report.standings.shown import listed
from harness.results.board_results import JournalResults
from harness.results.journal import Journal, prepare_home
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.store import StoreUnavailable
from harness.results.standings import remove_standings

if TYPE_CHECKING:
    from rich.console import Console

EXIT_PROBLEMS = 2
ALL = ShardOptions()


def run_boards(
    selection: Selection, workspace: Workspace, console: Console, sharding: ShardOptions = ALL, *, pdb: bool = False
) -> int:
    """Run the pending cells of the selected boards, and show their standings; returns the exit code.

    Ctrl-C, SIGTERM and SIGHUP end the cells; the standings of what is done are shown. A shard runs its cells only, and
    shows no standings. With `pdb`, a debugger opens where a forecaster in this process raises.
    """
    with stop_signals() as stop:
        try:
            return _run_boards(selection, workspace, console, sharding, stop, pdb=pdb)
        except StoreUnavailable as error:  # before the first cell: later ones are part of what is shown at the end
            if str(error) != error.problem:
                raise
            raise StoreUnavailable(error.problem, "no cell was started; run the command again") from error


@dataclass(frozen=True)
class _Planned:
    """What a command is to do."""

    boards: Sequence[SelectedBoard]
    left_out: Sequence[str]  # boards and cells, in words
    cells: Sequence[PlannedCell]  # those that are pending, of the shard if there is one
    asked_for: Collection[str]  # keys of all of them, pending or not
    shard: str = ""

    @property
    def plans(self) -> list[BoardPlan]:
        return [board.run for board in self.boards]


def _run_boards(
    selection: Selection,
    workspace: Workspace,
    console: Console,
    sharding: ShardOptions,
    stop: StopSignals,
    *,
    pdb: bool,
) -> int:
    shard = find_shard(sharding, os.environ, workspace.home)
    prepare_home(workspace.home)
    remote = workspace.remote
    if remote is not None:
        remote.prepare()
    planned = _plan(selection, workspace, shard, console)
    workspace.fingerprints.release()  # the processes of the cells have the data in the home
    unfinished: list[Unfinished] = []
    stopped: KeyboardInterrupt | None = None
    try:
        names = [plan.name for plan in planned.plans]
        unfinished = run_cells(
            planned.cells,
            names,
            selection,
            workspace,
            console,
            stop,
            shard=planned.shard,
            asked_for=planned.asked_for,
            pdb=pdb,
        )
    except KeyboardInterrupt as error:
        stopped = error
        stop.listen()  # the standings can be interrupted
    fault = exchange(remote, RemoteHome.pull, patient=stopped is None)  # what other machines did meanwhile
    problems, lost = [], []
    if shard is None and fault is None:
        problems = [problem for board in planned.boards if (problem := _conclude(board, workspace, console))]
        lost = _lost_cells(planned, workspace.journal)
    if fault is None:
        steps = (RemoteHome.push_pending, RemoteHome.write_packs, remove_stored_leftovers)
        fault = exchange(remote, *steps, patient=stopped is None)
    print_lines(_messages(planned, unfinished, problems, lost, fault, workspace), console)
    if stopped is not None:
        print_lines([*fault_lines(fault, remote, ()), _interruption(planned.cells, workspace)], console)
        return exit_code(stopped)
    print_lines(workspace.catalog.finished(workspace.home), console)
    print_lines([f"warning: {problem}" for problem in workspace.catalog.problems], console)
    print_lines([*cluster_lines(unfinished), *fault_lines(fault, remote, unfinished)], console)
    without_cells = selection.boards and any(not plan.cells for plan in planned.plans)
    has_problems = unfinished or planned.left_out or without_cells or problems or lost or fault is not None
    return EXIT_PROBLEMS if has_problems else 0


def _plan(selection: Selection, workspace: Workspace, shard: FoundShard | None, console: Console) -> _Planned:
    """Plan the selected boards, store their plans, and tell which results are stale."""
    boards, left_out = select_boards(selection, workspace)
    plans = [board.run for board in boards]
    distinct = distinct_cells(plans)
    own = None if shard is None else shard.cells_of(distinct)  # before anything is stored: it may be refused
    cells = pending_cells(
        plans,
        workspace.journal,
        rerun=selection.rerun,
        retry_failed=selection.retry_failed,
        strict=selection.strict,
    )
    print_lines(map(str, stale_results(plans, cells, workspace)), console)
    for board in boards:
        board.save(workspace.home)
    if workspace.remote is not None:
        workspace.remote.patience.attempt(workspace.remote.push_pending)  # the plans
    if shard is None or own is None:
        return _Planned(boards, left_out, cells, {cell.key for cell in distinct})
    cells = own.ordered(cells)
    print_lines([shard_line(own, len(cells))], console)
    return _Planned(boards, left_out, cells, own.seconds.keys(), shard.name)


def _messages(
    planned: _Planned,
    unfinished: Sequence[Unfinished],
    problems: Sequence[str],
    lost: Sequence[PlannedCell],
    fault: InfrastructureFault | None,
    workspace: Workspace,
) -> Iterator[str]:
    """What is shown below the standings: what was left out, and what is pending for other reasons than the fault."""
    if not planned.cells and not lost and planned.asked_for:
        yield f"Nothing to do: all {len(planned.asked_for)} cells are in the journal of {home_name(workspace.home)}."
    yield from (*_without_data(planned.plans), *planned.left_out, *problems)
    yield from pending_lines(event for event in unfinished if not is_because_of(event, fault))
    if lost:
        what = "1 cell" if len(lost) == 1 else f"{len(lost):,} cells"
        yield f"error: files of {what} are damaged; the same command runs what is pending now"


def _lost_cells(planned: _Planned, journal: Journal) -> list[PlannedCell]:
    """The cells that are pending although they were not, since their files turned out to be damaged."""
    known = {cell.key for cell in planned.cells}
    return [cell for cell in pending_cells(planned.plans, journal) if cell.key not in known]


def _conclude(board: SelectedBoard, workspace: Workspace, console: Console) -> str:
    """Compute and store the standings of a board, show those of the selected forecasters, and tell the plugins.

    Returns why there are none if the board's metric raises; empty otherwise.
    """
    if not board.run.cells:
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


def _without_data(plans: Sequence[BoardPlan]) -> list[str]:
    """The boards of which no cell could be planned, those with the same reason in one sentence."""
    names: dict[str, list[str]] = {}
    for plan in plans:
        if not plan.cells:
            names.setdefault("; ".join(dict.fromkeys(plan.unavailable.values())), []).append(plan.name)
    return [
        f"board {boards[0]} was left out: {reason}"
        if len(boards) == 1
        else f"boards {listed(boards)} were left out: {reason}"
        for reason, boards in names.items()
    ]


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
