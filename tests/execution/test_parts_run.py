"""`harness run` with cells in parts: it is killed and goes on, and two commands share a cell."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from faulty_home import FaultyHome, kill

from harness import Run
from harness.results.journal import Journal
from harness.results.stored_parts import StoredParts, cells_in_parts

SERIES = 120
BOARD = """title = "Many"
metric = "MAE"
baseline = "slow-level"

[[forecasters]]
name = "slow-level"

[[tasks]]
dataset = "many"
protocol = { kind = "rolling-origin", horizon = 3, windows = 1 }
quantile_levels = [0.1, 0.5, 0.9]
"""
PLUGIN = f'''
import os, time
from dataclasses import dataclass
import numpy as np
from harness import DatasetSpec, Forecast, ForecasterSpec, LocalForecaster, Panel, hookimpl

@dataclass
class SlowLevel(LocalForecaster):
    """The last value; it notes each series that it forecasts, and by which command."""

    def predict_series(self, context):
        time.sleep(0.1)
        with open(os.environ["FORECASTS"], "a") as file:
            file.write(context.id + " " + os.environ["COMMAND"] + "\\n")
        mean = np.tile(context.target[-1], (context.horizon, 1))[None]
        return Forecast.from_normal(mean, np.ones_like(mean), context.quantile_levels)

def many():
    rng = np.random.default_rng(0)
    return Panel.of([rng.normal(size=20) for _ in range({SERIES})])

@hookimpl
def harness_forecasters():
    return [ForecasterSpec("slow-level", SlowLevel)]

@hookimpl
def harness_datasets():
    return [DatasetSpec("many", many)]
'''
SMALL_PARTS = """
import sys
if "harness.execution.executors.supervisor" in sys.orig_argv:
    from harness.execution.cells import parts as cell_parts
    cell_parts.PART_SECONDS = 0.3
    cell_parts.FIRST_SERIES = 4
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[FaultyHome]:
    home = FaultyHome(tmp_path)
    home.without_mirror()
    home.write_board("many", "", BOARD)
    (tmp_path / "many" / "harness_plugin.py").write_text(PLUGIN)
    (home.site / "sitecustomize.py").write_text(SMALL_PARTS)
    home.variables["FORECASTS"] = str(tmp_path / "forecasts.txt")
    yield home
    home.kill_all()


def run_of(home: Path) -> Run:
    (key,) = Journal(home).keys()
    run = Journal(home).read_with_results(key)
    assert run is not None
    return run


def forecasts(place: FaultyHome) -> list[tuple[str, str]]:
    """The series that were forecast, and by which command."""
    lines = (place.folder / "forecasts.txt").read_text().splitlines()
    return [(series, command) for series, _, command in (line.partition(" ") for line in lines)]


def assert_same_forecasts(run: Run, other: Run) -> None:
    assert run.results is not None
    assert other.results is not None
    np.testing.assert_array_equal(run.results.forecast.mean, other.results.forecast.mean)
    np.testing.assert_array_equal(run.results.forecast.quantiles, other.results.forecast.quantiles)
    assert run.scores == other.scores


def test_one_that_was_killed_goes_on_with_the_parts_that_are_left(place: FaultyHome) -> None:
    board = str(place.folder / "many")
    command = place.start("run", board, "--jobs", "2", COMMAND="first")
    deadline = time.monotonic() + 120
    while len(list(place.home.glob("journal/parts/*/*/record.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(command.pid, signal.SIGKILL)
    command.communicate()
    assert place.processes_after(30) == []
    (key,) = cells_in_parts(place.home)
    stored = StoredParts(place.home, key)
    plan = stored.plan()
    assert plan is not None
    done = {f"s{i}" for part in plan.parts if stored.end(part) for i in range(part.first, part.last)}

    code, text = place.run("run", board, "--jobs", "2", COMMAND="second")

    assert code == 0, text
    assert "1 of 1 cell done" in text
    names = {series for series, _ in forecasts(place)}
    again = {series for series, by in forecasts(place) if by == "second"}
    assert len(names) == SERIES
    assert len(done) >= SERIES // 40 * 4
    assert len(again) == SERIES - len(done)
    assert cells_in_parts(place.home) == []
    assert list(place.home.glob("journal/locks/*")) == []
    run = run_of(place.home)
    assert run.costs.parts == len(plan.parts)
    whole = place.folder / "other"
    code, text = place.run("run", board, "--no-parts", "--home", str(whole), COMMAND="whole")
    assert code == 0, text
    assert run_of(whole).costs.parts == 1
    assert_same_forecasts(run, run_of(whole))


def test_two_commands_share_the_parts_of_a_cell(place: FaultyHome) -> None:
    board = str(place.folder / "many")
    first = place.start("run", board, "--jobs", "1", COMMAND="first")
    second = place.start("run", board, "--jobs", "1", COMMAND="second")

    texts = [each.communicate(timeout=300)[0] for each in (first, second)]

    assert [each.returncode for each in (first, second)] == [0, 0], texts
    shares = [{series for series, by in forecasts(place) if by == command} for command in ("first", "second")]
    assert len(shares[0] | shares[1]) == SERIES
    assert not shares[0] & shares[1]
    assert min(map(len, shares)) > 10
    assert run_of(place.home).costs.parts > 4
    assert cells_in_parts(place.home) == []
