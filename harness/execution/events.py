"""The events of a drive: cells that start and end, and other processes that are awaited."""

from __future__ import annotations

from dataclasses import dataclass

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError
from harness.evaluation.run import Run


@dataclass(frozen=True)
class Started:
    """A cell was submitted to the executor."""

    planned: PlannedCell


@dataclass(frozen=True)
class PartsDone:
    """So many parts of a cell are evaluated, by this process or by others."""

    planned: PlannedCell
    done: int
    parts: int


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
class Postponed:
    """A cell could not be run for a reason outside of the forecaster; nothing was written, and it stays pending."""

    planned: PlannedCell
    reason: str
    of_cluster: bool = False  # whether the reason is that the cluster was given up


@dataclass(frozen=True)
class NotStarted:
    """Cells that stay pending, since the object store of the home, or the cluster, was given up."""

    cells: tuple[PlannedCell, ...]
    reason: str
    of_cluster: bool = False  # whether it was the cluster


@dataclass(frozen=True)
class Waiting:
    """Nothing is left to run but cells that other processes have locked.

    Yielded once for each process, and once again if it gives no sign any more.
    """

    owner: str  # as part of a sentence
    cells: tuple[PlannedCell, ...]
    silent_for: float = 0.0  # seconds without a sign of it; 0: it gives signs


Event = Started | PartsDone | Finished | Refused | Postponed | NotStarted | Waiting
