"""The status of a home folder: the commands that run its cells, and what is done of its boards. Nothing is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.data.damage import reported_only
from harness.data.home_folders import home_name, home_option
from harness.errors import BadInput, LaterVersion
from harness.evaluation.run import Run, Status
from harness.execution.activity import Activity, activities
from harness.execution.locks.local import lock_owners
from harness.execution.machine_status import MachineStatus, machine_statuses, run_seconds_left
from harness.results.conflicts import PendingConflict, pending_conflicts
from harness.results.index import Outcome, state_of
from harness.results.journal import CachedJournal
from harness.results.selections import BoardSelection, selected_keys, selections_of
from harness.results.stored_plan import StoredPlan, stored_plans


@dataclass(frozen=True)
class FailedCell:
    """A cell of a board that is recorded as failed, and why."""

    key: str
    forecaster: str
    task: str
    status: str
    reason: str
    machine: str = ""  # its name; empty: not known


@dataclass(frozen=True)
class ForecasterStatus:
    """How many cells of a forecaster of a board are in the journal."""

    forecaster: str
    cells: int
    done: int
    failed: int  # of those done
    not_selected: int = 0  # without a run, which no command has asked for


@dataclass(frozen=True)
class BoardStatus:
    """How many cells of a board, as it was last run, are in the journal."""

    board: str
    cells: int
    done: int
    failed: tuple[FailedCell, ...]  # of those done
    unavailable: tuple[str, ...]  # tasks without data
    later: int = 0  # cells that a later version of harness recorded
    forecasters: tuple[ForecasterStatus, ...] = ()
    pending: int = 0  # that commands have asked for
    not_selected: int = 0  # without a run, which no command has asked for
    options: tuple[str, ...] = ()  # of the commands that asked for some of its cells; empty: all were asked for
    conflicts: tuple[PendingConflict, ...] = ()  # pending cells of which several homes have different results


@dataclass(frozen=True)
class LockOwner:
    """A process that holds locks on cells without telling what it does."""

    process: int
    host: str
    cells: int


@dataclass(frozen=True)
class HomeStatus:
    """What runs in a home folder, and what is done."""

    home: str
    running: tuple[Activity, ...]
    boards: tuple[BoardStatus, ...]
    locks: tuple[LockOwner, ...]
    machines: tuple[MachineStatus, ...] = ()
    seconds_left: float | None = None  # of all commands that give signs, together; None: not known
    pending: int = 0  # cells; one of several boards counts once

    @property
    def is_done(self) -> bool:
        """Whether all cells of its boards are in the journal; False without a board."""
        return bool(self.boards) and not any(board.pending for board in self.boards)


@dataclass
class _Cells:
    """What the journal has of the cells of boards."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)  # by key
    pending: dict[str, set[str]] = field(default_factory=dict)  # keys by board


def home_status(
    home: Path, journal: CachedJournal, elsewhere: Iterable[Activity] = (), board: str | None = None
) -> HomeStatus:
    """The status of a home folder; of one that does not exist, an empty one. What is damaged is reported, not moved.

    `elsewhere` is what processes do that use the home through a store, those of this machine among them. With the name
    of a board, it is what runs and what is done of that board. Raises BadInput if it was not run.
    """
    here = activities(home)
    known_here = {(activity.process, activity.identity) for activity in here}
    others = [activity for activity in elsewhere if (activity.process, activity.identity) not in known_here]
    running = tuple(activity for activity in (*here, *others) if board is None or board in activity.boards)
    known = {(activity.host, activity.process) for activity in running}
    owners = Counter(owner for owner in lock_owners(home) if owner not in known)
    locks = tuple(LockOwner(process, host, cells) for (host, process), cells in sorted(owners.items()))
    found = _Cells()
    with reported_only():
        plans = [plan for plan in stored_plans(home) if board in (None, plan.name)]
        boards = tuple(_board_status(plan, selections_of(home, plan), journal, found) for plan in plans)
    running = tuple(_without_recorded(activity, found.outcomes) for activity in running)
    name = home_name(home)
    if board is not None and not plans:
        raise BadInput(f"board {board!r} was not run in {name}; run `harness run {board}{home_option(home)}` first")
    live = [activity for activity in running if not activity.is_silent]
    machines = machine_statuses(found.outcomes.values(), live)
    left = run_seconds_left(live, found.pending, machines)
    pending = len(set().union(*found.pending.values()))
    return HomeStatus(name, running, boards, locks, machines, left, pending)


def _board_status(
    plan: StoredPlan, selections: Sequence[BoardSelection], journal: CachedJournal, found: _Cells
) -> BoardStatus:
    """How much of a board is done; the outcomes of its cells are added to those found."""
    cells = {cell.key: cell for cell in plan.cells}
    done, failures, not_selected = Counter[str](), Counter[str](), Counter[str]()
    selected = selected_keys(selections, plan)
    later, failed, pending = 0, [], found.pending.setdefault(plan.name, set())
    for key, cell in cells.items():
        try:
            recorded = _recorded(key, journal)
        except LaterVersion:
            later += 1
            continue
        if recorded is None:
            if key in selected:
                pending.add(key)
            else:
                not_selected[cell.forecaster] += 1
            continue
        outcome = found.outcomes[key] = Outcome.of(recorded) if isinstance(recorded, Run) else recorded
        done[cell.forecaster] += 1
        if isinstance(recorded, Run) and recorded.status is not Status.COMPLETED:
            failures[cell.forecaster] += 1
            why = recorded.status.value, recorded.explanation, outcome.machine
            failed.append(FailedCell(key, cell.forecaster, cell.task, *why))
    totals = Counter(cell.forecaster for cell in cells.values())
    forecasters = tuple(
        ForecasterStatus(name, totals[name], done[name], failures[name], not_selected[name]) for name in totals
    )
    options = tuple(dict.fromkeys(each.options for each in selections))
    return BoardStatus(
        plan.name,
        len(cells),
        done.total(),
        tuple(failed),
        tuple(plan.unavailable),
        later,
        forecasters,
        len(pending),
        not_selected.total(),
        options,
        tuple(pending_conflicts(plan, journal.home)),
    )


def _without_recorded(activity: Activity, outcomes: Mapping[str, Outcome]) -> Activity:
    """What a command does, without the cells whose runs were recorded since it told that it runs them."""
    cells = activity.running
    left = tuple(cell for cell in cells if cell.key not in outcomes or outcomes[cell.key].finished < cell.since)
    return replace(activity, running=left)


def _recorded(key: str, journal: CachedJournal) -> Run | Outcome | None:
    """The run of a cell, or its outcome alone where the index knows that it is completed; None if it has none."""
    state = state_of(os.path.join(journal.cells, key))
    known = None if state is None else journal.index.outcome(key, state)
    return known if known is not None and known.status is Status.COMPLETED else journal.read(key)
