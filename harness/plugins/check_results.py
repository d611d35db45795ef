"""A check of a contract, and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.attempt import Failure, attempt
from harness.errors import Unsupported


@dataclass(frozen=True)
class CheckResult:
    """A check and its result."""

    name: str
    passed: bool
    detail: str = ""
    skipped: bool = False  # the forecaster does not support this


def check_result(name: str, action: Callable[[], str]) -> CheckResult:
    """Whether an action ends without an error; it returns details, and raises Unsupported to be skipped."""
    detail = attempt(action)
    if not isinstance(detail, Failure):
        return CheckResult(name, True, detail)
    if isinstance(detail.error, Unsupported):
        return CheckResult(name, True, str(detail), skipped=True)
    return CheckResult(name, False, str(detail).removeprefix("AssertionError: "))
