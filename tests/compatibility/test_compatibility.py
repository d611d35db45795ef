"""What version 0.2.0 wrote, and what was written for it, goes on working.

`home.zip` is a home that 0.2.0 wrote with the two boards in `boards` and the forecasters in `plugin`; the CSV files
are what its `harness show` printed of it. The folder of `frozen-waves` holds what its `harness publish` wrote.
"""

from __future__ import annotations

import csv
import inspect
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import harness
from harness import (
    Generation,
    Journal,
    RollingOrigin,
    SeriesSplit,
    Task,
    TimeSplit,
    stored_bench,
    stored_plans,
    stored_standings,
)
from harness.evaluation.run import Cell, Run
from harness.plugins import hookspecs

HERE = Path(__file__).parent
BOARDS = ("frozen", "frozen-waves")
STATISTICS = ("skill", "win_rate", "mean_rank", "median_relative_error", "relative_error")
RENAMED = {"confidence": "mcs_p_value", "spread": "skill_std", "CRPS": "MQL"}  # columns of CSV by their name in 0.2.0
RESAMPLED = ("_low", "_high", "confidence", "tied_for_first")  # ends of columns that depend on how units are resampled
# its tables computed again: frozen-sometimes lost 22 windows, which 0.2.0 scored as the worst of anybody
RECOMPUTED = {"frozen": "recomputed.csv"}
PUBLIC = (HERE / "public.txt").read_text(encoding="utf-8").split()
HOOKS = {
    "harness_forecasters": [],
    "harness_datasets": [],
    "harness_metrics": [],
    "harness_leaderboards": [],
    "harness_commands": ["cli"],
    "harness_run_finished": ["run", "home"],
    "harness_standings_changed": ["leaderboard", "standings", "home"],
    "harness_finished": ["home"],
}
KEYS = {
    "e070d8119ed2d80aea3982cd982af999": Cell(Task("d", RollingOrigin(2, windows=3)), "f"),
    "5f7c9159c3f3aa741db78239320f57f8": Cell(
        Task(
            "d",
            RollingOrigin(2, 3, "2020-01-01", 1, 4, 50, 6, 70, 8),
            TimeSplit(0.5, 10, "2021-01-01"),
            ("a", "b"),
            7,
            (0.1, 0.9),
            standardise=True,
            name="no part of the key",
        ),
        "f",
        {"alpha": 0.5, "layers": [1, 2], "deep": {"a": None}},
        3,
    ),
    "52f5906beb851564619de47dc9a4a091": Cell(Task("d", Generation(10, 20), SeriesSplit(2, 0.5, 1)), "f", {}, 0),
}


