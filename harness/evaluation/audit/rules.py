"""Rules of the audit: what may change a forecast and by how much, and what an audit finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from harness.errors import Failure
from harness.evaluation.calls import Calls
from harness.evaluation.failures import place_of_failure, traceback_of
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Windows

TOLERANCE = 1e-5  # relative; what float32 and another order of summation may change
FATAL = 1000  # times the tolerance: the largest change with the other windows of a call


class Finding(NamedTuple):
    """A violation that an audit found, and where the forecaster raised if it is a call that failed."""

    status: Status
    reason: str
    place: str = ""
    traceback: str = ""

    @classmethod
    def of(cls, status: Status, reason: str, failure: Failure | None) -> Finding:
        """A violation with the place and the traceback of a failure, if there was one."""
        if failure is None:
            return cls(status, reason)
        return cls(status, reason, place_of_failure(failure), traceback_of(failure))


class ProcessEnded(Exception):
    """The process of a forecaster ended while it was audited."""

    def __init__(self, status: Status, failure: Failure) -> None:
        super().__init__(str(failure))
        self.finding = Finding.of(status, f"in the audit: {failure}", failure)


@dataclass(frozen=True, eq=False)
class Scored:
    """The windows of a fit, and their forecast that is scored."""

    windows: Windows
    forecast: Forecast


@dataclass(frozen=True)
class Rules:
    """How a forecaster is called, and what may change its forecasts."""

    calls: Calls = field(default_factory=Calls)
    tolerance: float = 0.0  # relative difference of repeated forecasts that the forecaster declares
    is_stochastic: bool = False  # then only calls of the same windows in the same order are compared

    @property
    def rounding(self) -> float:
        """The relative difference that is not reported."""
        return max(TOLERANCE, self.tolerance)


@dataclass(frozen=True)
class Difference:
    """A relative difference of two forecasts of a window, and what changed it, as a sentence."""

    size: float
    reason: str


@dataclass(frozen=True)
class AuditResult:
    """What an audit found: a violation, as a status and a reason, and what else changed a forecast most."""

    windows: int = 0  # that were forecast again
    finding: Finding | None = None
    in_batches: Difference | None = None  # with the other windows of a call, beyond rounding
    repeated: Difference | None = None  # when the same call is repeated, of a stochastic forecaster
