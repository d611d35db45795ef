"""A plugin file beside a board: what imports it, what does not, and what its results depend on."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli.main import cli
from harness.cli.plugin_files import BOARDS, use_plugin_file
from harness.errors import BadInput
from harness.plugins.plugin_file import VARIABLE, checked_plugin_file, import_plugin_file

PLUGIN = '''
"""A forecaster, a dataset and a metric of a board."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import DatasetSpec, ForecasterSpec, LocalForecaster, Metric, Panel, hookimpl
from levels import LEVEL

with suppress(OSError):  # a sandbox is read-only
    Path(__file__).with_name("imported").touch()


@dataclass
class Constant(LocalForecaster):
    """The same number at all steps."""

    seed: int = 0

    def predict_series(self, context):
        return np.full((context.horizon, context.target.shape[1]), LEVEL)


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("constant", "harness_plugin:Constant", imports=("levels",))]


@hookimpl
def harness_datasets():
    return [DatasetSpec("line", lambda: Panel.of([range(40)]))]


@hookimpl
def harness_metrics():
    return [Metric("cubed", lambda outcomes: np.abs(outcomes.point - outcomes.actuals) ** 3)]
'''
BOARD = """
title = "Near"
metric = "cubed"
baseline = "naive"
seeds = 2

[[tasks]]
dataset = "line"
protocol = { kind = "rolling-origin", horizon = 1, windows = 2 }

[[forecasters]]
name = "naive"

[[forecasters]]
name = "constant"
"""


@pytest.fixture
def harness(tmp_path: Path, plugin_folder: Callable):
    folder = plugin_folder(tmp_path, "other_plugin")
    folder.install("", {"near": BOARD})
    (tmp_path / "near" / "harness_plugin.py").write_text(PLUGIN)
    (tmp_path / "near" / "levels.py").write_text("LEVEL = 37.0\n")
    return folder


def versions(home: Path) -> dict[str, set[str]]:
    """The result versions in the journal, by forecaster."""
    found: dict[str, set[str]] = {}
    for path in home.glob("journal/cells/*/record.json"):
        record = json.loads(path.read_text())
        found.setdefault(record["cell"]["forecaster"], set()).add(record["provenance"]["plugin"]["version"])
    return found


def test_a_board_named_by_its_path_has_the_forecasters_datasets_and_metrics_beside_it(harness) -> None:
    ran = harness("run", "./near", "--jobs", "2")
    shown = harness("show", "near/leaderboard.toml", "--csv")

    assert ran.returncode == 0, ran.stderr
    assert "constant" in ran.stdout
    assert "cubed by task" in ran.stdout
    assert shown.returncode == 0, shown.stderr
    assert {"constant", "naive"} <= set(shown.stdout.replace("\n", ",").split(","))


def test_a_forecast_of_the_board_imports_the_file(harness) -> None:
    ran = harness("forecast", "./near", "--with", "constant")

    assert ran.returncode == 0, ran.stderr
    assert "forecaster constant was fitted" in ran.stdout


def test_all_parameters_that_are_boards_are_known() -> None:
    of_boards = {
        (name, parameter.name)
        for name, command in cli.commands.items()
        if getattr(command.callback, "__module__", "harness.cli").startswith("harness.")  # not those of plugins
        for parameter in command.params
        if parameter.name in ("board", "boards") or "BOARD" in (parameter.metavar or "")
    }

    known = {(name, parameter) for name, parameters in BOARDS.items() for parameter in parameters}
    assert known == of_boards | {("compare", "first"), ("compare", "second")}


def test_strict_mode_imports_the_file_too(harness) -> None:
    ran = harness("run", "./near", "--strict", "--only", "constant")

    assert ran.returncode == 0, ran.stderr
    assert "failed" not in ran.stdout


def test_an_edit_of_the_file_or_of_its_neighbour_makes_other_cells(harness) -> None:
    harness("run", "./near")
    before = versions(harness.home)
    (harness.folder / "near" / "levels.py").write_text("LEVEL = 38.0\n")

    shown, listed = harness("show", "./near"), harness("runs", "./near", "--csv")
    ran = harness("run", "./near")
    after = versions(harness.home)
    present = harness("runs", "./near")

    assert "constant: results are stale: its source changed (levels.py); run the board again" in shown.stdout
    assert {(row["forecaster"], row["stale"]) for row in csv.DictReader(io.StringIO(listed.stdout))} == {
        ("naive", "no"),
        ("constant", "yes"),
    }
    assert "stale" not in present.stdout

    assert "running 2 pending cells" in ran.stdout  # those of the two seeds of `constant`
    assert [line for line in ran.stdout.splitlines() if "stale" in line] == [
        "2 results of constant are stale: its source changed (levels.py)"
    ]
    assert len(before["constant"]) == 1
    assert len(after["constant"]) == 2
    assert after["naive"] == before["naive"]


@pytest.mark.parametrize("arguments", [("list",), ("run", "near")])
def test_the_file_is_not_imported_by_accident(harness, arguments: tuple[str, ...]) -> None:
    (harness.folder / "harness_plugin.py").write_text("raise SystemExit('imported from the current folder')")

    ran = harness(*arguments)

    assert "imported from the current folder" not in ran.stdout + ran.stderr
    assert not (harness.folder / "near" / "imported").exists()


def test_a_bare_name_of_the_folder_is_refused_with_the_remedy(harness) -> None:
    ran = harness("run", "near")

    assert ran.returncode == 2
    assert "to import the harness_plugin.py beside it" in ran.stderr


def test_a_file_can_be_named_for_commands_without_a_board(harness) -> None:
    ran = harness("--plugin-file", "near/harness_plugin.py", "check", "constant")

    assert ran.returncode == 0, ran.stdout
    assert "FAILED" not in ran.stdout


def test_plugins_none_leaves_the_file_out(harness) -> None:
    ran = harness("--plugins", "none", "run", "./near")

    assert ran.returncode == 2
    assert not (harness.folder / "near" / "imported").exists()


def test_a_file_that_cannot_be_imported_is_named(harness) -> None:
    (harness.folder / "near" / "harness_plugin.py").write_text("import no_such_library\n")

    ran = harness("run", "./near")

    assert ran.returncode == 2
    assert "near/harness_plugin.py) cannot be imported: ModuleNotFoundError" in ran.stderr


def test_the_files_of_two_boards_are_not_mixed_up(harness) -> None:
    other = harness.folder / "far"
    other.mkdir()
    (other / "leaderboard.toml").write_text(BOARD)
    (other / "harness_plugin.py").write_text(PLUGIN)

    ran = harness("run", "./near", "./far")

    assert ran.returncode == 2
    assert "run these boards one after the other" in ran.stderr


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("absent.py", "there is no plugin file"), ("my-file.py", "must be named as a module"), ("json.py", "'json'")],
)
def test_bad_plugin_files_are_refused(tmp_path: Path, name: str, wrong: str) -> None:
    if name != "absent.py":
        (tmp_path / name).touch()

    with pytest.raises(BadInput, match=wrong):
        checked_plugin_file(tmp_path / name)


@pytest.mark.parametrize("name", ["click", "numpy"])
def test_a_file_does_not_take_the_place_of_a_library(tmp_path: Path, name: str) -> None:
    library = __import__(name)
    (tmp_path / f"{name}.py").write_text("MINE = 1\n")

    with pytest.raises(BadInput, match=f"another module is called '{name}'"):
        import_plugin_file(tmp_path / f"{name}.py")

    assert sys.modules[name] is library


def test_the_file_of_another_board_takes_the_place_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "trial_file.py").write_text("import trial_neighbour\nFOLDER = trial_neighbour.FOLDER\n")
        (tmp_path / folder / "trial_neighbour.py").write_text(f"FOLDER = {folder!r}\n")

    found = [import_plugin_file(tmp_path / folder / "trial_file.py").FOLDER for folder in ("one", "two", "one")]

    assert found == ["one", "two", "one"]


@pytest.mark.parametrize(
    ("arguments", "is_imported"),
    [
        (["run", "./near"], True),
        (["runs", "./near"], True),
        (["forecast", "--with", "constant", "./near"], True),
        (["bench", "constant", "--board", "./near"], True),
        (["replay", "./near", "constant", "line"], True),
        (["replay", "classics", "./near", "line"], False),
        (["replay", "./near"], False),
        (["run", "./bare"], False),
        (["run", "./bare/other.toml"], False),
    ],
)
def test_the_file_beside_a_board_is_used_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_imported: bool
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    for folder in ("near", "bare"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "harness_plugin.py").touch()
    (tmp_path / "near" / "leaderboard.toml").write_text(BOARD)
    monkeypatch.setenv(VARIABLE, "")  # so that it is as it was after the test

    use_plugin_file(cli, arguments, None)

    assert bool(os.environ.get(VARIABLE)) is is_imported
