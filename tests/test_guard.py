"""The guard of the benchmarks fails when it should: benchmarks of invented ratios, run as `tox -e bench` runs ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.efficiency.machine import this_machine

HERE = f"{this_machine().processor}, {this_machine().cores} cores"
BENCHMARK = """
from floors import Comparison

def test_case(record_ratio):
    again = Comparison(1.0, 1.0, {again})
    record_ratio("case", Comparison(1.0, 1.0, {ratio}, lambda: again), 2.0)
"""


def benched(folder: Path, ratio: float, again: float, *options: str, machine: str = HERE) -> tuple[int, str, float]:
    """The exit code, what was printed, and the ratio stored; it was 1.2 before."""
    for name in ("conftest.py", "floors.py", "guard.py"):
        shutil.copy(Path(__file__).parent / "benchmarks" / name, folder)
    stored = {"ratio": 1.2, "bound": 2.0, "date": "2026-01-31", "machine": machine}
    (folder / "ratios.json").write_text(json.dumps({"case": stored}), encoding="utf-8")
    (folder / "test_speed.py").write_text(BENCHMARK.format(ratio=ratio, again=again), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={folder}", str(folder), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return (
        done.returncode,
        done.stdout,
        json.loads((folder / "ratios.json").read_text(encoding="utf-8"))["case"]["ratio"],
    )


def test_fails_past_the_stored_ratio_and_its_tolerance(tmp_path) -> None:
    code, said, stored = benched(tmp_path, 1.6, again=1.55)

    assert code == 1
    assert "case: ratio 1.55 is past 1.50, 1.25 times what was stored on 2026-01-31" in said
    assert "case: 1.55, stored 1.20, bound 2" in said
    assert stored == 1.2


def test_fails_past_the_bound_on_any_machine(tmp_path) -> None:
    code, said, _ = benched(tmp_path, 2.2, again=2.1, machine="another")

    assert code == 1
    assert "case: ratio 2.10 is past 2.00, its bound" in said


@pytest.mark.parametrize(("ratio", "again", "machine"), [(1.4, 9.0, HERE), (1.6, 1.4, HERE), (1.6, 9.0, "another")])
def test_passes_within_the_tolerance_when_measured_anew_and_elsewhere(tmp_path, ratio, again, machine) -> None:
    code, _, _ = benched(tmp_path, ratio, again=again, machine=machine)

    assert code == 0


@pytest.mark.parametrize(("ratio", "code", "stored"), [(1.6, 0, 1.6), (2.2, 1, 1.2)])
def test_stores_what_is_within_its_bound(tmp_path, ratio, code, stored) -> None:
    assert benched(tmp_path, ratio, ratio, "--store")[::2] == (code, stored)
