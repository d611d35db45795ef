"""Benchmarks run by `tox -e bench`; what they found is printed at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "first_party"))  # presets

from floors import Comparison
from guard import RATIOS, Guard

from harness.efficiency.machine import this_machine

GUARD = pytest.StashKey[Guard]()
_figures: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--store", action="store_true", help="store this run's ratios as those to compare with")


def pytest_configure(config: pytest.Config) -> None:
    here = this_machine()
    config.stash[GUARD] = Guard(RATIOS, f"{here.processor}, {here.cores} cores", config.getoption("--store"))


@pytest.fixture
def record_ratio(request: pytest.FixtureRequest) -> Callable[[str, object, object], None]:
    """Takes a name, a Comparison or a figure, and its bound; fails where a Comparison is past its limit."""
    guard = request.config.stash[GUARD]

    def record(name: str, found: object, bound: object) -> None:
        if isinstance(found, Comparison):
            assert isinstance(bound, int | float)
            guard.hold(name, found, bound)
        else:
            _figures.append(f"{name}: {found}, bound {bound}")

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    guard = config.stash[GUARD]
    for title, lines in (("ratios to floors", list(guard.lines())), ("other figures", _figures)):
        if lines:
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.line(line)
    if guard.storing:
        guard.store()
