"""PartRun: the forecasts of some series of a cell, and what else their evaluation tells; all parts make a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import Failure, ForecasterError
from harness.evaluation.audit.rules import Difference
from harness.evaluation.failures import status_of
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import PartialFailure
from harness.forecasters.remote import Description, Elapsed

IDLE = 0.25  # of the seconds of calls, that count as work where they are not CPU time
KIND_OF_STATUS = {
    Status.UNSUPPORTED: "unsupported",
    Status.INVALID: "invalid",
    Status.OUT_OF_MEMORY: "out_of_memory",
    Status.TIMED_OUT: "timed_out",
    Status.CRASHED: "crashed",
}


@dataclass(frozen=True)
class StoredError:
    """A failure as texts, from which an error of the same status, reason and place is made again."""

    message: str
    kind: str
    traceback: str = ""
    place: str = ""

    @classmethod
    def of(cls, failure: Failure, *, with_traceback: bool = True) -> StoredError:
        """The texts of a failure."""
        kind = KIND_OF_STATUS.get(status_of(failure), "failed")
        return cls(str(failure), kind, failure.traceback if with_traceback else "", failure.place)

    def to_error(self) -> ForecasterError:
        """The error."""
        return ForecasterError(self.message, self.kind, self.traceback, self.place)


@dataclass(frozen=True)
class WindowError:
    """A window of a fit that failed, counted from the first one of the part, and the error."""

    window: int
    error: StoredError


@dataclass(frozen=True, eq=False)
class FoldOfPart:
    """A fit of a part: what the forecaster returned for its windows, before any check, and the time."""

    number: int  # of the fit among those of the cell
    fit: Elapsed
    predict: Elapsed
    errors: tuple[WindowError, ...] = ()
    forecast: Forecast | None = field(default=None, metadata={"stored": False})

    @property
    def outcome(self) -> Forecast | Failure:
        """The forecast, or the failure of some windows."""
        assert self.forecast is not None
        if not self.errors:
            return self.forecast
        failures = {each.window: Failure(each.error.to_error()) for each in self.errors}
        return Failure(PartialFailure(self.forecast, failures))


@dataclass(frozen=True)
class AuditOfPart:
    """What the audits of a part found, and their cost."""

    seed: int
    audits: int
    windows: int
    seconds: float
    on_copy: bool
    status: Status | None = None  # of a violation
    reason: str = ""
    fold: int = 0  # the fit in which it was found
    in_batches: Difference | None = None
    repeated: Difference | None = None
    place: str = ""  # where the forecaster raised, if the violation is a call that failed
    traceback: str = ""


@dataclass(frozen=True, eq=False)
class PartRun:
    """The evaluation of a part of a cell, without scores."""

    folds: tuple[FoldOfPart, ...] = ()
    error: StoredError | None = None  # on which the forecaster failed for all windows of a fit
    error_fold: int = 0  # the fit in which it did
    is_outside: bool = False  # whether it failed outside of a call, such as before the first one
    description: Description = field(default_factory=Description)
    audit: AuditOfPart | None = None
    warnings: tuple[tuple[int, str], ...] = ()  # distinct ones of the forecaster, each after the number of its call
    seconds: float = 0.0  # of all calls, by the supervisor's clock
    own_seconds: float = 0.0  # and by the worker's own
    used: float = 0.0  # seconds that count against the limit of the cell
    environment: Mapping[str, Any] = field(default_factory=dict)
    machine: str = ""
    notes: tuple[str, ...] = ()  # on the end of its process
    output: str = ""  # the last of it
    started: str = ""  # UTC, ISO 8601

    @property
    def work(self) -> float:
        """The CPU seconds of all calls, or a share of their seconds: of one that waits, on a machine that is idle."""
        times = [time for fold in self.folds for time in (fold.fit, fold.predict)]
        return max(sum(time.cpu_seconds for time in times), IDLE * sum(time.seconds for time in times))
