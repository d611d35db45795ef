"""`harness run --shard`, `plan` and `merge`, as users run them."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long_file

TASK = """[[tasks]]
dataset = "nile"
name = "nile-{h}"
protocol = {{ kind = "rolling-origin", horizon = {h}, windows = 3 }}
"""
BOARD = 'title = "Rivers"\nmetric = "MAE"\nbaseline = "naive"\n' + "".join(TASK.format(h=h) for h in (1, 2, 3, 4))
BOARD += "".join(f'[[forecasters]]\nname = "{name}"\n' for name in ("naive", "drift", "mean", "chance"))
PLUGIN = '''
from dataclasses import dataclass
from os import environ, path

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl


@dataclass
class Chance:
    """Forecasts what a file beside its plugin says: not deterministic."""

    def fit(self, train):
        pass

    def predict(self, contexts):
        with open(path.join(path.dirname(__file__), "level")) as file:
            level = float(file.read())
        return Forecast.point(np.full((len(contexts), contexts.horizon, len(contexts.targets)), level))


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("chance", Chance, "reads a file")]
'''


@pytest.fixture
def harness(tmp_path: Path, plugin_folder: Callable) -> Any:
    folder = plugin_folder(tmp_path, "chance_plugin")
    folder.install(PLUGIN, {"rivers": BOARD})
    (folder.module.parent / "level").write_text("900")
    return folder


def runs(harness: Any, home: str) -> list[tuple[str, ...]]:
    listed = csv.DictReader(io.StringIO(harness("runs", "rivers", "--csv", "--home", home).stdout))
    return sorted((row["key"], row["status"], row["score"]) for row in listed)


def test_shards_of_one_home_run_every_cell_once(harness: Any) -> None:
    harness("run", "./rivers", "--jobs", "0", "--home", "whole")
    shards = [harness("run", "./rivers", "--jobs", "0", "--shard", f"{i}/3", "--home", "shared") for i in (3, 1, 2)]
    again = harness("run", "./rivers", "--jobs", "0", "--shard", "1/3", "--home", "shared")
    shown = harness("show", "rivers", "--home", "shared")

    assert [shard.returncode for shard in shards] == [0, 0, 0]
    pattern = r"shard (\d) of 3: (\d) of 16 cells, (\d) of them pending"
    found = [re.search(pattern, shard.stdout) for shard in shards]
    assert [match[1] for match in found if match] == ["3", "1", "2"]
    assert sum(int(match[2]) for match in found if match) == 16
    assert all(match and match[2] == match[3] for match in found)
    assert len({re.search(r"division (\w{8})", shard.stdout)[1] for shard in shards}) == 1  # type: ignore[index]
    assert "Rivers" not in shards[0].stdout  # no standings of a part
    assert "0 of them pending" in again.stdout
    assert re.search(r"all \d cells are in the journal", again.stdout)
    assert runs(harness, "shared") == runs(harness, "whole")
    assert "pending" not in shown.stdout


def test_a_plan_is_kept_while_the_journal_learns(harness: Any) -> None:
    harness("run", "./rivers", "--jobs", "0", "--only", "drift")
    planned = harness("plan", "./rivers", "--slurm", "3")
    plan = planned.stdout.split("--plan ")[1].split()[0]
    divisions = []
    for i in (1, 2, 3):
        shard = harness("run", "./rivers", "--jobs", "0", "--shard", str(i), "--plan", plan)
        divisions.append(re.search(r"division (\w{8})", shard.stdout)[1])  # type: ignore[index]
    later = harness("plan", "./rivers", "--slurm", "3").stdout.split("--plan ")[1].split()[0]

    assert planned.returncode == 0
    assert len(set(divisions)) == 1
    assert {status for _, status, _ in runs(harness, str(harness.home))} == {"completed"}
    assert later != plan  # which is of new measurements, in another file


def test_separate_homes_are_merged_to_what_one_would_have(harness: Any) -> None:
    harness("run", "./rivers", "--jobs", "0", "--home", "whole")
    for i in (1, 2):
        harness("run", "./rivers", "--jobs", "0", "--shard", f"{i}/2", "--home", f"part-{i}")

    merged = harness("merge", "part-1", "part-2", "into")
    again = harness("merge", "part-2", "part-1", "into")
    shown = harness("show", "rivers", "--csv", "--home", "into")

    assert (merged.returncode, again.returncode) == (0, 0)
    assert "16 cells copied" in merged.stdout
    assert "merged 2 homes into the new home into:" in merged.stdout
    assert "merged 2 homes into into: 0 cells copied, 16 that it had already" in again.stdout
    assert runs(harness, "into") == runs(harness, "whole")
    scores = []
    for home in ("into", "whole"):
        table = csv.DictReader(io.StringIO(harness("show", "rivers", "--csv", "--home", home).stdout))
        scores.append([[row[name] for name in ("forecaster", "skill", "MAE[nile-1]", "MAE[nile-4]")] for row in table])
    assert scores[0] == scores[1]
    assert shown.returncode == 0
    assert "all 16 cells are in the journal" in harness("run", "./rivers", "--jobs", "0", "--home", "into").stdout


def test_results_that_differ_are_reported_and_run_again(harness: Any) -> None:
    only = ("--only", "chance", "--jobs", "0")
    harness("run", "./rivers", *only, "--home", "a")
    (harness.module.parent / "level").write_text("901")
    source = harness.module.read_bytes()
    harness("run", "./rivers", *only, "--home", "b")
    assert harness.module.read_bytes() == source

    merged = harness("merge", "a", "b", "into")
    status = json.loads(harness("status", "--json", "--home", "into").stdout)
    again = harness("run", "./rivers", *only, "--home", "into")
    resolved = harness("merge", "a", "b", "into")

    assert merged.returncode == 1
    assert "chance on nile has different results: completed, MAE" in merged.stdout
    assert "not deterministic: 4 cells have different results and are pending" in merged.stdout
    assert len([*(harness.folder / "into" / "conflicts").glob("*/*/record.json")]) == 8
    assert status["boards"][0]["done"] == 4  # those of the baseline
    assert "chance" in again.stdout
    assert resolved.returncode == 0
    assert "8 results left out, which an earlier merge kept aside" in resolved.stdout


def test_a_stopped_shard_is_resumed(slow_board: Any) -> None:
    slow_board.set_seconds(60, 60, 0, 0)
    process = slow_board.start("run", "slow", "--jobs", "2", "--shard", "1/1")
    slow_board.wait_for(lambda: len(slow_board.begun()) >= 2)
    process.send_signal(signal.SIGTERM)
    stopped = slow_board.end(process)
    done = slow_board.done()

    status = slow_board("run", "slow", "--jobs", "2", "--shard", "1/1", "--timeout", "1")

    assert stopped.returncode == 143
    assert "the same command resumes the run" in stopped.stdout
    assert f"{5 - done} of them pending" in status.stdout
    assert slow_board.done() == 5


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("run", "rivers", "--shard", "4/3"), "numbered from 1 to 3"),
        (("run", "rivers", "--shard", "auto"), "finds no job array"),
        (("run", "rivers", "--plan", "x"), "need --shard"),
        (("run", "rivers", "--shard", "1", "--plan", "x.json"), "there is no run plan"),
        (("plan",), "name the boards to plan"),
        (("plan", "./rivers", "--all"), "name the boards to plan"),
        (("plan", "./rivers", "--slurm", "2", "--simulate", "nodes=2"), "choose one of them"),
        (("plan", "./rivers", "--simulate", "nodes=none"), "--simulate takes nodes=N"),
        (("plan", "./rivers", "--kubernetes", "2", "--logs", "logs"), "use it with --slurm"),
        (("merge", "into"), "name the homes to merge"),
        (("merge", "nothing", "into"), "is no home"),
        (("merge", "into", "into"), "is to be merged into itself"),
    ],
)
def test_errors_are_one_sentence(harness: Any, arguments: tuple[str, ...], reason: str) -> None:
    ended = harness(*arguments)

    assert ended.returncode == 2
    assert reason in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_plan_of_other_cells_is_refused_before_anything_is_stored(harness: Any) -> None:
    def boards() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (harness.home / "boards").rglob("*") if path.is_file()}

    harness("run", "./rivers", "--jobs", "0", "--only", "drift")
    plan = harness("plan", "./rivers", "--slurm", "2").stdout.split("--plan ")[1].split()[0]
    before = boards()
    harness.module.write_text(PLUGIN.replace("float(file.read())", "2 * float(file.read())"))

    ended = harness("run", "./rivers", "--jobs", "0", "--shard", "1", "--plan", plan)

    assert ended.returncode == 2
    assert "4 of 16 cells are not in the run plan" in ended.stderr
    assert "`harness plan`" in ended.stderr
    assert boards() == before


def test_a_plan_shows_groups_and_times(harness: Any) -> None:
    before = harness("plan", "./rivers")
    harness("run", "./rivers", "--jobs", "0", "--only", "drift")
    after = harness("plan", "./rivers", "--jobs", "2")
    from_other = harness("plan", "./rivers", "--home", "empty", "--from", str(harness.home))
    simulated = harness("plan", "./rivers", "--simulate", "nodes=2,cores=2,copies=10")

    assert "of 16 cells without any run, by the size of the data" in before.stdout
    assert "of 8 cells from runs of the same forecaster on the same task" in after.stdout
    assert "of 8 cells of forecasters without a completed run" in after.stdout
    unmeasured = "warning: 2 of 4 forecasters have no completed run ("
    assert [unmeasured in command.stderr for command in (before, after, from_other, simulated)] == [False, *[True] * 3]
    assert "warning: 4 of 4 forecasters have no completed run (" in before.stderr
    assert after.stderr.strip().endswith(("--only mean,chance", "--only chance,mean"))
    assert "memory of a shard of cpu, 3.5 GB: 1.0 GB for the command, and for a cell" in after.stdout  # each has one
    assert "time limit of a shard of cpu, 20 minutes: 10 minutes to start" in after.stdout
    assert "of 8 cells from runs of the same forecaster on the same task" in from_other.stdout
    assert "expected time of group cpu by the number of shards" in before.stdout
    assert "Simulated run of 160 cells on 2 nodes with 2 cores each" in simulated.stdout
    assert simulated.stdout.count("until the last cell ends") == 2


def test_shards_have_the_plugins_of_the_plan(harness: Any) -> None:
    folder = harness.folder / "my plugins"
    folder.mkdir()
    (folder / "own.py").write_text(PLUGIN.replace('"chance"', '"own chance"'))
    options = ("--plugins", "chance-plugin,own", "--plugin-file", "my plugins/own.py")

    slurm = harness(*options, "plan", "./rivers", "--slurm", "2", "--separate-homes").stdout
    manifest = harness(*options, "plan", "./rivers", "--kubernetes", "2").stdout
    variables = {"HARNESS_PLUGINS": "chance-plugin"}
    restricted = harness.end(harness.start("plan", "./rivers", "--slurm", "2", environment=variables)).stdout
    without = harness("plan", "./rivers", "--slurm", "2").stdout

    given = ["--plugins", "chance-plugin,own", "--plugin-file", str(folder / "own.py")]
    commands = [shlex.split(line) for line in slurm.splitlines() if line.startswith("exec ")]
    assert [command[4:9] for command in commands] == [[*given, name] for name in ("run", "merge")]
    assert f"exec harness {shlex.join(given)} run" in manifest
    assert "-m harness --plugins chance-plugin run" in restricted
    assert "-m harness run" in without


def test_the_plugin_file_beside_a_board_is_found_by_its_shards(harness: Any) -> None:
    (harness.folder / "rivers" / "harness_plugin.py").write_text(PLUGIN.replace('"chance"', '"own chance"'))

    manifest = harness("plan", "./rivers", "--kubernetes", "2")

    assert "exec harness run ./rivers" in manifest.stdout


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (2, ""),
        (16, ""),
        (20, "16 shards instead of 20: there are no more cells\n"),
        (1, "2 shards instead of 1: each group of cells has one of its own\n"),
    ],
)
def test_another_number_of_shards_than_asked_for_is_explained(harness: Any, count: int, told: str) -> None:
    spec = 'ForecasterSpec("chance", Chance, "reads a file"'
    source = PLUGIN.replace(spec, f"{spec}, resources=Resources(threads=2)")
    harness.module.write_text(source.replace("import Forecast,", "import Forecast, Resources,"))

    ended = harness("plan", "./rivers", "--slurm", str(count))

    assert [line for line in ended.stderr.splitlines(keepends=True) if "instead of" in line] == [told] * bool(told)


def test_homes_in_use_are_not_merged_into(slow_board: Any) -> None:
    slow_board.set_seconds(60)
    process = slow_board.start("run", "slow", "--jobs", "1")
    slow_board.wait_for(lambda: slow_board.begun())
    ended = slow_board("merge", str(slow_board.home), str(slow_board.home))
    (slow_board.folder / "other" / "journal" / "cells").mkdir(parents=True)
    refused = slow_board("merge", "other", str(slow_board.home))
    process.send_signal(signal.SIGTERM)
    slow_board.end(process)

    assert refused.returncode == ended.returncode == 2
    assert f"process {process.pid}" in refused.stderr
