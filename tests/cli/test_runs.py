"""`harness runs` lists what `harness replay` and `harness compare` accept."""

from __future__ import annotations

import csv
import io
import math
import platform
import re
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import pytest

from harness import RollingOrigin, Run, Status, Task
from harness.evaluation.run import Cell
from harness.report.runs.run_table import ListedCell, runs_legend

BOARD = """title = "Nile"
metric = "MAE"
baseline = "naive"
[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }
[[forecasters]]
name = "naive"
[[forecasters]]
name = "drift"
label = "drift of a line"
"""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable):
    folder = plugin_folder(tmp_path_factory.mktemp("runs"), "no_plugin")
    folder.install("", {"river": BOARD, "river-2": BOARD.replace('"Nile"', '"Nile 2"')})
    assert folder("run", "./river", "./river-2", "--jobs", "0").returncode == 0
    return folder


def test_a_listed_key_can_be_replayed_and_compared(harness) -> None:
    rows = list(csv.DictReader(io.StringIO(harness("runs", "river", "--csv").stdout)))

    assert [(row["forecaster"], row["task"], row["status"]) for row in rows] == [
        ("naive", "nile", "completed"),
        ("drift of a line", "nile", "completed"),
    ]
    assert all(math.isfinite(float(row["score"])) and float(row["seconds"]) >= 0 for row in rows)
    assert all(re.fullmatch(r".+, \d+ cores", row["machine"]) for row in rows)
    assert "equal to the record" in harness("replay", rows[0]["key"]).stdout
    assert harness("compare", rows[0]["key"][:12], rows[1]["key"][:12]).returncode == 0


def test_a_key_shows_one_cell_with_the_versions_behind_it(harness) -> None:
    row = next(csv.DictReader(io.StringIO(harness("runs", "river", "--csv").stdout)))

    shown = " ".join(harness("runs", row["key"][:6]).stdout.split())

    assert shown.startswith(f"Cell {row['key']} board river, river-2 forecaster naive task nile status completed MAE ")
    assert f" Python {platform.python_version()} harness {version('forecast-harness')} packages " in shown
    assert f"numpy {np.__version__}" in shown
    (listed, _) = csv.DictReader(io.StringIO(harness("runs", row["key"], "--csv").stdout))
    assert listed == row
    assert "--only lists cells of forecasters" in harness("runs", row["key"], "--only", "naive").stderr
    assert "has a key that begins with 0123456789ab" in harness("runs", "0123456789ab").stderr
    assert "at least 6 digits" in harness("runs", row["key"][:3]).stderr


def test_legends_are_as_wide_as_the_terminal(harness) -> None:
    runs, slices = harness("runs", "river").stdout, harness("show", "river", "--by", "step").stdout

    assert "\nscore: MAE; `harness replay` and `harness compare` take keys, of which six digits suffice\n" in runs
    assert "\nMAE by step, mean over seeds; steps: number of forecast steps\n" in slices


def test_seconds_of_several_kinds_of_machines_are_said_to_be_not_comparable() -> None:
    cell = Cell(Task("nile", RollingOrigin(2)), "naive")
    epyc, xeon = (
        ListedCell("b", "naive", "nile", "key", "MAE", Run(cell, Status.COMPLETED, provenance={"machine": machine}))
        for machine in ({"processor": "EPYC", "cores": 4}, {"processor": "Xeon", "cores": 4})
    )
    pending = ListedCell("b", "drift", "nile", "key", "MAE", None, False)

    assert "seconds are not comparable, as 2 kinds of machines ran the cells" in runs_legend([epyc, xeon, pending])
    assert "comparable" not in runs_legend([epyc, epyc, pending])


def test_without_a_board_all_cells_are_listed_with_their_boards(harness) -> None:
    listed, one = harness("runs").stdout, harness("runs", "--only", "naive").stdout

    assert listed.count("drift of a line") == 2
    assert "river-2" in listed
    assert "drift of a line" not in one
    assert harness("runs", "--only", "naive,drift of a line").stdout == listed
    assert one.count("naive") == 2


def test_what_is_not_there_is_an_error(harness) -> None:
    assert "did you mean 'naive'?" in harness("runs", "--only", "nave").stderr
    assert "has no results" in harness("runs", "classics").stderr
    missing = harness("runs", "--home", "elsewhere")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "there is no home elsewhere; name another one by --home" in missing.stderr
    (harness.folder / "elsewhere").mkdir()
    empty = harness("runs", "--home", "elsewhere")
    assert (empty.returncode, empty.stdout) == (0, "No cells in elsewhere; `harness run` runs some.\n")
