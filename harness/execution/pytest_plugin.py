"""The plugin of pytest: `pytest --harness-forecaster NAME` tests the contract of a forecaster without a file of tests.

pytest imports this module at each start, so that it imports the rest of harness only when it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.execution.checks.contract_tests import Check

OPTION = "--harness-forecaster"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("harness", "contracts of harness")
    group.addoption(
        OPTION,
        action="append",
        default=[],
        metavar="NAME",
        help="Test the contract of a forecaster, dataset or metric: an installed name, or package.module:Class. "
        "Repeatable.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """With the option, find the modules of the current folder; without files, collect none."""
    folder = str(config.invocation_params.dir)
    if config.getoption(OPTION) and folder not in sys.path:  # which the script `pytest` does not search
        sys.path.append(folder)
    if config.getoption(OPTION) and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the tests of the option, before others select from them by -k."""
    for given in config.getoption(OPTION):
        collector = Contract.from_parent(session, name=given, nodeid=given, checks=_checks(given))
        collector.ihook.pytest_collectstart(collector=collector)
        report = collector.ihook.pytest_make_collect_report(collector=collector)
        collector.ihook.pytest_collectreport(report=report)
        items += [item for item in report.result if isinstance(item, pytest.Item)]


def _checks(given: str) -> list[Check]:
    """The checks of a forecaster, dataset or metric; raises UsageError if there is none of that name."""
    from harness.errors import Failure, attempt
    from harness.execution.checks.contract_tests import checks_of

    checks = attempt(lambda: checks_of(given, {}))
    if isinstance(checks, Failure):
        raise pytest.UsageError(f"{OPTION} {given}: {checks}")
    return checks


class Contract(pytest.Collector):
    """The tests of a forecaster, dataset or metric."""

    def __init__(self, *, checks: list[Check], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.checks = checks

    def collect(self) -> Iterator[pytest.Item]:
        """One test for each check."""
        for check in self.checks:
            yield CheckItem.from_parent(self, name=check.short_name, check=check)


class CheckItem(pytest.Item):
    """The test of one check."""

    def __init__(self, *, check: Check, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.check = check

    def runtest(self) -> None:
        """Make the check."""
        self.check()

    def reportinfo(self) -> tuple[str, None, str]:
        """What the report of a failure begins with."""
        return self.nodeid.partition("::")[0], None, f"{self.parent.name if self.parent else ''}: {self.name}"
