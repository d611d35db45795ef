"""The commands `harness weights …`, and boards with a forecaster whose weights are fetched, as users run them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.execution.workers import sandbox

PLUGIN = '''
from dataclasses import dataclass
from pathlib import Path
from os import environ

import numpy as np

from harness import Card, Forecast, ForecasterSpec, Weights, hookimpl, weights_folder

WEIGHTS = Weights("org/level", files=("level.txt",), licence="MIT")


@dataclass
class Level:
    """Forecasts the number in its weights, or in the file `level.txt` of the folder `checkpoint`."""

    checkpoint: str | None = None

    def fit(self, train):
        assert environ["HF_HUB_OFFLINE"] == "1"

    def predict(self, contexts):
        folder = Path(self.checkpoint) if self.checkpoint else weights_folder(WEIGHTS)
        level = float((folder / "level.txt").read_text())
        return Forecast.point(np.full((len(contexts), contexts.horizon, len(contexts.targets)), level))


@hookimpl
def harness_forecasters():
    return [
        ForecasterSpec(
            "level",
            Level,
            card=Card(checkpoint="org/level"),
            draws=False,
            pool="zero-shot",
            weights=WEIGHTS,
            paths=("checkpoint",),
        ),
        ForecasterSpec("combined", Level, card=Card(components=("level",)), draws=False),
    ]
'''
BOARD = """
title = "Levels"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }

