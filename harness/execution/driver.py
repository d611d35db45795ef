"""Drives an executor through the pending cells, sharing them with other processes on the same home."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError, HomeUnusable, InfrastructureFault
from harness.evaluation.parts import PartEnd, Split
from harness.evaluation.run import Run
from harness.execution.awaited_owners import AwaitedOwners
from harness.execution.events import Event, Finished, NotStarted, Postponed, Refused, Started
from harness.execution.executors.executor import ClusterUnavailable, Executor, Outcome
from harness.execution.fault_counts import FaultCounts
from harness.execution.finished_elsewhere import FinishedElsewhere
from harness.execution.locks.interface import Locks
from harness.execution.locks.local import CellLocks
from harness.execution.split_cells import SplitCell, remove_leftovers
from harness.results.journal import Journal
from harness.results.remote.store import StoreUnavailable
from harness.results.stored_parts import StoredParts

POLL = 0.5  # seconds between looks at cells that another process runs
PATIENCE = 1.0  # seconds of waiting for another process before the user is told


def drive(
    cells: Sequence[PlannedCell], executor: Executor, journal: Journal, locks: Locks | None = None
) -> Generator[Event, None, None]:
    """Run the cells, as many at a time as the executor has slots, and yield each start and end.

    `locks` are by default those of the journal's folder. At the end, or when the iterator is closed, the executor is
    closed and all locks are released.
    """
    locks = CellLocks(journal.home) if locks is None else locks
    try:
        remove_leftovers(journal, cells, locks)
        yield from _Drive(cells, executor, journal, locks).events()
    finally:
        executor.close()
        locks.close()


class _Drive:
    """The state of a drive: which cells wait, run here, are in parts, or are locked by another process."""

    def __init__(self, cells: Sequence[PlannedCell], executor: Executor, journal: Journal, locks: Locks) -> None:
        self.executor, self.journal, self.locks = executor, journal, locks
        self.waiting = deque(cells)
        self.locked_elsewhere = deque[PlannedCell]()
        self.running: dict[Future[Any], PlannedCell] = {}  # cells, and parts of cells
        self.split: dict[str, SplitCell] = {}  # by key: cells in parts, of this process and of others
        self._helped: set[str] = set()  # cells of other processes of which no part is left
        self._waits_since: float | None = None
        self._faults = FaultCounts()
        self._lost: InfrastructureFault | None = None  # why no other cell is started
        self._owners = AwaitedOwners(locks)
        self._elsewhere = FinishedElsewhere(journal, locks)

    def events(self) -> Iterator[Event]:
        """Run all cells."""
        while self.waiting or self.running or self.locked_elsewhere or self.split:
            if self.waiting and self._elsewhere.is_due:
                yield from self._end_finished_elsewhere()
            yield from self._fill_slots()
            if self.split or (self.locked_elsewhere and not self.waiting):
                yield from self._look()
            if not self.waiting:
                yield from self._look_elsewhere()
            yield from filter(None, [cell.news() for cell in self.split.values()])
            if self.running:
                self._waits_since = None
                yield from self._end_finished()
            elif self.locked_elsewhere or self.split:
                yield from self._wait()

    def _fill_slots(self) -> Iterator[Event]:
        """Start what can be started: parts first, so that their cells end before others begin."""
        while len(self.running) < self.executor.slots:
            part = self._next_part()
            if part is not None:
                self.running[self.executor.submit(part)] = part
                continue
            yield from self._end_split()
            if len(self.running) >= self.executor.slots or (planned := self._next()) is None:
                return
            yield from self._start(planned)

    def _next_part(self) -> PlannedCell | None:
        """A part that can be evaluated now, of a cell of this process if there is one."""
        for cell in sorted(self.split.values(), key=lambda each: not each.is_own):
            if not self.executor.has_room(cell.planned) or (self.waiting and not cell.is_own):
                continue
            if (part := cell.next_part()) is not None:
                return part
        return None

    def _end_split(self) -> Iterator[Event]:
        """Make the runs of the cells whose parts are all there; postpone those of which one could not be evaluated."""
        for key, cell in [(key, cell) for key, cell in self.split.items() if cell.is_over]:
            if cell.is_own and cell.error is None and not self.executor.has_room(cell.planned):
                continue
            del self.split[key]
            if not cell.is_own:
                self._helped.add(key)
            elif cell.error is None:
                self.running[self.executor.submit(cell.planned)] = cell.planned
            else:
                self.locks.release(key)
                yield from self._events_at_end(self._ended(cell.planned, cell.error))

    def _next(self) -> PlannedCell | None:
        """The first of the waiting cells that could start now; those that need a GPU may have to wait for one."""
        for position, planned in enumerate(self.waiting):
            if self.executor.has_room(planned):
                del self.waiting[position]
                return planned
        return None

    def _wait(self) -> Iterator[Event]:
        """Wait for other processes, and say for which."""
        now = time.monotonic()
        self._waits_since = now if self._waits_since is None else self._waits_since
        if now - self._waits_since >= PATIENCE:
            own_in_parts = [
                (cell.awaited, cell.planned) for cell in self.split.values() if cell.is_own and cell.waiting
            ]
            owned = [(self.locks.owner(planned.key), planned) for planned in self.locked_elsewhere]
            yield from self._owners.news([*owned, *own_in_parts])
        time.sleep(POLL)

    def _start(self, planned: PlannedCell) -> Iterator[Event]:
        """Submit a cell, unless another process runs it or has just finished it."""
        try:
            is_ours = self.locks.take(planned.key)
        except InfrastructureFault as fault:
            self.locks.release(planned.key)
            yield from self._postpone(planned, fault)
            return
        if not is_ours:
            self.locked_elsewhere.append(planned)
        elif (run := self._elsewhere.run(planned)) is not None:
            self.locks.release(planned.key)
            yield Finished(planned, run, ran_here=False)
        else:
            yield Started(planned)
            self.running[self.executor.submit(planned)] = planned

    def _end_finished(self) -> Iterator[Event]:
        """Wait for submitted cells, and release those that ended."""
        ended, _ = wait(self.running, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in ended:
            planned = self.running.pop(future)
            result = self._result(planned, future)
            if planned.part is not None:
                assert not isinstance(result, Run | Split)
                self.split[planned.key].end(planned.part, result)
                continue
            if isinstance(result, Split):
                stored = StoredParts(self.journal.home, planned.key)
                self.split[planned.key] = SplitCell(planned, result.parts, stored, self.locks, is_own=True)
                continue
            assert not isinstance(result, PartEnd)
            self.locks.release(planned.key)
            yield from self._events_at_end(self._ended(planned, result))
        if self._lost is not None:
            yield from self._start_no_other(self._lost)

    def _start_no_other(self, fault: InfrastructureFault) -> Iterator[Event]:
        """Leave all cells pending that were not started, since the store or the cluster was given up."""
        cells = (*self.waiting, *self.locked_elsewhere)
        self.waiting.clear()
        self.locked_elsewhere.clear()
        for cell in self.split.values():
            if cell.waiting:
                cell.give_up(fault)
        if cells:
            yield NotStarted(cells, str(fault), of_cluster=isinstance(fault, ClusterUnavailable))

    def _postpone(self, planned: PlannedCell, fault: InfrastructureFault) -> Iterator[Event]:
        """Leave a cell pending that cannot be run now, and all others if the store was given up."""
        if isinstance(fault, StoreUnavailable):
            self.waiting.appendleft(planned)
            yield from self._start_no_other(fault)
            return
        yield from self._events_at_end(Postponed(planned, str(fault)))

    def _events_at_end(self, event: Finished | Refused | Postponed) -> Iterator[Event]:
        """The end of a cell, and of those that are not started, since too many before them could not be run."""
        yield event
        self._faults.note(event)
        if isinstance(event, Postponed):
            reasons = [(planned, self._faults.reason_against(planned)) for planned in self.waiting]
            self.waiting = deque(planned for planned, reason in reasons if not reason)
            yield from (Postponed(planned, reason) for planned, reason in reasons if reason)

    def _ended(self, planned: PlannedCell, result: Run | HarnessError) -> Finished | Refused | Postponed:
        if isinstance(result, InfrastructureFault | HomeUnusable):
            return Postponed(planned, str(result), of_cluster=isinstance(result, ClusterUnavailable))
        return Refused(planned, result) if isinstance(result, HarnessError) else Finished(planned, result)

    def _result(self, planned: PlannedCell, future: Future[Any]) -> Outcome | HarnessError:
        """The run of a submitted cell or part, or why it has none."""
        error = future.exception()
        if error is None:
            outcome: Outcome = future.result()
            return outcome
        if isinstance(error, StoreUnavailable | ClusterUnavailable):
            self._lost = error  # a result is in the local copy of the home only
        if planned.part is not None:
            if (end := self.split[planned.key].stored_end(planned.part)) is not None:
                return end  # the supervisor died, or the store was given up, after it was written
        elif (recorded := self._elsewhere.run(planned)) is not None:
            return recorded  # likewise
        if isinstance(error, HarnessError):
            return error
        if isinstance(error, OSError):
            return InfrastructureFault(f"its result cannot be written: {error}")
        raise error

    def _look(self) -> Iterator[Event]:
        """Learn what other processes did of the cells that they locked, and of those in parts."""
        try:
            self.locks.look()
        except InfrastructureFault as fault:
            for cell in self.split.values():
                cell.give_up(fault)
            while self.locked_elsewhere:
                yield from self._postpone(self.locked_elsewhere.popleft(), fault)

    def _look_elsewhere(self) -> Iterator[Event]:
        """Look after the cells that other processes locked: finished by now, or given up."""
        for _ in range(len(self.locked_elsewhere)):
            if not self.locked_elsewhere:  # all were given up
                return
            planned = self.locked_elsewhere.popleft()
            helped = self.split.get(planned.key)
            if (run := self._elsewhere.run(planned)) is not None:
                yield self._finished_elsewhere(planned, run)
            elif helped is not None or self._could_start(planned):
                yield from self._take_over(planned, helped)
            else:
                self.locked_elsewhere.append(planned)  # others may have more room

    def _could_start(self, planned: PlannedCell) -> bool:
        """Whether a cell could start soon beside those that run, and those that wait for that."""
        return len(self.running) + len(self.waiting) < self.executor.slots and self.executor.has_room(planned)

    def _end_finished_elsewhere(self) -> Iterator[Event]:
        """The ends of the cells that other processes have run while this one has cells to start."""
        found = self._elsewhere.look([*self.waiting, *self.locked_elsewhere])
        self.waiting = deque(planned for planned in self.waiting if planned.key not in found)
        self.locked_elsewhere = deque(planned for planned in self.locked_elsewhere if planned.key not in found)
        for planned, run in found.values():
            self.locks.release(planned.key)  # of a cell that was taken over, but not started
            yield self._finished_elsewhere(planned, run)

    def _finished_elsewhere(self, planned: PlannedCell, run: Run) -> Finished:
        """The end of a cell that another process ran; its parts are not needed any more."""
        if (helped := self.split.get(planned.key)) is not None:
            helped.finish()
        return Finished(planned, run, ran_here=False)

    def _take_over(self, planned: PlannedCell, helped: SplitCell | None) -> Iterator[Event]:
        """Have a cell that another process locked run here if it was given up; otherwise help it."""
        try:
            is_ours = self.locks.take(planned.key)
        except InfrastructureFault as fault:
            if helped is not None:
                helped.give_up(fault)
            yield from self._postpone(planned, fault)
            return
        if is_ours and (run := self._elsewhere.run(planned)) is not None:  # just before it was released
            self.locks.release(planned.key)
            yield self._finished_elsewhere(planned, run)
        elif is_ours and helped is not None:
            helped.is_own = True
        elif is_ours:
            self.waiting.append(planned)
        else:
            self.locked_elsewhere.append(planned)
            if helped is None and planned.key not in self._helped:
                yield from self._help(planned)

    def _help(self, planned: PlannedCell) -> Iterator[Event]:
        """Evaluate parts of a cell that another process runs, if it is in parts."""
        stored = StoredParts(self.journal.home, planned.key)
        plan = stored.plan() if stored.is_planned and self.executor.takes_parts else None
        if plan is None:
            return
        cell = SplitCell(planned, stored.pending(plan), stored, self.locks, is_own=False)
        if cell.waiting:
            self.split[planned.key] = cell
            yield Started(planned)
        else:
            self._helped.add(planned.key)
