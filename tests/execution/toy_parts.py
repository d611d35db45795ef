"""A cell with four parts, one without, and an executor that evaluates them in a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from harness import RollingOrigin, Run, Status, Task
from harness.boards.planning import PlannedCell
from harness.evaluation.part_run import PartRun, StoredError
from harness.evaluation.parts import Part, PartEnd, PartsPlan, Split
from harness.evaluation.run import Cell
from harness.execution.executors.executor import Outcome
from harness.results.journal import Journal
from harness.results.stored_parts import StoredParts

PARTS = tuple(Part(first, first + 1) for first in range(4))


def planned(seed: int) -> PlannedCell:
    cell = Cell(Task("ramp", RollingOrigin(1)), "level", {}, seed)
    return PlannedCell(cell.key("aa", "toys==1"), "level", "ramp", cell, "aa")


BIG, SMALL = planned(0), planned(1)


class Toys:
    """An executor whose first cell has parts, each of which takes a moment and may fail."""

    takes_parts = True
    awaited = ""

    def __init__(self, home: Path, slots: int = 2, seconds: float = 0.02) -> None:
        self.home, self.slots, self.seconds = home, slots, seconds
        self.done: list[PlannedCell] = []
        self.error: Callable[[PlannedCell], Exception | None] = lambda planned: None
        self.failing: Part | None = None
        self._threads = ThreadPoolExecutor(slots)
        self._lock = threading.Lock()
        self.running = self.most = 0

    def has_room(self, planned: PlannedCell) -> bool:
        return True

    def submit(self, planned: PlannedCell) -> Future[Outcome]:
        return self._threads.submit(self._run, planned)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _run(self, planned: PlannedCell) -> Outcome:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            time.sleep(self.seconds)
            if (error := self.error(planned)) is not None:
                raise error
            return self._outcome(planned)
        finally:
            with self._lock:
                self.running -= 1
                self.done.append(planned)

    def _outcome(self, planned: PlannedCell) -> Outcome:
        stored = StoredParts(self.home, planned.key)
        if planned.part is not None:
            error = StoredError("crash", "crashed") if planned.part == self.failing else None
            stored.write(planned.part, PartRun(error=error))
            return stored.end(planned.part) or PartEnd()
        if planned.key == BIG.key:
            plan = stored.plan() or PartsPlan(PARTS)
            stored.write_plan(plan)
            if pending := stored.pending(plan):
                return Split(pending)
            stored.remove()
        run = Run(planned.cell, Status.COMPLETED, planned.key)
        Journal(self.home).write(run)
        return run

    def parts(self) -> list[Part]:
        """The parts that were evaluated, in the order of their ends."""
        return [planned.part for planned in self.done if planned.part is not None]
