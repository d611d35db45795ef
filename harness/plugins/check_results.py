"""A check of a contract, and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import BadInput, DataUnavailable, Failure, Unsupported, attempt
from harness.evaluation.run import explained


@dataclass(frozen=True)
class CheckResult:
    """A check and its result."""

    name: str
    passed: bool
    detail: str = ""
    skipped: bool = False  # the forecaster does not support this
    traceback: str = ""  # of what the plugin raised

    @classmethod
    def of_failure(cls, name: str, failure: Failure) -> CheckResult:
        """A check that failed with an exception, with the line of the plugin that raised it."""
        error = failure.error
        if isinstance(error, CheckFailed):
            return cls(name, False, str(error), traceback=error.traceback)
        if isinstance(error, AssertionError):
            return cls(name, False, str(failure).removeprefix("AssertionError: "))
        place = "" if isinstance(error, BadInput | DataUnavailable) else failure.place  # those say what to do
        return cls(name, False, explained(str(failure), place), traceback=failure.traceback)


class CheckFailed(AssertionError):
    """A check that failed because of what the plugin raised, whose traceback is text."""

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


def not_checked(name: str, reason: str) -> CheckResult:
    """The result of a check that was not made."""
    return CheckResult(name, True, f"not checked: {reason}", skipped=True)


def check_result(name: str, action: Callable[[], str]) -> CheckResult:
    """Whether an action ends without an error; it returns details, and raises Unsupported to be skipped."""
    detail = attempt(action)
    if not isinstance(detail, Failure):
        return CheckResult(name, True, detail)
    if isinstance(detail.error, Unsupported):
        return CheckResult(name, True, str(detail), skipped=True)
    return CheckResult.of_failure(name, detail)
