"""The command line's start against the least it could be: click, pluggy and a scan of the entry points."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from floors import Comparison

FLOOR = "import click, pluggy, importlib.metadata as m; [point.load for point in m.entry_points(group='harness')]"
ROUNDS = 15


def cpu_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(("arguments", "bound"), [(["--help"], 1.3), (["list"], 1.5)])
def test_starts_near_the_floor(arguments, bound, record_ratio) -> None:
    ours, floor = [str(Path(sys.executable).with_name("harness")), *arguments], [sys.executable, "-c", FLOOR]
    for command in (ours, floor):
        cpu_seconds(command)

    pairs = [(cpu_seconds(ours), cpu_seconds(floor)) for _ in range(ROUNDS)]

    mine, least = (statistics.median(times) for times in zip(*pairs, strict=True))
    compared = Comparison(mine, least, statistics.median(one / other for one, other in pairs))
    record_ratio(f"harness {' '.join(arguments)}", compared, bound)
    assert compared.ratio <= bound
