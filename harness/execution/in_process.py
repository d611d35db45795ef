"""The executor of this process, for debugging."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError
from harness.evaluation.run import Run


class InProcess:
    """Runs each cell in this process, at once when it is submitted."""

    slots = 1

    def __init__(self, home: Path, cells: Sequence[PlannedCell] = (), jobs: int = 0) -> None:
        self.home = home

    def submit(self, planned: PlannedCell) -> Future[Run]:
        """The finished run."""
        from harness.execution.worker import run_cell

        future: Future[Run] = Future()
        try:
            future.set_result(run_cell(planned, self.home))
        except (HarnessError, OSError) as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing is running."""
