"""Environments with libraries that conflict with those here, from a package registry: `tox -e environments`."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from environment_packages import Folder, hidden, plugin_module

from harness.boards.leaderboard import load_board
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.plugins.environments.environment import find_environment
from harness.results.journal import Journal

BOARD = """
title = "Old and new libraries"
metric = "MAE"
baseline = "naive"
forecasters = [
  { name = "naive" }, { name = "naive@old" }, { name = "seasonal-naive" }, { name = "seasonal-naive@old" },
  { name = "shifted" },
]

[[tasks]]
name = "months"
dataset = "elnino"
protocol = { kind = "rolling-origin", horizon = 12, windows = 4 }

[[tasks]]
name = "covariates"
dataset = "covariates"
protocol = { kind = "rolling-origin", horizon = 6, windows = 3 }
quantile_levels = [0.1, 0.5, 0.9]
"""

pytestmark = pytest.mark.skipif(
    os.environ.get("HARNESS_TEST_REGISTRY") != "1", reason="needs a package registry: tox -e environments"
)


REGISTRY = {"PIP_NO_INDEX": "0", "PIP_CONFIG_FILE": "", "UV_OFFLINE": "0"}


@pytest.fixture
def folder(wheels: Path, tmp_path: Path) -> Folder:
    """A folder with a board and a plugin file."""
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "leaderboard.toml").write_text(BOARD)
    (tmp_path / "own_models.py").write_text(plugin_module(1, package="own_models"))
    return Folder(tmp_path, wheels)


def test_forecasts_with_numpy_1_and_pandas_1_are_those_with_the_libraries_here(folder: Folder) -> None:
    folder.harness("env", "create", "old", "./own_models.py", "numpy<2", "pandas<2", **REGISTRY)
    folder.harness("run", "libraries")

    versions = find_environment(folder.path / "home", "old").versions
    assert versions["numpy"].startswith("1.")
    assert versions["pandas"].startswith("1.")
    workspace = Workspace(folder.path / "home")
    plan = plan_board("libraries", load_board(str(folder.path / "libraries"), workspace.catalog), workspace)
    runs = {(cell.title, cell.task): Journal(workspace.home).read_with_results(cell.key) for cell in plan.cells}
    for task in ("months", "covariates"):
        for name in ("naive", "seasonal-naive"):
            here, there = (runs[title, task].results.forecast for title in (name, f"{name}@old"))
            np.testing.assert_allclose(there.mean, here.mean, rtol=1e-12)
        shifted = runs["shifted", task].results.forecast.mean
        np.testing.assert_allclose(shifted, runs["naive", task].results.forecast.mean + 1, rtol=1e-12)


def test_a_forecaster_of_an_environment_is_measured_in_it_without_pytest_here(folder: Folder) -> None:
    folder.harness("env", "create", "old", "./own_models.py", "forecast-harness[bench]", **REGISTRY)
    arguments = ("--board", "libraries", "--task", "months", "--seconds", "0.5", "--repetitions", "1", "--csv")
    without = hidden("pytest", "_pytest", "pytest_benchmark")

    lines = folder.harness("bench", "shifted", *arguments, **without).splitlines()

    (row,) = csv.DictReader(line for line in lines if line.startswith(("forecaster,", "shifted,")))
    assert float(row["latency_p50"]) > 0
    (record,) = (
        path for path in (folder.path / "home" / "bench").rglob("*.json") if "pytest-benchmark" not in path.parts
    )
    assert find_environment(folder.path / "home", "old").digest in record.read_text()
