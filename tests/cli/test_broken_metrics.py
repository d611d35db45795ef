"""A metric of a plugin that breaks, on the command line: one sentence names it, and nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from harness import Journal, Status

PLUGIN = """
import numpy as np
from harness import DatasetSpec, Metric, Panel, hookimpl


def ramp():
    return Panel.of([range(-5, 20), range(30, 55)], season_length=2)


def log_error(outcomes):
    if (outcomes.actuals <= 15).any():
        raise ValueError("needs values\\nabove 15")
    return np.abs(np.log(outcomes.mean / outcomes.actuals))


@hookimpl
def harness_datasets():
    return [DatasetSpec("ramp", ramp, source="counted", licence="CC0-1.0")]


@hookimpl
def harness_metrics():
    bad = Metric("bad", log_error, aggregation="mean")
    return [Metric("LOGERR", log_error), bad]
"""
BOARD = """
title = "Ramps"
metric = "{metric}"
baseline = "naive"
[[tasks]]
dataset = "ramp"
protocol = {{ kind = "rolling-origin", horizon = 6, windows = 2 }}
[[forecasters]]
name = "naive"
[[forecasters]]
name = "drift"
"""


class Shell:
    """Runs `harness` in a folder with boards of which one is ranked by the metric that breaks."""

    def __init__(self, run: Any) -> None:
        self.run, self.folder, self.home = run, run.folder, run.home

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command, and all that it says on one line."""
        said = self.run(*arguments)
        return said.returncode, " ".join((said.stdout + said.stderr).split())


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Any) -> Shell:
    run = plugin_folder(tmp_path_factory.mktemp("broken"), "log_metrics")
    boards = {"by-mae": "MAE", "by-log": "LOGERR", "by-crps": "CRPS"}
    run.install(PLUGIN, {name: BOARD.format(metric=metric) for name, metric in boards.items()})
    shell = Shell(run)
    code, said = shell("run", "by-log", "by-mae", "--jobs", "0")
    assert code == 2
    assert "error: board 'by-log' cannot be ranked by LOGERR: losses of metric 'LOGERR' raised ValueError" in said
    assert "drift" in said  # the standings of the board after it
    return shell


def test_cells_complete_and_a_note_names_the_metric(ran: Shell) -> None:
    journal = Journal(ran.home)

    runs = [run for run in map(journal.read, journal.keys()) if run is not None]

    assert len(runs) == 2
    for run in runs:
        assert run.status is Status.COMPLETED
        assert {"MAE", "MASE"} <= set(run.scores)
        assert "LOGERR" not in run.scores
        assert "no score by LOGERR: losses of metric 'LOGERR' raised ValueError: needs values above 15" in run.notes


@pytest.mark.parametrize("more", [[], ["--by", "step"], ["--html", "page.html"]])
def test_a_board_shown_by_the_metric_says_in_a_sentence_why_it_cannot(ran: Shell, more: list[str]) -> None:
    code, said = ran("show", "by-mae", "--metric", "LOGERR", *more)

    assert code == 2
    assert said.endswith("losses of metric 'LOGERR' raised ValueError: needs values above 15")
    assert not (ran.folder / "page.html").exists()


def test_other_metrics_are_shown(ran: Shell) -> None:
    for metric in ("MAE", "sMAPE"):
        code, said = ran("show", "by-mae", "--metric", metric)
        assert code == 0
        assert f"{metric} by task" in said


def test_check_finds_what_breaks_and_the_plugin_of_an_invalid_metric_is_named(ran: Shell) -> None:
    code, said = ran("check", "LOGERR")

    assert code == 1
    assert "raised ValueError: needs values above 15" in said
    assert "log-metrics" in said
    assert "aggregation of metric 'bad' must be 'pooled', 'series', 'cutoff' or 'window', not 'mean'" in said


def test_the_former_name_of_a_metric_leads_to_the_present_one(ran: Shell) -> None:
    for arguments in (["show", "by-mae", "--metric", "CRPS"], ["run", "by-crps"]):
        code, said = ran(*arguments)
        assert code == 2
        assert "no metric called 'CRPS'; did you mean 'MQL', as it is called now?" in said


def test_a_metric_that_is_mended_needs_no_run(ran: Shell, tmp_path: Path, plugin_folder: Any) -> None:
    shutil.copytree(ran.folder, tmp_path / "mended", ignore=shutil.ignore_patterns("__pycache__"))
    mended = Shell(plugin_folder(tmp_path / "mended", "log_metrics"))
    mended.run.module.write_text(
        PLUGIN.replace("<= 15", "<= -99").replace("np.log(outcomes.mean / outcomes.actuals)", "outcomes.error")
    )

    shown, by_step, ran_again = (
        mended("show", "by-log"),
        mended("show", "by-log", "--by", "step"),
        mended("run", "by-log"),
    )

    assert shown[0] == by_step[0] == ran_again[0] == 0
    assert "LOGERR by task" in shown[1]
    assert "Nothing to do" in ran_again[1]
