"""A board that compares tasks of one dataset with all covariates, with some and with none, from run to publication."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import Journal, Run, Status

from .conftest import PluginFolder

PLUGIN = """
import numpy as np
from harness import Channel, DatasetSpec, Forecast, ForecasterSpec, Panel, Vintages, hookimpl
from dataclasses import dataclass


def heat():
    rng = np.random.default_rng(0)
    weather = rng.normal(0, 5, 130)
    demand = 100 + 3 * weather[:120] + rng.normal(0, 1, 120)
    issued = np.arange(0, 120, 2)
    forecasts = weather[issued[:, None] + np.arange(6)] + rng.normal(0, 1, (60, 6))
    channels = [
        Channel("demand"),
        Channel("meter", "past covariate", delay=2),
        Channel("weather", "known covariate", certain=False),
    ]
    columns = np.stack([demand, demand + 1, weather[:120]], axis=1)
    vintages = {"weather": Vintages.of([(issued, forecasts)])}
    return Panel.of([columns], channels=channels, static={"area": [3.0]}, vintages=vintages)


@dataclass
class Effect:
    '''The mean, and three times the weather if it is given.'''

    def fit(self, train):
        self.names_ = [channel.name for channel in train.panel.channels] + sorted(train.panel.static)
        self.remarks_ = ["given: " + ", ".join(self.names_)]

    def predict(self, contexts):
        known = contexts.known()[:, contexts.gap :].sum(axis=2, keepdims=True)
        return Forecast.point(100 + 3 * known)


@hookimpl
def harness_datasets():
    return [DatasetSpec("heat", heat, source="simulated", licence="CC0-1.0")]


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("effect", Effect)]
"""
TASK = """
[[tasks]]
dataset = "heat"
name = "{name}"
protocol = {{ kind = "rolling-origin", horizon = 4, windows = 10 }}
"""
BOARD = f"""
title = "Heat"
metric = "MAE"
baseline = "mean"
{TASK.format(name="all")}
{TASK.format(name="meter")}covariates = ["meter", "area"]
{TASK.format(name="none")}covariates = []

[[forecasters]]
name = "mean"

[[forecasters]]
name = "effect"

[[forecasters]]
name = "ridge"
"""
WRONG = BOARD.replace('"meter", "area"', '"metre"').replace("Heat", "Wrong")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable[[Path, str], PluginFolder]) -> PluginFolder:
    """The folder after the board was run."""
    folder = plugin_folder(tmp_path_factory.mktemp("covariates"), "heat_plugin")
    folder.install(PLUGIN, {"heat-board": BOARD, "wrong-board": WRONG})
    ended = folder("run", "./heat-board")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def stored_runs(board: PluginFolder) -> list[Run]:
    """All runs of the home."""
    journal = Journal(board.home)
    return [run for key in sorted(journal.keys()) if (run := journal.read(key)) is not None]


def written(board: PluginFolder) -> dict[str, int]:
    """When each run was written, by key."""
    journal = Journal(board.home)
    return {key: journal.modified(key) for key in sorted(journal.keys())}


def test_each_task_gives_its_covariates(board: PluginFolder) -> None:
    runs = stored_runs(board)

    given = {run.cell.task.covariates: run.notes[-1] for run in runs if run.cell.forecaster == "effect"}

    assert all(run.status is Status.COMPLETED for run in runs)
    assert len(runs) == 9
    assert given == {
        None: "given: demand, meter, weather, area",
        ("meter", "area"): "given: demand, meter, area",
        (): "given: demand",
    }


def test_the_ablation_shows_what_the_weather_is_worth(board: PluginFolder) -> None:
    runs = stored_runs(board)
    errors = {run.cell.task.covariates: run.scores["MAE"] for run in runs if run.cell.forecaster == "effect"}

    # |3 × error of the forecast of the weather + noise| against |3 × weather + noise|, both normal
    assert errors[None] == pytest.approx(np.sqrt(2 / np.pi * (9 + 1)), rel=0.35)
    assert errors[()] == errors[("meter", "area")] == pytest.approx(np.sqrt(2 / np.pi * (9 * 25 + 1)), rel=0.35)


def test_nothing_is_run_twice(board: PluginFolder) -> None:
    before = written(board)

    ended = board("run", "./heat-board")

    assert ended.returncode == 0
    assert written(board) == before


def test_the_publication_names_the_covariates_of_its_tasks(board: PluginFolder) -> None:
    published = board("publish", "./heat-board")

    stored = [path.read_text("utf-8") for path in (board.folder / "heat-board").rglob("*") if path.suffix == ".json"]
    assert published.returncode == 0, published.stdout + published.stderr
    assert any('"covariates"' in text and '"area"' in text for text in stored)


def test_the_dataset_passes_its_check(board: PluginFolder) -> None:
    assert board("check", "heat").returncode == 0


def test_an_unknown_covariate_is_reported_before_anything_runs(board: PluginFolder) -> None:
    before = written(board)

    ended = board("run", "./wrong-board")

    text = " ".join((ended.stdout + ended.stderr).split())
    assert "no covariate called 'metre'; did you mean 'meter'? its covariates are area, meter, weather" in text
    assert ended.returncode != 0
    assert written(board) == before
