"""Long tests of faults at random moments; `tox -e soak` runs them, and prints tries and outcomes as a table.

HARNESS_SOAK_TRIES is the number of tries of the longest test, of which the others have a part; HARNESS_SOAK_SEED is the
seed of the random moments.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "execution")]

from soak_home import SoakHome, Undisturbed  # noqa: E402

TRIES = int(os.environ.get("HARNESS_SOAK_TRIES", "50"))


@dataclass
class Table:
    """Faults, the number of tries, and how many of them had no problem."""

    rows: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def add(self, fault: str, problems: list[str]) -> None:
        """Count a try, with its problems."""
        tries, known = self.rows.get(fault, (0, []))
        self.rows[fault] = tries + 1, known + problems

    def lines(self) -> list[str]:
        rows = [
            f"| {fault} | {tries} | {'; '.join(dict.fromkeys(problems)) or 'none'} |"
            for fault, (tries, problems) in self.rows.items()
        ]
        return ["| Fault | Tries | Problems |", "|---|---|---|", *rows]


_table = Table()


@pytest.fixture(scope="session")
def table() -> Table:
    return _table


@pytest.fixture(scope="session")
def tries() -> int:
    return TRIES


@pytest.fixture(scope="session")
def moments() -> random.Random:
    seed = int(os.environ.get("HARNESS_SOAK_SEED", "0"))
    return random.Random(seed)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a run finds that nothing disturbs."""
    return Undisturbed.run(SoakHome(tmp_path_factory.mktemp("undisturbed")))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SoakHome]:
    made = SoakHome(tmp_path)
    yield made
    made.kill_all()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("tries and outcomes")
    for line in _table.lines():
        terminalreporter.write_line(line)
