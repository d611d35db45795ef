"""`harness replay`: a recorded cell that is run again is equal, within tolerance or different."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Forecast, Journal, Run, Status, Task
from harness.boards.workspace import Workspace
from harness.cli.replay import _find_cell
from harness.errors import BadInput
from harness.evaluation.run import Cell, Results
from harness.execution.replay import compare_runs
from harness.tasks.protocols import RollingOrigin

PLUGIN = """
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl

SETTING = Path(__file__).with_name("setting")  # what the plugin's source does not tell


@dataclass
class Level:
    level: float = 900.0
    seed: int = 0

    def fit(self, train):
        self.own = float(SETTING.read_text())
        if self.own < 0:
            raise ValueError("no\\x1b[31m luck")

    def predict(self, contexts):
        return Forecast.point(np.full((len(contexts), contexts.horizon, 1), self.level + self.own + self.seed))


@hookimpl
def harness_forecasters():
    return [
        ForecasterSpec("level", Level, draws=False),
        ForecasterSpec("seeded", Level),
    ]
"""
BOARD = """
title = "Levels"
metric = "MAE"
baseline = "naive"
seeds = 2

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }

[[forecasters]]
name = "naive"

[[forecasters]]
name = "level"

[[forecasters]]
name = "seeded"
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable[[Path, str], Any]) -> Any:
    """A board that was run, with a plugin whose result depends on a file."""
    folder = plugin_folder(tmp_path_factory.mktemp("levels"), "levels_plugin")
    folder.install(PLUGIN, {"levels": BOARD})
    set_to(folder, "0")
    assert folder("run", "levels", "--jobs", "1").returncode == 0
    return folder


@pytest.fixture
def levels(ran: Any, tmp_path: Path, plugin_folder: Callable[[Path, str], Any]) -> Any:
    """A copy of its own for each test."""
    shutil.copytree(ran.folder, tmp_path / "copy")
    return plugin_folder(tmp_path / "copy", "levels_plugin")


def set_to(folder: Any, text: str) -> None:
    (folder.module.parent / "setting").write_text(text)


def key_of(folder: Any, name: str) -> str:
    journal = Journal(folder.home)
    runs = [run for key in [*journal.keys()] if (run := journal.read(key)) is not None]
    return next(run.key for run in runs if run.cell.forecaster == name)


