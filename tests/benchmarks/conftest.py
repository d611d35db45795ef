"""Benchmarks run by `tox -e bench`; what they found is printed at the end."""

from __future__ import annotations

import contextlib
import ctypes
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
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt in malloc.h
KEPT, MAPPED = 1 << 30, 1 << 25  # bytes
_figures: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--store", action="store_true", help="store this run's ratios as those to compare with")


def pytest_configure(config: pytest.Config) -> None:
    keep_freed_memory()
    here = this_machine()
    config.stash[GUARD] = Guard(RATIOS, f"{here.processor}, {here.cores} cores", config.getoption("--store"))


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for later allocations instead of returning it to the system.

    Otherwise the action that returns memory decides how many page faults the other one pays for, and the ratio of two
    actions of a millisecond changes between 1 and 2.5 with what ran before.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(TRIM_THRESHOLD, KEPT)
            libc.mallopt(MMAP_THRESHOLD, MAPPED)


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
