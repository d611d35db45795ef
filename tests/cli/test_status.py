"""`harness status` from another terminal, while cells run and while nothing does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import RollingOrigin, Run, Status, Task
from harness.boards.planning import PlannedCell
from harness.data.storage import read_checked_json, write_checked_json, write_json
from harness.evaluation.run import Cell
from harness.execution.activity import SCHEMA, Activity, activities, activity_folder, remove_stale
from harness.execution.events import Finished, Started, Waiting
from harness.execution.locks.local import CellLocks
from harness.execution.process_usage import PROC, identity
from harness.execution.recorder import Recorder
from harness.fields.dumping import dump


def state(folder: Path) -> dict[str, int]:
    """All files below a folder, with their times of writing."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_home_that_is_not_there(slow_board: Any) -> None:
    ended = slow_board("status")

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: there is no home {slow_board.home}; name another one by --home")
    assert not slow_board.home.exists()


def test_a_home_without_runs(slow_board: Any) -> None:
    slow_board.home.mkdir()

    ended = slow_board("status")

    assert ended.returncode == 0
    assert "Nothing runs in" in ended.stdout
    assert "No board was run." in ended.stdout


def test_while_cells_run(slow_board: Any) -> None:
    slow_board.set_seconds(60, 60, 60)
    process = slow_board.start("run", "slow", "--jobs", "2")
    slow_board.wait_for(lambda: slow_board.done() == 1 and len(slow_board.begun()) == 2)
    slow_board.wait_for(
        lambda: [(each.done, len(each.running)) for each in activities(slow_board.home)] == [(1, 2)], 60
    )

    text = slow_board("status").stdout
    found = json.loads(slow_board("status", "--json").stdout)
    process.send_signal(signal.SIGTERM)
    slow_board.end(process)

    assert f"Process {process.pid} on {socket.gethostname()} runs cells of slow since" in text
    assert "1 of 4 cells done" in text
    assert "left" in text
    assert len(re.findall(r"running for \d[\d.:]*( s)?: slow", text)) == 2
    assert "slow 1 on nile" in text
    assert "Board slow: 1 of 4 cells done." in text
    (running,) = found["running"]
    assert (running["process"], running["cells"], running["done"]) == (process.pid, 4, 1)
    assert {cell["title"] for cell in running["running"]} == {"slow 1", "slow 2"}
    assert found["boards"][0]["done"] == 1
    assert found["locks"] == []
    assert list(activity_folder(slow_board.home).iterdir()) == []


def test_after_a_run_nothing_is_written(slow_board: Any) -> None:
    slow_board.set_seconds(0)
    text = (slow_board.folder / "slow" / "leaderboard.toml").read_text()
    entry = '[[forecasters]]\nname = "slow"\nlabel = "bad"\nparameters = { level = "x\\u001b[31m" }\n'
    (slow_board.folder / "slow" / "leaderboard.toml").write_text(text + entry)
    slow_board("run", "slow", "--jobs", "0")
    before = state(slow_board.home)

    ended = slow_board("status")

    assert "Nothing runs in" in ended.stdout
    assert "Board slow: 2 of 3 cells done" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert state(slow_board.home) == before


def test_damaged_and_later_records_are_told_and_left(slow_board: Any) -> None:
    slow_board.set_seconds(0)
    slow_board("run", "slow", "--jobs", "0")
    damaged, later = sorted(slow_board.home.glob("journal/cells/*/record.json"))
    damaged.write_bytes(damaged.read_bytes().replace(b"nile", b"Nile"))
    fields = read_checked_json(later, 99)
    assert fields is not None
    schema = fields.pop("schema") + 1
    write_checked_json(later, fields, schema)
    before = state(slow_board.home)

    ended = slow_board("status")

    assert ended.returncode == 0
    assert "Board slow: 0 of 2 cells done, 1 recorded by a later version of harness." in ended.stdout
    assert "does not match its checksum" in ended.stdout + ended.stderr
    assert state(slow_board.home) == before


def test_a_process_that_was_killed_does_not_run(slow_board: Any) -> None:
    slow_board.set_seconds(60)
    process = slow_board.start("run", "slow", "--jobs", "1")
    slow_board.wait_for(slow_board.begun)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(list(activity_folder(slow_board.home).iterdir())) == 1

    ended = slow_board("status")

    assert "Nothing runs in" in ended.stdout
    remove_stale(activity_folder(slow_board.home))
    assert list(activity_folder(slow_board.home).iterdir()) == []