def state(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_same_again_is_equal_and_nothing_is_written(levels: Any) -> None:
    before = state(levels.home / "journal")

    ended = levels("replay", key_of(levels, "level")[:8])

    assert ended.returncode == 0, ended.stderr
    assert "level on nile" in ended.stdout
    assert "equal to the record, bit by bit" in ended.stdout
    assert state(levels.home / "journal") == before


def test_a_small_difference_is_within_tolerance(levels: Any) -> None:
    set_to(levels, "1e-6")

    ended = levels("replay", "levels", "level", "nile")

    assert ended.returncode == 0
    assert "within tolerance: the forecasts differ by 1.1e-09 relative to their size" in ended.stdout
    assert "MAE: " in ended.stdout


def test_a_large_difference_is_told_by_its_exit_code(levels: Any) -> None:
    set_to(levels, "9")

    ended, listed = levels("replay", "levels", "level", "nile"), levels("replay", "levels", "level", "nile", "--json")

    assert ended.returncode == listed.returncode == 1
    assert "different: the forecasts differ by 0.01 relative to their size, beyond the tolerance" in ended.stdout
    found = json.loads(listed.stdout)
    assert found["verdict"] == "different"
    assert found["difference"] == pytest.approx(0.01)
    assert "MAE" in {score["name"] for score in found["scores"]}


def test_a_failure_of_the_present_is_shown_without_its_escapes(levels: Any) -> None:
    set_to(levels, "-1")

    ended = levels("replay", "levels", "level", "nile")

    assert ended.returncode == 1
    assert "status: completed → failed" in ended.stdout
    assert r"no\x1b[31m luck" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_changed_code_is_named(levels: Any) -> None:
    key = key_of(levels, "level")
    levels.module.write_text(PLUGIN.replace("900.0", "950.0"))

    ended = levels("replay", key)

    assert ended.returncode == 1
    assert "note: the code, spec or libraries of forecaster 'level' changed: its result version is" in ended.stdout
    assert "plugin.version: levels-plugin==0.1" in ended.stdout


def test_differences_of_the_environment_are_listed(levels: Any) -> None:
    path = levels.home / "journal" / "cells" / key_of(levels, "level") / "record.json"
    journal = Journal(levels.home)
    run = journal.read_with_results(path.parent.name)
    assert run is not None
    journal.write(replace(run, provenance={**run.provenance, "threads": 7, "python": "3.9.1"}))

    ended = levels("replay", path.parent.name)

    assert ended.returncode == 0
    assert "The environment differs from the recorded one:" in ended.stdout
    assert "threads: 7 → 1" in ended.stdout
    assert "python: 3.9.1 → 3." in ended.stdout


def test_a_seed_is_chosen(levels: Any) -> None:
    chosen = levels("replay", "levels", "seeded", "nile", "--seed", "1")

    assert "seeded on nile, seed 1" in chosen.stdout


@pytest.mark.parametrize(
    ("names", "seed", "said"),
    [
        (
            ["nothing"],
            None,
            "'nothing' is not the key of a run; name a run by the first digits of its key, or as BOARD",
        ),
        (["abc"], None, "at least 6 digits of a run's key are needed"),
        (["abcdef0123"], None, "no run in"),
        (["a", "b"], None, "'a b' names no run"),
        (["lvels", "level", "nile"], None, "no board with results called 'lvels'; did you mean 'levels'"),
        (["levels", "lvel", "nile"], None, "no forecaster on board 'levels' called 'lvel'; did you mean 'level'"),
        (["levels", "level", "nil"], None, "no task on board 'levels' called 'nil'; did you mean 'nile'"),
        (["levels", "seeded", "nile"], None, "has the seeds 0, 1; choose one by --seed"),
        (["levels", "seeded", "nile"], 7, "has the seeds 0, 1; choose one by --seed"),
        (["levels", "level", "nile"], 1, "has no recorded seed; leave --seed out"),
        (["abcdef0123"], 1, "--seed belongs to BOARD FORECASTER TASK"),
    ],
)
def test_what_names_no_run_is_refused(ran: Any, names: list[str], seed: int | None, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        _find_cell(tuple(names), seed, Workspace(ran.home))


CELL = Cell(Task("ramp", RollingOrigin(1)), "level")


def run_of(values: float, score: float = 1.0, **more: Any) -> Run:
    forecast = Forecast.point(np.full((2, 1, 1), values))
    results = Results(forecast, {}, np.zeros(2, int), np.zeros(2, int))
    return Run(CELL, Status.COMPLETED, "aa", scores={"MAE": score, "WQL": float("nan")}, results=results, **more)


def test_verdicts() -> None:
    recorded = run_of(1.0)
    failed = Run(CELL, Status.FAILED, "aa", "why")

    assert compare_runs(recorded, run_of(1.0), 1e-5).verdict == "equal"
    assert compare_runs(recorded, run_of(1.0, score=1.0 + 1e-12), 1e-5).verdict == "within tolerance"
    assert compare_runs(recorded, run_of(1.0, score=1.1), 1e-5).verdict == "different"
    assert compare_runs(recorded, run_of(1.0 + 1e-7, score=1.1), 1e-5).verdict == "within tolerance"
    assert compare_runs(recorded, run_of(1.0 + 1e-4), 1e-5).verdict == "different"
    assert compare_runs(recorded, run_of(np.nan), 1e-5).verdict == "different"
    assert compare_runs(recorded, failed, 1e-5).verdict == "different"
    assert compare_runs(failed, failed, 1e-5).verdict == "equal"
    assert compare_runs(failed, replace(failed, reason="other"), 1e-5).verdict == "different"
