"""A plugin's metric whose source changes: its scores are those of the present source, and no forecaster runs again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from harness import Journal, Run

PLUGIN = """
from harness import DatasetSpec, Metric, Panel, hookimpl

FACTOR = 1


def scaled(outcomes):
    return FACTOR * outcomes.absolute_error


@hookimpl
def harness_datasets():
    return [DatasetSpec("ramp", lambda: Panel.of([range(-5, 20), range(30, 55)], season_length=2))]


@hookimpl
def harness_metrics():
    return [Metric("SCALED", scaled)]
"""
BOARD = """
title = "Ramps"
metric = "SCALED"
baseline = "naive"
[[tasks]]
dataset = "ramp"
protocol = { kind = "rolling-origin", horizon = 6, windows = 2 }
[[forecasters]]
name = "naive"
[[forecasters]]
name = "drift"
"""


class Shell:
    """Runs `harness` in a folder with a board that is ranked by a plugin's metric."""

    def __init__(self, run: Any) -> None:
        self.run, self.home = run, run.home
        run.install(PLUGIN, {"ramps": BOARD})

    def __call__(self, *arguments: str) -> str:
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        said: str = ended.stdout
        return said

    def edit(self, factor: int) -> None:
        self.run.module.write_text(PLUGIN.replace("FACTOR = 1", f"FACTOR = {factor}"))

    def runs(self) -> dict[str, Run]:
        journal = Journal(self.home)
        runs = map(journal.read_with_results, journal.keys())
        return {run.cell.forecaster: run for run in runs if run is not None}

    def times(self) -> list[int]:
        """When the records were written."""
        journal = Journal(self.home)
        return list(map(journal.modified, journal.keys()))

    def shown(self, *options: str) -> dict[str, float]:
        """The score of each forecaster in the standings."""
        rows = csv.DictReader(self("show", "ramps", "--format", "csv", *options).splitlines())
        return {row["forecaster"]: float(row["SCALED"]) for row in rows}


@pytest.fixture
def shell(tmp_path: Path, plugin_folder: Any) -> Shell:
    shell = Shell(plugin_folder(tmp_path, "scaled_errors"))
    shell("run", "ramps", "--jobs", "0")
    return shell


def test_scores_follow_the_source(shell: Shell) -> None:
    before, first = shell.runs(), shell.shown()
    assert first == {name: run.scores["MAE"] for name, run in before.items()}

    shell.edit(30)
    shown, by_mae = shell.shown(), shell.shown("--metric", "MAE")
    stored = shell.runs()
    said = shell("run", "ramps", "--jobs", "0")
    after, again, written = shell.runs(), shell.shown(), shell.times()
    shell("run", "ramps", "--jobs", "0")

    expected = {name: pytest.approx(30 * run.scores["MAE"]) for name, run in before.items()}
    assert shown == by_mae == again == expected
    assert {name: run.scores for name, run in stored.items()} == {name: run.scores for name, run in before.items()}
    assert "Nothing to do" in said
    for name, run in after.items():
        assert run.results is not None
        assert run.scores["SCALED"] == expected[name]
        assert list(run.scores) == list(before[name].scores)
        assert run.scores["MAE"] == before[name].scores["MAE"]
        assert run.results.terms["SCALED"].numerators == pytest.approx(30 * run.results.terms["MAE"].numerators)
        assert (run.started, run.finished, run.costs) == (
            before[name].started,
            before[name].finished,
            before[name].costs,
        )
    assert shell.times() == written  # scores of the present source are not stored again
