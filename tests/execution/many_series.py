"""A board with one cell of many series, whose parts take a moment each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from faulty_home import FaultyHome

from harness import Run
from harness.results.journal import Journal

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
    """The last value; it notes each series that it forecasts and by which command, and may stop after some."""

    def predict_series(self, context):
        time.sleep(float(os.environ.get("PAUSE", "0.1")))
        command = os.environ["COMMAND"]
        with open(os.environ["FORECASTS"], "a+") as file:
            file.seek(0)
            if sum(line.endswith(command + "\\n") for line in file) >= int(os.environ.get("STOPS_AFTER", "9999")):
                time.sleep(1000)
            file.write(context.id + " " + command + "\\n")
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
elif "run" in sys.orig_argv:
    from harness.execution.locks import remote as remote_locks
    remote_locks.LOOK = 0.3
"""


def write_many(home: FaultyHome) -> None:
    """Write the board and its plugin, and have small parts made."""
    home.without_mirror()
    home.write_board("many", "", BOARD)
    (home.folder / "many" / "harness_plugin.py").write_text(PLUGIN)
    (home.site / "sitecustomize.py").write_text(SMALL_PARTS)
    home.variables["FORECASTS"] = str(home.folder / "forecasts.txt")


def run_of(home: Path) -> Run:
    (key,) = Journal(home).keys()
    run = Journal(home).read_with_results(key)
    assert run is not None
    return run


def forecasts(place: FaultyHome) -> list[tuple[str, str]]:
    """The series that were forecast, and by which command."""
    (place.folder / "forecasts.txt").touch()
    lines = (place.folder / "forecasts.txt").read_text().splitlines()
    return [(series, command) for series, _, command in (line.partition(" ") for line in lines)]


def assert_same_forecasts(run: Run, other: Run) -> None:
    assert run.results is not None
    assert other.results is not None
    np.testing.assert_array_equal(run.results.forecast.mean, other.results.forecast.mean)
    np.testing.assert_array_equal(run.results.forecast.quantiles, other.results.forecast.quantiles)
    assert run.scores == other.scores
