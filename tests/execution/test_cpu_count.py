"""The CPUs that a process may use, and so the cells that run at a time by default."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.execution.executors.cpu_count import usable_cpus

PROGRAM = """
import os
from pathlib import Path
from harness.execution.executors.table import make_executor

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
executor = make_executor("local", Path("home"), [])
print(executor.slots)
executor.close()
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is not known on this system")
@pytest.mark.skipif(os.cpu_count() == 1, reason="it has one core anyway")
def test_a_process_with_one_of_several_cores_runs_one_cell_at_a_time(tmp_path: Path) -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["1"]


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "10000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 64),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ({}, 64),
    ],
)
def test_the_limit_of_a_container_counts(
    files: dict[str, str], most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.execution.executors.cpu_count.usable_cores", lambda: 64)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert usable_cpus(tmp_path) == most