[[forecasters]]
name = "naive"
[[forecasters]]
name = "level"
"""

Harness = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def harness(hub: Any, tmp_path: Path) -> Harness:
    """Runs `harness` in a folder with the plugin and its board; the hub has the weights."""
    hub.add("org/level", {"level.txt": b"900"})
    board = tmp_path / "board"
    board.mkdir()
    (board / "harness_plugin.py").write_text(PLUGIN, encoding="utf-8")
    (board / "leaderboard.toml").write_text(BOARD, encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    variables |= {"HARNESS_MLFLOW": "off", "HARNESS_PLUGIN_FILE": str(board / "harness_plugin.py"), "COLUMNS": "150"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            env={**variables, "HARNESS_WEIGHTS_DIR": "weights"},  # a relative path
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


def records(folder: Path, forecaster: str = "level") -> list[dict[str, Any]]:
    """The records of a forecaster in the journal, the earliest first."""
    paths = sorted(folder.glob(".harness/journal/cells/*/record.json"), key=lambda path: path.stat().st_mtime_ns)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [record for record in found if record["cell"]["forecaster"] == forecaster]


def test_a_forecaster_whose_weights_are_not_fetched_is_left_out_with_the_command(
    harness: Harness, tmp_path: Path
) -> None:
    ran = harness("run", "board")

    assert ran.returncode == 0, ran.stderr
    assert "weights not fetched: level (`harness weights fetch level`)" in " ".join(ran.stdout.split())
    assert records(tmp_path) == []
    only = harness("run", "board", "--only", "level")
    assert only.returncode == 2
    assert "the weights of forecaster 'level' are not fetched; run `harness weights fetch level`" in only.stderr
    listed = harness("list", "forecasters").stdout
    assert "FORECASTERS WHOSE WEIGHTS ARE NOT FETCHED\n  command                      name\n" in listed
    card = " ".join(harness("list", "forecasters", "--card", "level").stdout.split())
    assert "weights not fetched run harness weights fetch level" in card


def test_fetch_list_check_and_remove(harness: Harness, hub: Any, tmp_path: Path) -> None:
    fetched = harness("weights", "fetch", "level")

    assert fetched.returncode == 0, fetched.stderr
    (commit,) = hub.commits
    assert fetched.stdout == f"level: {tmp_path / 'weights' / 'org--level' / commit}\n"
    assert fetched.stderr == "downloading level.txt of org/level (3 bytes)\n"
    listed = " ".join(harness("weights", "list").stdout.split())
    assert f"level org/level {commit[:12]} 3 bytes MIT fetched" in listed
    checked = harness("weights", "check")
    assert (checked.returncode, checked.stdout) == (0, "the weights org/level are as they were fetched\n")
    file = tmp_path / "weights" / "org--level" / commit / "level.txt"
    file.write_text("901", encoding="utf-8")
    damaged = harness("weights", "check")
    assert damaged.returncode == 1
    assert f"the sha256 of {file} is " in damaged.stdout
    assert "; run `harness weights fetch level`\n" in damaged.stdout
    assert harness("weights", "remove", "level").stdout == "removed the weights org/level\n"
    assert "not fetched" in harness("weights", "list").stdout
    assert list((tmp_path / "weights").glob("org*")) == []


def test_weights_of_a_folder_are_marked_unless_their_hashes_are_declared(harness: Harness, tmp_path: Path) -> None:
    source = tmp_path / "tiny"
    source.mkdir()
    (source / "level.txt").write_text("5", encoding="utf-8")
    said = f"from {source}, not compared with the published weights"

    taken = harness("weights", "fetch", "level", "--from", str(source))
    harness("run", "board")

    assert (taken.returncode, taken.stderr) == (0, f"copying level.txt\nwarning: the weights org/level are {said}\n")
    assert "".join(said.split()) in "".join(harness("weights", "list").stdout.split())
    assert "".join(said.split()) in "".join(harness("list", "forecasters", "--card", "level").stdout.split())
    (record,) = records(tmp_path)
    assert "weights org/level: from tiny, not compared with the published weights" in record["notes"]
    plugin = tmp_path / "board" / "harness_plugin.py"
    digest = hashlib.sha256(b"5").hexdigest()
    plugin.write_text(PLUGIN.replace('licence="MIT"', f'sha256={{"level.txt": "{digest}"}}'), encoding="utf-8")
    assert "not compared" not in harness("weights", "list").stdout
    (source / "level.txt").write_text("6", encoding="utf-8")
    refused = harness("weights", "fetch", "level", "--from", str(source))
    assert refused.returncode == 2
    assert f"and {digest} is declared" in refused.stderr


def test_a_checkpoint_that_is_not_there_ends_the_command_before_anything_runs(harness: Harness, tmp_path: Path) -> None:
    ran = harness("run", "board", "--only", "level", "--set", "level.checkpoint=absent")

    assert ran.returncode == 2
    said = f"checkpoint of forecaster 'level': there is no file or folder {tmp_path / 'absent'}"
    assert said in " ".join(ran.stderr.split())
    assert records(tmp_path) == []


def test_other_weights_are_other_cells_and_removed_ones_make_nothing_stale(
    harness: Harness, hub: Any, tmp_path: Path
) -> None:
    board = tmp_path / "board" / "leaderboard.toml"
    board.write_text(BOARD + '[[forecasters]]\nname = "combined"\n', encoding="utf-8")
    harness("weights", "fetch", "level")
    first = harness("run", "board")
    assert first.returncode == 0, first.stderr
    hub.add("org/level", {"level.txt": b"800"}, "v2")

    harness("weights", "fetch", "level", "--revision", "v2")
    again = harness("run", "board")

    one, two = records(tmp_path)
    assert "1 result of level is stale: other weights are fetched" in again.stdout + again.stderr
    assert one["key"] != two["key"]
    assert one["scores"]["MAE"] != two["scores"]["MAE"]
    (told,) = two["provenance"]["weights"]
    assert (told["repository"], told["revision"], told["commit"]) == (
        "org/level",
        "v2",
        hub.revisions["org/level", "v2"],
    )
    assert list(told["sha256"]) == ["level.txt"]
    assert len({record["key"] for record in records(tmp_path, "combined")}) == 2  # of its component
    harness("weights", "remove", "level")
    shown = harness("show", "board")
    assert "level" in shown.stdout
    assert "stale" not in shown.stdout + shown.stderr


def test_a_checkpoint_needs_no_weights_and_its_content_is_part_of_the_key(harness: Harness, tmp_path: Path) -> None:
    tuned, moved = tmp_path / "tuned", tmp_path / "moved"
    tuned.mkdir()
    (tuned / "level.txt").write_text("700", encoding="utf-8")
    options = ("run", "board", "--only", "level", "--set")
    ran = harness(*options, "level.checkpoint=tuned")
    assert ran.returncode == 0, ran.stderr
    (first,) = records(tmp_path)
    assert first["status"] == "completed", first["reason"]
    assert "weights" not in first["provenance"]

    tuned.rename(moved)
    harness("weights", "fetch", "level")
    harness(*options, "level.checkpoint=moved")
    assert len(records(tmp_path)) == 1  # the same content elsewhere, and weights that it does not use
    (moved / "level.txt").write_text("701", encoding="utf-8")
    harness(*options, "level.checkpoint=moved")

    changed = next(record for record in records(tmp_path) if record["key"] != first["key"])
    assert changed["cell"]["contents"] != first["cell"]["contents"]
    assert changed["scores"]["MAE"] != first["scores"]["MAE"]


def test_a_checkpoint_of_a_board_that_does_not_exist_fails_in_its_cell(harness: Harness, tmp_path: Path) -> None:
    board = tmp_path / "board" / "leaderboard.toml"
    board.write_text(f'{BOARD}parameters = {{ checkpoint = "absent" }}\n', encoding="utf-8")

    harness("run", "board")

    (record,) = records(tmp_path)
    assert record["status"] == "failed"
    assert str(tmp_path / "absent" / "level.txt") in record["reason"]


def test_weights_are_read_in_a_sandbox(harness: Harness, tmp_path: Path) -> None:
    if not sandbox.is_available():
        pytest.skip("bubblewrap is not installed, or may not be used")
    tuned = '[[forecasters]]\nname = "level"\nlabel = "tuned"\nparameters = { checkpoint = "tuned" }\n'
    (tmp_path / "board" / "leaderboard.toml").write_text(BOARD + tuned, encoding="utf-8")
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "level.txt").write_text("700", encoding="utf-8")
    harness("weights", "fetch", "level")

    harness("run", "board", "--strict")

    found = {(record["status"], record["provenance"]["sandbox"]) for record in records(tmp_path)}
    assert len(records(tmp_path)) == 2
    assert found == {("completed", "bubblewrap")}


def test_errors_are_one_sentence(harness: Harness, tmp_path: Path) -> None:
    other = harness("weights", "fetch", "naive")
    both = harness("weights", "fetch", "level", "--from", "board", "--revision", "v1")
    unknown = harness("weights", "fetch", "level", "--revision", "v1")

    assert (other.returncode, both.returncode, unknown.returncode) == (2, 2, 2)
    assert other.stderr == (
        "error: forecaster 'naive' declares no weights; `harness weights list` shows those that do\n"
    )
    assert both.stderr == "error: --from and --revision exclude each other\n"
    assert "does not give 'org/level' at revision 'v1' (404 Not Found)" in unknown.stderr


def test_a_folder_replaces_the_hub(harness: Harness, hub: Any, tmp_path: Path) -> None:
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied" / "level.txt").write_text("900", encoding="utf-8")

    taken = harness("weights", "fetch", "level", "--from", "copied")

    assert taken.returncode == 0, taken.stderr
    assert hub.asked == []
    assert harness("weights", "check").returncode == 0