def test_another_process_with_the_number_of_one_that_ended(tmp_path: Path) -> None:
    began = "2026-01-01T00:00:00+00:00"
    activity = Activity(os.getpid(), socket.gethostname(), f"{identity(os.getpid())}0", began, (), 1)
    write_json(activity_folder(tmp_path) / "1.json", {"schema": 1, **dump(activity)})

    assert activities(tmp_path) == []


@pytest.mark.skipif(not PROC, reason="numbers of processes have namespaces on Linux only")
def test_one_of_another_container_of_the_same_name_is_shown_and_kept(tmp_path: Path) -> None:
    other = "pid:[1] a-boot 5"
    activity = Activity(os.getpid(), socket.gethostname(), other, "2026-01-01T00:00:00+00:00", (), 1)
    path = activity_folder(tmp_path) / "1.json"
    write_json(path, {"schema": 1, **dump(activity)})

    remove_stale(path.parent)

    assert activities(tmp_path) == [activity]


def test_one_of_another_machine_is_shown_and_kept(tmp_path: Path) -> None:
    activity = Activity(1, "elsewhere", "start", "2026-01-01T00:00:00+00:00", ("a",), 1)
    path = activity_folder(tmp_path) / "1.json"
    write_json(path, {"schema": 1, **dump(activity)})

    remove_stale(path.parent)

    assert activities(tmp_path) == [activity]


def test_damaged_files_are_removed_and_later_ones_kept(tmp_path: Path) -> None:
    folder = activity_folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "1.json").write_bytes(b"\xff{")
    (folder / "2.json").write_text(f'{{"schema": {SCHEMA + 1}}}')
    (folder / "3.json").write_text('{"schema": 1, "process": "x"}')
    (folder / "4.json").mkdir()
    (folder / "5.json").write_text("{}")

    assert activities(tmp_path) == []
    remove_stale(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["2.json", "4.json"]


def test_a_command_counts_each_run_as_failed_that_is_not_completed(tmp_path: Path) -> None:
    with Recorder(tmp_path, ["a"], len(Status)) as recorder:
        for status in Status:
            planned = PlannedCell(status, "a", "t", Cell(Task("nile", RollingOrigin(1)), "naive"), "f")
            recorder.note(Started(planned))
            recorder.note(Finished(planned, Run(planned.cell, status, status)))
        recorder._write()

        (activity,) = activities(tmp_path)
        assert (activity.done, activity.failed) == (len(Status), len(Status) - 1)


def test_it_waits_for_nobody_once_it_goes_on(tmp_path: Path) -> None:
    planned = PlannedCell("aa", "a", "t", Cell(Task("nile", RollingOrigin(1)), "naive"), "f")
    with Recorder(tmp_path, ["a"], 1) as recorder:
        recorder.note(Waiting("process 1", (planned,)))
        recorder.note(Started(planned))
        recorder._write()

        assert activities(tmp_path)[0].waits_for == ()


@pytest.mark.skipif(not PROC, reason="elsewhere only a minute tells that a process is gone")
def test_a_lock_of_a_process_that_tells_nothing_is_shown(slow_board: Any) -> None:
    locks = slow_board.home / "journal" / "locks"
    locks.mkdir(parents=True)
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    for key in ("aa", "bb"):
        (locks / key).write_text(f"{socket.gethostname()} {other.pid}\n{identity(other.pid)}")
    (locks / "cc").write_bytes(b"\xff")
    mine = CellLocks(slow_board.home)
    mine.take("dd")

    text = slow_board("status").stdout
    other.communicate()
    own = slow_board("status").stdout
    mine.close()
    later = slow_board("status").stdout

    assert f"Process {os.getpid()} on {socket.gethostname()} has locked 1 cell." in own
    assert f"Process {other.pid} on {socket.gethostname()} has locked 2 cells." in text
    assert "locked" not in later


def test_a_run_whose_activity_cannot_be_written_goes_on(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "running").write_text("in the way")

    with Recorder(tmp_path, ["a"], 0):
        assert activities(tmp_path) == []