def run_harness(home: Path, *arguments: str) -> str:
    """What a command prints, with the plugin installed."""
    paths = [str(HERE / "plugin"), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("harness")), *arguments],
        cwd=HERE / "boards",
        env={
            **os.environ,
            "HARNESS_HOME": str(home),
            "HARNESS_MLFLOW": "off",
            "PYTHONPATH": os.pathsep.join(paths),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the home that 0.2.0 wrote."""
    with zipfile.ZipFile(HERE / "home.zip") as archive:
        archive.extractall(tmp_path / "home")
    return tmp_path / "home"


def written(home: Path) -> dict[str, int]:
    """When each cell was written, by key."""
    journal = Journal(home)
    return {key: journal.modified(key) for key in list(journal.keys())}


def assert_same_table(text: str, file: str, without: tuple[str, ...] = ()) -> None:
    """Assert that CSV holds all columns of 0.2.0, with the same values to 1e-12, but those with other endings.

    Since then, forecasters that completed nothing have no statistics, which were those of imputed errors.
    """
    stored = list(csv.DictReader((HERE / file).read_text(encoding="utf-8").splitlines()))
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == len(stored)
    for row, old in zip(rows, stored, strict=True):
        for name, value in old.items():
            if name.endswith(without):
                continue
            now = row[name if name in row else RENAMED[name]]
            if old.get("completed") == "0" and name.startswith(STATISTICS):
                assert now == ""
                continue
            assert now == value or math.isclose(float(now), float(value), rel_tol=1e-12), (name, now, value)


def measured_columns() -> tuple[str, ...]:
    """The columns of costs that `harness bench` of 0.2.0 measured; they belong to the cells of its evaluation."""
    header = (HERE / "frozen.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    return tuple(header[header.index("machine") :])


def cells(home: Path) -> dict[str, Run]:
    """The runs of a home by forecaster, parameters, task and seed; of two evaluations the later one."""
    journal = Journal(home)
    runs = [journal.read(key) for key in sorted(journal.keys(), key=journal.modified)]
    return {json.dumps(run.cell.to_json(), sort_keys=True): run for run in runs if run is not None}


class TestInterface:
    def test_all_public_names_are_there(self) -> None:
        assert set(PUBLIC) <= set(harness.__all__)
        assert [name for name in PUBLIC if not hasattr(harness, name)] == []

    @pytest.mark.parametrize("hook", HOOKS)
    def test_each_hook_takes_the_same_arguments(self, hook: str) -> None:
        assert list(inspect.signature(getattr(hookspecs, hook)).parameters) == HOOKS[hook]

    @pytest.mark.parametrize("key", KEYS)
    def test_keys_of_cells_are_what_they_were(self, key: str) -> None:
        assert KEYS[key].key("print", "plugin==1:0") == key


class TestImports:
    @pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("list",)], ids=" ".join)
    def test_a_command_that_only_looks_imports_no_more(self, arguments: tuple[str, ...]) -> None:
        script = (
            f"import atexit, json, sys; sys.argv = ['harness', *{arguments!r}];"
            "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr));"
            "from importlib.metadata import entry_points;"
            "entry_points(group='console_scripts')['harness'].load()()"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        modules = {name for name in json.loads(done.stderr.splitlines()[-1]) if not name.startswith("harness")}

        foreign = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)

        assert {name for name in foreign if not name.startswith("_")} <= {"click", "pluggy", "editables"}
        if sys.version_info[:2] == (3, 11):  # of which 0.2.0 was looked at
            known = set((HERE / "imports.txt").read_text(encoding="utf-8").split())
            assert {name for name in modules if name.partition(".")[0] in sys.stdlib_module_names} <= known


class TestHome:
    def test_cells_of_an_earlier_evaluation_are_run_again_with_the_same_scores(self, home: Path) -> None:
        before, old = written(home), cells(home)

        run_harness(home, "run", *BOARDS)

        after, new = written(home), cells(home)
        assert {key: after[key] for key in before} == before
        assert len(after) == 2 * len(before)
        assert new.keys() == old.keys()
        for cell, run in old.items():
            assert (new[cell].status, new[cell].windows) == (run.status, run.windows)
            assert new[cell].scores == pytest.approx(run.scores, rel=1e-12, nan_ok=True)

    def test_a_second_run_has_nothing_to_do(self, home: Path) -> None:
        run_harness(home, "run", *BOARDS)

        assert "Nothing to do: all 16 cells are in the journal" in run_harness(home, "run", *BOARDS)

    @pytest.mark.parametrize("board", BOARDS)
    def test_its_standings_are_shown(self, home: Path, board: str) -> None:
        assert_same_table(run_harness(home, "show", board, "--csv"), f"{board}.csv")

    def test_its_standings_and_slices_are_computed_again_the_same(self, home: Path) -> None:
        costs = measured_columns()

        run_harness(home, "run", *BOARDS)

        for board in BOARDS:
            shown = run_harness(home, "show", board, "--csv")
            assert_same_table(shown, RECOMPUTED.get(board, f"{board}.csv"), (*RESAMPLED, "_seconds", *costs))
        shown = run_harness(home, "show", "frozen", "--metric", "WQL", "--csv")
        assert_same_table(shown, "recomputed-WQL.csv", (*RESAMPLED, "_seconds", *costs))
        assert_same_table(run_harness(home, "show", "frozen", "--by", "step", "--csv"), "recomputed-by-step.csv")

    def test_its_plans_and_figures_are_read(self, home: Path) -> None:
        plans = {plan.name: plan for plan in stored_plans(home)}
        standings = stored_standings(home, "frozen")
        assert standings is not None
        measured = [row for row in standings.rows if row.costs is not None]

        assert [plan.name for plan in plans.values()] == list(BOARDS)
        assert len(plans["frozen"].cells) == 14
        assert sorted(row.forecaster for row in measured) == ["frozen-last", "frozen-mean"]
        for row in measured:
            assert row.costs is not None
            assert stored_bench(home, row.costs) is not None

    def test_published_results_are_shown(self, tmp_path: Path) -> None:
        said = run_harness(tmp_path, "show", "frozen-waves", "--published", "--csv")

        assert_same_table(said, "frozen-waves.csv")
