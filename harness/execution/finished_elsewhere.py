"""Which of the pending cells other processes on the same home have finished, looked up at intervals."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from harness.boards.planning import PlannedCell
from harness.errors import InfrastructureFault
from harness.evaluation.run import Run
from harness.execution.locks.interface import Locks
from harness.results.journal import Journal

INTERVAL = 10.0  # seconds between two looks
SHARE = 0.02  # of the time that looks take at most: in a home of many cells there are fewer


class FinishedElsewhere:
    """The runs that other processes recorded since the cells were found pending."""

    def __init__(self, journal: Journal, locks: Locks) -> None:
        self._journal, self._locks = journal, locks
        self._next = time.monotonic() + INTERVAL

    @property
    def is_due(self) -> bool:
        """Whether it is time for another look."""
        return time.monotonic() >= self._next

    def look(self, cells: Iterable[PlannedCell]) -> dict[str, tuple[PlannedCell, Run]]:
        """Those of the cells that are finished, with their runs, by key."""
        began, found, is_read = time.monotonic(), dict[str, tuple[PlannedCell, Run]](), False
        with suppress(InfrastructureFault):  # which the next cell that is started meets, too
            is_read = self._locks.read_finished()
        begun = self._journal.folders()
        for planned in cells:
            if planned.key in begun and (run := self.run(planned)) is not None:
                found[planned.key] = planned, run
        now = time.monotonic()
        self._next = now + max(INTERVAL, (now - began) / SHARE if is_read else 0.0)
        return found

    def run(self, planned: PlannedCell) -> Run | None:
        """The run that another process recorded since the cell was found pending; None if there is none."""
        if self._journal.modified(planned.key) in (0, planned.recorded):
            return None
        return self._journal.read(planned.key)
