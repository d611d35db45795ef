"""Drives an executor through the missing cells, sharing them with other processes on the same home."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError
from harness.evaluation.run import Run
from harness.execution.cell_locks import CellLocks
from harness.execution.local import Executor, outcome_of
from harness.results.journal import Journal

POLL = 0.5  # seconds between looks at cells that another process is at work on


@dataclass(frozen=True)
class Started:
    """A cell was handed to the executor."""

    planned: PlannedCell


@dataclass(frozen=True)
class Finished:
    """A cell has its run in the journal; `here` unless another process did it."""

    planned: PlannedCell
    run: Run
    here: bool = True


@dataclass(frozen=True)
class Refused:
    """A cell that cannot be what was asked for; nothing was written."""

    planned: PlannedCell
    error: HarnessError


def drive(
    cells: Sequence[PlannedCell], executor: Executor, journal: Journal, claims: CellLocks, before: Mapping[str, int]
) -> Iterator[Started | Finished | Refused]:
    """Runs the cells, as many at a time as the executor has slots, and tells of each start and end.

    `before` says when each cell's record was written as it was found missing; one that was written
    since then is another process's work and done.
    """
    waiting, elsewhere = deque(cells), deque[PlannedCell]()
    running: dict[Future[Run], PlannedCell] = {}
    while waiting or running or elsewhere:
        while waiting and len(running) < executor.slots:
            planned = waiting.popleft()
            if not claims.take(planned.key):
                elsewhere.append(planned)
                continue
            if journal.modified(planned.key) != before[planned.key]:
                claims.release(planned.key)
                yield from _done_elsewhere(planned, journal)
                continue
            yield Started(planned)
            running[executor.submit(planned)] = planned
        if not waiting:
            yield from _met(elsewhere, waiting, journal, claims, before)
        if running:
            finished, _ = wait(running, timeout=POLL, return_when=FIRST_COMPLETED)
            for future in finished:
                planned = running.pop(future)
                outcome: Run | HarnessError | None = None
                if future.exception() is not None and journal.modified(planned.key) != before[planned.key]:
                    outcome = journal.read(planned.key)  # the worker died after it had written
                if outcome is None:
                    outcome = outcome_of(planned, future, journal.write)
                claims.release(planned.key)
                yield Refused(planned, outcome) if isinstance(outcome, HarnessError) else Finished(planned, outcome)
        elif elsewhere:
            time.sleep(POLL)


def _met(
    elsewhere: deque[PlannedCell],
    waiting: deque[PlannedCell],
    journal: Journal,
    claims: CellLocks,
    before: Mapping[str, int],
) -> Iterator[Finished]:
    """Looks after the cells that other processes claimed: done by now, or left behind."""
    for _ in range(len(elsewhere)):
        planned = elsewhere.popleft()
        if journal.modified(planned.key) != before[planned.key]:
            yield from _done_elsewhere(planned, journal)
        elif claims.take(planned.key):
            waiting.append(planned)
        else:
            elsewhere.append(planned)


def _done_elsewhere(planned: PlannedCell, journal: Journal) -> Iterator[Finished]:
    run = journal.read(planned.key)
    if run is not None:
        yield Finished(planned, run, here=False)
