"""The interface of executors: where cells are run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from harness.boards.planning import PlannedCell
from harness.errors import InfrastructureFault
from harness.evaluation.parts import PartEnd, Split
from harness.evaluation.run import Run
from harness.execution.options import CellOptions

Outcome = Run | Split | PartEnd


class ClusterUnavailable(InfrastructureFault):
    """The cluster on which cells run cannot be reached any more, and was given up."""


class Executor(Protocol):
    """Runs cells, several at a time."""

    takes_parts: bool  # whether it can evaluate a part of a cell

    @property
    def awaited(self) -> str:
        """What it waits for, since that cannot be reached, as part of a sentence; empty if there is nothing."""
        ...

    @property
    def slots(self) -> int:
        """How many cells run at the same time; it may change."""
        ...

    def has_room(self, planned: PlannedCell) -> bool:
        """Whether a cell could start now, while fewer than `slots` cells run: one that needs a GPU may have to wait."""
        ...

    def submit(self, planned: PlannedCell) -> Future[Run] | Future[Outcome]:
        """The run of a cell, whose record is in the journal when the future is done.

        The result of a cell that is evaluated in parts is Split, with the parts that are pending. Each is submitted as
        the cell with this `part`, whose result is PartEnd, and then the cell again.

        The future raises InfrastructureFault for a cell that could not be run for a reason outside of the forecaster,
        and another HarnessError for one that cannot be run as it is specified; neither is recorded.
        """
        ...

    def close(self) -> None:
        """Stop all running cells at once."""
        ...


class ExecutorClass(Protocol):
    """How an executor is made: for these cells of a home folder, with this number of jobs; 0 is left to the class."""

    def __call__(
        self, home: Path, cells: Sequence[PlannedCell], jobs: int, options: CellOptions | None = None
    ) -> Executor:
        """The executor, ready to run cells."""
        ...
