"""A protocol of a plugin, from a board file to standings, with worker processes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from harness import Cutoffs, DatasetSpec, HeldOut, Metric, Panel, Protocol, hookimpl


@dataclass(frozen=True)
class EveryKth(Protocol):
    """A window after every k observations of each series."""

    kind: ClassVar[str] = "every-kth"
    horizon: int
    k: int = 1

    def cutoffs(self, held_out: HeldOut) -> Cutoffs:
        of_series = [range(self.k, int(end) - self.horizon + 1, self.k) for end in held_out.ends]
        count = [len(cutoffs) for cutoffs in of_series]
        return Cutoffs(
            np.repeat(np.arange(len(count)), count),
            np.concatenate(of_series),
            np.concatenate([np.arange(len(cutoffs)) for cutoffs in of_series]),
        )


@hookimpl
def harness_protocols() -> list[type[Protocol]]:
    return [EveryKth]


@hookimpl
def harness_datasets() -> list[DatasetSpec]:
    return [DatasetSpec("steps", lambda: Panel.of([range(20), range(5, 35, 2)]))]
'''
METRIC = """

@hookimpl
def harness_metrics() -> list[Metric]:
    return [Metric("cubed", lambda o: o.absolute_error**3, scale=lambda o: o.truth.scale(3))]
"""
BOARD = """
title = "Steps"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "steps"
protocol = { kind = "every-kth", horizon = 2, k = 4 }

[[forecasters]]
name = "naive"

[[forecasters]]
name = "drift"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an installed plugin and a board."""
    (tmp_path / "every_kth.py").write_text(PLUGIN)
    info = tmp_path / "every_kth-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: every-kth\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\nevery-kth = every_kth\n")
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "leaderboard.toml").write_text(BOARD)
    return tmp_path


def run_harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [str(Path(sys.executable).with_name("harness")), *arguments],
        cwd=folder,
        env={
            **os.environ,
            "HARNESS_HOME": str(folder / "home"),
            "HARNESS_MLFLOW": "off",
            "PYTHONPATH": os.pathsep.join(paths),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_runs_in_worker_processes_and_its_standings_are_computed_from_the_journal(folder: Path) -> None:
    first = run_harness(folder, "run", "steps", "--jobs", "2")
    again = run_harness(folder, "run", "steps")
    shown = run_harness(folder, "show", "steps", "--csv")

    assert first.returncode == 0, first.stdout + first.stderr
    assert "all 2 cells are in the journal" in again.stdout
    scores = {row["forecaster"]: float(row["MAE"]) for row in csv.DictReader(shown.stdout.splitlines())}
    assert scores == pytest.approx({"drift": 0.0, "naive": (4 * 1.5 + 3 * 3) / 7}, abs=1e-9)
    records = [json.loads(path.read_text()) for path in folder.glob("home/journal/cells/*/record.json")]
    assert [record["windows"] for record in records] == [7, 7]
    assert records[0]["cell"]["task"]["protocol"] == {"horizon": 2, "k": 4, "kind": "every-kth"}


def test_a_misspelt_kind_is_told_its_neighbour(folder: Path) -> None:
    (folder / "steps" / "leaderboard.toml").write_text(BOARD.replace("every-kth", "every-kht"))

    refused = run_harness(folder, "run", "steps")

    assert refused.returncode != 0
    said = " ".join((refused.stdout + refused.stderr).split())
    assert "unknown kind 'every-kht'; did you mean 'every-kth'?" in said


def test_a_key_that_it_does_not_have_is_told_what_is_allowed(folder: Path) -> None:
    (folder / "steps" / "leaderboard.toml").write_text(BOARD.replace("k = 4", "stride = 4"))

    refused = run_harness(folder, "run", "steps")

    said = " ".join((refused.stdout + refused.stderr).split())
    assert "(tasks.0.protocol.stride): unknown key 'stride'; allowed: horizon, k" in said


def test_a_metric_that_is_installed_later_has_its_scale_from_the_data(folder: Path) -> None:
    run_harness(folder, "run", "steps", "--jobs", "0")
    (folder / "every_kth.py").write_text(PLUGIN + METRIC)

    shown = run_harness(folder, "show", "steps", "--metric", "cubed", "--csv")

    assert shown.returncode == 0, shown.stdout + shown.stderr
    scores = {row["forecaster"]: float(row["cubed[steps]"]) for row in csv.DictReader(shown.stdout.splitlines())}
    assert scores == pytest.approx({"drift": 0.0, "naive": (1 + 8) / 2}, abs=1e-9)
