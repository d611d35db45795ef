"""Benchmarks run by `tox -e bench`; what they found is printed at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
_found: list[str] = []


@pytest.fixture
def record_ratio() -> Callable[[str, object, float], None]:
    """Takes a name, a Comparison or a number, and the bound that it is held to."""
    from floors import Comparison

    def record(name: str, found: object, bound: float) -> None:
        if isinstance(found, Comparison):
            said = f"ratio {found.ratio:.2f} (ours {found.ours * 1e3:.2f} ms, floor {found.floor * 1e3:.2f} ms CPU)"
        else:
            said = str(found)
        _found.append(f"{name}: {said}, bound {bound}")

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _found:
        terminalreporter.section("ratios to floors")
        for line in _found:
            terminalreporter.line(line)
