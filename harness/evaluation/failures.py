"""Failures of forecasters → the status of a run or a window."""

from __future__ import annotations

import errno

from harness.arrays import Ints
from harness.errors import Failure, ForecasterError, InvalidForecast, Unsupported
from harness.evaluation.run import Status, WindowFailure
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import PartialFailure
from harness.tasks.windows import Contexts

STATUS_OF_KIND = {
    "unsupported": Status.UNSUPPORTED,
    "not_given": Status.UNSUPPORTED,
    "invalid": Status.INVALID,
    "out_of_memory": Status.OUT_OF_MEMORY,
    "timed_out": Status.TIMED_OUT,
    "crashed": Status.CRASHED,
}
ENDED = frozenset({Status.TIMED_OUT, Status.CRASHED})  # the process of the forecaster; further calls would fail too
TORCH_ALLOCATION = ("can't allocate memory", "DefaultCPUAllocator")  # in its RuntimeErrors


def status_of(failure: Failure) -> Status:
    """The status of a run or a window that failed like this."""
    error = failure.error
    if isinstance(error, ForecasterError):
        return STATUS_OF_KIND.get(error.kind, Status.FAILED)
    if isinstance(error, Unsupported):
        return Status.UNSUPPORTED
    if isinstance(error, InvalidForecast):
        return Status.INVALID
    return Status.OUT_OF_MEMORY if is_out_of_memory(failure) else Status.FAILED


def is_out_of_memory(failure: Failure) -> bool:
    """Whether memory could not be allocated: by Python, by a system call, or by an array library of its own error."""
    error = failure.error
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(text in str(failure) for text in TORCH_ALLOCATION)


def traceback_of(failure: Failure) -> str:
    """The traceback for the record; none of a forecaster that says that it does not support the task."""
    return "" if status_of(failure) is Status.UNSUPPORTED else failure.traceback


def place_of_failure(failure: Failure) -> str:
    """Where the code of the forecaster raised; empty of one that says that it does not support the task."""
    return "" if status_of(failure) is Status.UNSUPPORTED else failure.place


def first_traceback(outcome: Forecast | Failure) -> str:
    """The traceback of the first window that failed; empty where nothing failed."""
    if isinstance(outcome, Forecast):
        return ""
    assert isinstance(outcome.error, PartialFailure)
    return traceback_of(next(iter(outcome.error.failures.values())))


def without_failed_windows(
    outcome: Forecast | Failure, contexts: Contexts, first: int
) -> tuple[Forecast, list[WindowFailure]]:
    """The forecast with NaN in every window that failed, and these failures; windows are numbered from `first`."""
    failures: dict[int, WindowFailure] = {}
    if isinstance(outcome, Forecast):
        forecast = outcome
    else:
        assert isinstance(outcome.error, PartialFailure)
        forecast = outcome.error.forecast
        for window, failure in outcome.error.failures.items():
            status, place, name = status_of(failure), place_of_failure(failure), contexts.window_name(window)
            failures[window] = WindowFailure(first + window, status, str(failure), place, name)
    finite = forecast.finite()
    finite[list(failures)] = False
    unusable: Ints = (~finite).nonzero()[0]
    if not len(unusable):
        return forecast, []
    for window in unusable.tolist():
        name = contexts.window_name(window)
        reason = f"NaN or infinite values in {name}"
        failures.setdefault(window, WindowFailure(first + window, Status.INVALID, reason, name=name))
    return forecast.without(unusable), [failures[window] for window in sorted(failures)]
