"""The command line's start against the least it could be: click, pluggy and a scan of the entry points."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from floors import compare

FLOOR = "import click, pluggy, importlib.metadata as m; [point.load for point in m.entry_points(group='harness')]"
ROUNDS = 15


def children() -> float:
    """CPU seconds of the processes that this one started and saw end."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.mark.parametrize(("arguments", "bound"), [(["--help"], 1.4), (["list"], 1.5)])
def test_starts_near_the_floor(arguments, bound, record_ratio) -> None:
    command, least = [str(Path(sys.executable).with_name("harness")), *arguments], [sys.executable, "-c", FLOOR]

    def ours() -> None:
        subprocess.run(command, check=True, capture_output=True)

    def floor() -> None:
        subprocess.run(least, check=True, capture_output=True)

    record_ratio(f"harness {' '.join(arguments)}", compare(ours, floor, ROUNDS, children), bound)
