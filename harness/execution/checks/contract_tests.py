"""Tests of contracts with pytest: one for each check of a forecaster, dataset or metric."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import UnknownName
from harness.execution.checks.subjects import Subject, subject_of

if TYPE_CHECKING:
    import pytest

    from harness.plugins.check_results import CheckResult


@dataclass(frozen=True)
class Check:
    """A check of a contract; calling it makes the check, and fails, skips or passes the test that calls it."""

    subject: Subject
    name: str
    reason: str = ""  # why it is expected to fail; empty if it is not

    def __call__(self) -> None:
        """Make the check."""
        import pytest  # here and below, since the other checks need no pytest

        __tracebackhide__ = True
        result = self.subject.result(self.name)
        if result.skipped:
            pytest.skip(result.detail)
        if not result.passed:
            pytest.fail(self.reason or self.subject.explanation(result), pytrace=False)

    def __str__(self) -> str:
        return f"{self.subject.name}-{self.short_name.replace(' ', '-')}"

    @property
    def short_name(self) -> str:
        """The name of the check without what is in brackets."""
        return short_name(self.name)

    @property
    def marks(self) -> list[pytest.MarkDecorator]:
        """The marks of its test: expected to fail, where it is."""
        import pytest

        return [pytest.mark.xfail(reason=self.reason, strict=True)] if self.reason else []


def parametrize_with_checks(
    subjects: Iterable[Any], *, expected_failures: Mapping[str, str] | None = None, strict: bool = False
) -> pytest.MarkDecorator:
    """A decorator of a test that makes it one test for each check of the contracts of some subjects.

    A subject is the name of an installed forecaster, dataset or metric, the class of a forecaster, a ForecasterSpec, a
    DatasetSpec, a Metric, or an import string such as "my_package:MyModel". `expected_failures` has the reason for each
    check that is known to fail: its test is shown as xfail, and fails if the check passes. `strict` adds the checks of
    strict mode, for installed forecasters. Raises UnknownName for a subject or a check that does not exist.

        @harness.parametrize_with_checks(["my-model"], expected_failures={"forecasts two targets": "one target only"})
        def test_contract(check):
            check()
    """
    import pytest

    checks = [check for given in subjects for check in checks_of(given, expected_failures or {}, strict=strict)]
    _check_names(expected_failures or {}, checks)
    return pytest.mark.parametrize("check", [pytest.param(each, id=str(each), marks=each.marks) for each in checks])


def check_forecaster(forecaster: Any, *, strict: bool = False) -> list[CheckResult]:
    """The results of all checks of a forecaster, given as for `parametrize_with_checks`.

    Each has a `name`, a `detail`, and whether it has `passed` or was `skipped`. Checks run in other processes, which a
    forecaster may end.

        [result for result in harness.check_forecaster(MyModel) if not result.passed]
    """
    subject = subject_of(forecaster, strict=strict)
    return [subject.result(name) for name in subject.names]


def checks_of(given: Any, expected_failures: Mapping[str, str], *, strict: bool = False) -> list[Check]:
    """The checks of a subject; raises UnknownName if it does not exist."""
    subject = subject_of(given, strict=strict)
    reasons = {short_name(name): reason for name, reason in expected_failures.items()}
    return [Check(subject, name, reasons.get(short_name(name), "")) for name in subject.names]


def short_name(name: str) -> str:
    """The name of a check without what is in brackets."""
    return re.sub(r" \(.*", "", name)


def _check_names(expected_failures: Mapping[str, str], checks: Iterable[Check]) -> None:
    """Raise UnknownName for an expected failure that is no check."""
    known = {check.short_name for check in checks}
    for name in expected_failures:
        if short_name(name) not in known:
            raise UnknownName("check", name, known)
