"""The status of a home folder: the commands that run its cells, and what is done of its boards. Nothing is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.data.damage import reported_only
from harness.data.home_folders import store_url
from harness.errors import LaterVersion
from harness.evaluation.run import Run, Status
from harness.execution.activity import Activity, activities
from harness.execution.cell_locks import lock_owners
from harness.results.index import state_of
from harness.results.journal import CachedJournal
from harness.results.stored_plan import StoredPlan, stored_plans


@dataclass(frozen=True)
class FailedCell:
    """A cell of a board that is recorded as failed, and why."""

    key: str
    forecaster: str
    task: str
    status: str
    reason: str


@dataclass(frozen=True)
class BoardStatus:
    """How many cells of a board, as it was last run, are in the journal."""

    board: str
    cells: int
    done: int
    failed: tuple[FailedCell, ...]  # of those done
    unavailable: tuple[str, ...]  # tasks without data
    later: int = 0  # cells that a later version of harness recorded


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


def home_status(home: Path, journal: CachedJournal, elsewhere: Iterable[Activity] = ()) -> HomeStatus:
    """The status of a home folder; of one that does not exist, an empty one. What is damaged is reported, not moved.

    `elsewhere` is what processes do that use the home through a store, those of this machine among them.
    """
    here = activities(home)
    known_here = {(activity.process, activity.identity) for activity in here}
    others = [activity for activity in elsewhere if (activity.process, activity.identity) not in known_here]
    running = (*here, *others)
    known = {(activity.host, activity.process) for activity in running}
    owners = Counter(owner for owner in lock_owners(home) if owner not in known)
    locks = tuple(LockOwner(process, host, cells) for (host, process), cells in sorted(owners.items()))
    with reported_only():
        boards = tuple(_board_status(plan, journal) for plan in stored_plans(home))
    return HomeStatus(store_url(home) or str(home), running, boards, locks)


def _board_status(plan: StoredPlan, journal: CachedJournal) -> BoardStatus:
    cells = {cell.key: cell for cell in plan.cells}
    done, later, failed = 0, 0, []
    for key, cell in cells.items():
        try:
            found = _recorded(key, journal)
        except LaterVersion:
            later += 1
            continue
        done += found is not None
        if isinstance(found, Run) and found.status is not Status.COMPLETED:
            failed.append(FailedCell(key, cell.forecaster, cell.task, found.status.value, found.explanation))
    return BoardStatus(plan.name, len(cells), done, tuple(failed), tuple(plan.unavailable), later)


def _recorded(key: str, journal: CachedJournal) -> Run | Status | None:
    """The run of a cell, or its status alone where the index knows that it is completed; None if it has none."""
    state = state_of(os.path.join(journal.cells, key))
    if state is not None and journal.index.status(key, state) is Status.COMPLETED:
        return Status.COMPLETED
    return journal.read(key)
