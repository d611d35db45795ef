"""The executor of this process, for debugging."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError
from harness.execution.executors.executor import Outcome
from harness.execution.options import CellOptions


class InProcess:
    """Runs each cell in this process, at once when it is submitted."""

    slots = 1
    takes_parts = False
    awaited = ""

    def __init__(
        self, home: Path, cells: Sequence[PlannedCell] = (), jobs: int = 0, options: CellOptions | None = None
    ) -> None:
        self.home, self.options = home, options

    def has_room(self, planned: PlannedCell) -> bool:
        """Whether a cell could start now: always."""
        return True

    def submit(self, planned: PlannedCell) -> Future[Outcome]:
        """The finished run."""
        from harness.execution.cells.evaluation import run_cell

        future: Future[Outcome] = Future()
        try:
            future.set_result(run_cell(planned, self.home, options=self.options))
        except (HarnessError, OSError) as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing is running."""
