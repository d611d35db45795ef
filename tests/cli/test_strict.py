"""`harness run --strict` runs completed cells again, and says how their forecasts compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.execution.workers import sandbox

PLUGIN = """
from dataclasses import dataclass

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl


@dataclass
class Pools:
    '''Forecasts a little more where a call has more windows.'''

    share: float = 0.0

    def fit(self, train):
        pass

    def predict(self, contexts):
        last = np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)
        return Forecast.point(last * (1 + self.share * len(contexts)))


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("pools", Pools)]
"""
BOARD = """
title = "Strict"
metric = "MAE"
baseline = "naive"
[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 3 }
[[forecasters]]
name = "naive"
[[forecasters]]
name = "pools"
label = "pooled"
parameters = { share = 1e-3 }
"""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable):
    folder = plugin_folder(tmp_path_factory.mktemp("strict"), "strict_plugin")
    folder.install(PLUGIN, {"strict": BOARD})
    return folder


def records(home: Path) -> dict[str, dict]:
    """The records of the journal, by forecaster."""
    paths = (home / "journal" / "cells").glob("*/record.json")
    return {record["cell"]["forecaster"]: record for record in map(json.loads, map(Path.read_text, paths))}


def test_completed_cells_are_run_again_and_compared(harness) -> None:
    assert harness("run", "strict", "--jobs", "1").returncode == 0
    assert not any(record["strict"] for record in records(harness.home).values())

    ran = harness("run", "strict", "--strict", "--jobs", "1")
    found = records(harness.home)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert all(record["strict"] for record in found.values())
    assert "in strict mode, its forecasts are equal to the batch run to the last bit" in found["naive"]["notes"]
    (note,) = [note for note in found["pools"]["notes"] if note.startswith("in strict mode")]
    assert (
        note
        == "in strict mode, its forecasts are different from the batch run by 0.002 at most, relative to their size"
    )
    expected = sandbox.NAME if sandbox.is_available() else None
    assert {record["provenance"]["sandbox"] for record in found.values()} == {expected}

    for options in ((), ("--strict",)):
        assert "Nothing to do" in harness("run", "strict", "--jobs", "1", *options).stdout


def test_it_is_refused_without_worker_processes(harness) -> None:
    ran = harness("run", "strict", "--strict", "--rerun", "--jobs", "0")

    assert ran.returncode == 2
    assert "--strict needs worker processes" in ran.stderr
