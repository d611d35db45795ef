"""Drives an executor through the pending cells, sharing them with other processes on the same home."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError, HomeUnusable
from harness.evaluation.run import Run, Status
from harness.execution.cell_locks import CellLocks
from harness.execution.executor import Executor
from harness.results.journal import Journal

POLL = 0.5  # seconds between looks at cells that another process runs
PATIENCE = 1.0  # seconds of waiting for another process before the user is told


@dataclass(frozen=True)
class Started:
    """A cell was submitted to the executor."""

    planned: PlannedCell


@dataclass(frozen=True)
class Finished:
    """A cell has its run in the journal; `ran_here` unless another process ran it."""

    planned: PlannedCell
    run: Run
    ran_here: bool = True


@dataclass(frozen=True)
class Refused:
    """A cell that cannot be run as it is specified; nothing was written."""

    planned: PlannedCell
    error: HarnessError


@dataclass(frozen=True)
class Waiting:
    """Nothing is left to run but cells that other processes have locked; yielded once for each process."""

    owner: str  # as part of a sentence
    cells: tuple[PlannedCell, ...]


Event = Started | Finished | Refused | Waiting


def drive(cells: Sequence[PlannedCell], executor: Executor, journal: Journal) -> Generator[Event, None, None]:
    """Run the cells, as many at a time as the executor has slots, and yield each start and end.

    At the end, or when the iterator is closed, the executor is closed and all locks are released.
    """
    locks = CellLocks(journal.home)
    try:
        yield from _Drive(cells, executor, journal, locks).events()
    finally:
        executor.close()
        locks.close()


class _Drive:
    """The state of a drive: which cells wait, run here, or are locked by another process."""

    def __init__(self, cells: Sequence[PlannedCell], executor: Executor, journal: Journal, locks: CellLocks) -> None:
        self.executor, self.journal, self.locks = executor, journal, locks
        self.waiting = deque(cells)
        self.locked_elsewhere = deque[PlannedCell]()
        self.running: dict[Future[Run], PlannedCell] = {}
        self._waits_since: float | None = None
        self._named: set[str] = set()  # owners of locks of whom it was said that their cells are awaited

    def events(self) -> Iterator[Event]:
        """Run all cells."""
        while self.waiting or self.running or self.locked_elsewhere:
            while self.waiting and len(self.running) < self.executor.slots:
                yield from self._start(self.waiting.popleft())
            if not self.waiting:
                yield from self._look_elsewhere()
            if self.running:
                self._waits_since = None
                yield from self._end_finished()
            elif self.locked_elsewhere:
                yield from self._wait()

    def _wait(self) -> Iterator[Event]:
        """Wait for other processes, and say for which."""
        now = time.monotonic()
        self._waits_since = now if self._waits_since is None else self._waits_since
        if now - self._waits_since >= PATIENCE:
            owners: dict[str, list[PlannedCell]] = {}
            for planned in self.locked_elsewhere:
                owners.setdefault(self.locks.owner(planned.key), []).append(planned)
            for owner in owners.keys() - self._named:
                self._named.add(owner)
                yield Waiting(owner, tuple(owners[owner]))
        time.sleep(POLL)

    def _start(self, planned: PlannedCell) -> Iterator[Event]:
        """Submit a cell, unless another process runs it or has just finished it."""
        if not self.locks.take(planned.key):
            self.locked_elsewhere.append(planned)
        elif self._is_recorded(planned):
            self.locks.release(planned.key)
            yield from self._finished_elsewhere(planned)
        else:
            yield Started(planned)
            self.running[self.executor.submit(planned)] = planned

    def _end_finished(self) -> Iterator[Event]:
        """Wait for submitted cells, and release those that ended."""
        ended, _ = wait(self.running, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in ended:
            planned = self.running.pop(future)
            result = self._result(planned, future)
            self.locks.release(planned.key)
            yield Refused(planned, result) if isinstance(result, HarnessError) else Finished(planned, result)

    def _result(self, planned: PlannedCell, future: Future[Run]) -> Run | HarnessError:
        """The run of a submitted cell; of one whose process died, a failed run that is written to the journal."""
        error = future.exception()
        if error is None:
            return future.result()
        if self._is_recorded(planned) and (recorded := self.journal.read(planned.key)) is not None:
            return recorded  # the process died after it had written
        if isinstance(error, HarnessError):
            return error
        if isinstance(error, OSError) and getattr(error, "exitcode", None) is None:
            return HomeUnusable(f"its result cannot be written: {error}")
        run = _failed_run(planned, error)
        self.journal.write(run)
        return run

    def _look_elsewhere(self) -> Iterator[Event]:
        """Look after the cells that other processes locked: finished by now, or given up."""
        for _ in range(len(self.locked_elsewhere)):
            planned = self.locked_elsewhere.popleft()
            if self._is_recorded(planned):
                yield from self._finished_elsewhere(planned)
            elif self.locks.take(planned.key):
                self.waiting.append(planned)
            else:
                self.locked_elsewhere.append(planned)

    def _finished_elsewhere(self, planned: PlannedCell) -> Iterator[Event]:
        run = self.journal.read(planned.key)
        if run is not None:
            yield Finished(planned, run, ran_here=False)

    def _is_recorded(self, planned: PlannedCell) -> bool:
        """Whether the cell's record was written since the cell was found pending."""
        return self.journal.modified(planned.key) != planned.recorded


def _failed_run(planned: PlannedCell, error: BaseException) -> Run:
    """The run of a cell whose executor raised, or whose worker process died."""
    trace = "".join(traceback.format_exception(error))
    code = getattr(error, "exitcode", None)
    if code is None:
        return Run(planned.cell, Status.FAILED, planned.key, str(error).strip() or type(error).__name__, trace)
    reason = f"the worker process died (exit code {code}); run it with --jobs 0 to see more"
    return Run(planned.cell, Status.CRASHED, planned.key, reason, trace)
