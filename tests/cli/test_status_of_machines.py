"""`harness status` of a run on several machines, and its page."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.data.storage import read_checked_json, write_checked_json, write_json
from harness.errors import BadInput
from harness.execution.activity import (
    SCHEMA,
    Activity,
    LastCell,
    RunningCell,
    activities,
    activity_folder,
    remove_stale,
)
from harness.fields.dumping import dump
from harness.results.journal import Journal

NAMES = """
import os, platform, socket

if name := os.environ.get("MACHINE"):
    platform.node = socket.gethostname = lambda: name
"""


@pytest.fixture
def machines(slow_board: Any) -> Any:
    """The board of slow cells, where commands of several machines share a home: MACHINE is their host name."""
    (slow_board.module.parent / "sitecustomize.py").write_text(NAMES)
    return slow_board


@pytest.fixture
def two_runs(machines: Any) -> Iterator[Any]:
    """Two machines that run a board: the first has done two cells, the second one that failed; each runs one."""
    machines.set_seconds(0, 60, -1, 60)
    processes = [machines.start("run", "slow", "--jobs", "1", environment={"MACHINE": "node-a"})]
    machines.wait_for(lambda: "begun-2" in machines.begun())
    processes.append(machines.start("run", "slow", "--jobs", "1", environment={"MACHINE": "node-b"}))
    machines.wait_for(lambda: "begun-4" in machines.begun())
    machines.wait_for(lambda: sorted(len(each.machines) * each.done for each in activities(machines.home))[0] > 0)
    machines.processes = processes
    yield machines
    for process in processes:
        process.send_signal(signal.SIGTERM)
        machines.end(process)


def columns(line: str) -> list[str]:
    return re.split(r"  +", line.strip())


def test_two_machines_that_share_a_home(two_runs: Any) -> None:
    text = two_runs("status", "slow").stdout
    found = json.loads(two_runs("status", "--json").stdout)

    lines = text.splitlines()
    rows = {columns(line)[0]: columns(line) for line in lines}
    assert rows["node-a"][1:4] == ["2", "1", "0"]
    assert rows["node-b"][1:4] == ["1", "1", "1"]
    assert rows["slow 3"] == ["slow 3", "1", "1", "0"]
    assert rows["slow 4"] == ["slow 4", "0", "0", "1"]
    assert sum(line.startswith("Process ") for line in lines) == 2
    assert "Board slow: 3 of 5 cells done, 1 failed." in text
    assert re.search(r"failed \(machine node-b\): slow 3 on nile \(\w{8}\): .*ValueError: no time", text)
    assert re.search(r"All machines: .* cells/\w+, about .* left\.", text)
    assert [(each["machine"], each["done"]) for each in found["machines"]] == [("node-a", 2), ("node-b", 1)]
    assert found["seconds_left"] > 0
    assert {each["executor"] for each in found["running"]} == {"local"}
    assert len({each["asked_for"] for each in found["running"]}) == 1  # the same cells, some of them done before
    assert all(each["asked_for"] for each in found["running"])


def test_two_machines_that_share_a_store(machines: Any, tmp_path: Path) -> None:
    machines.set_seconds(0, 60, -1, 60)
    store = f"file://{tmp_path / 'store'}"
    environments = [
        {"MACHINE": name, "HARNESS_HOME": store, "HARNESS_CACHE_DIR": str(tmp_path / name)}
        for name in ("node-a", "node-b", "node-c")
    ]
    processes = [machines.start("run", "slow", "--jobs", "1", environment=environments[0])]
    machines.wait_for(lambda: "begun-2" in machines.begun())
    processes.append(machines.start("run", "slow", "--jobs", "1", environment=environments[1]))
    machines.wait_for(lambda: "begun-4" in machines.begun())

    def found() -> dict[str, Any]:
        return json.loads(machines.end(machines.start("status", "--json", environment=environments[2])).stdout)  # type: ignore[no-any-return]

    machines.wait_for(lambda: sum(each["running"] for each in found()["machines"]) == 2)
    status = found()
    for process in processes:
        process.send_signal(signal.SIGTERM)
        machines.end(process)

    assert status["home"] == store
    assert [(each["machine"], each["done"], each["failed"]) for each in status["machines"]] == [
        ("node-a", 2, 0),
        ("node-b", 1, 1),
    ]
    assert [each["machine"] for each in status["boards"][0]["failed"]] == ["node-b"]


def test_a_page_is_written_until_the_run_ends(two_runs: Any, tmp_path: Path) -> None:
    page = tmp_path / "status.html"
    watching = two_runs.start("status", "--html", str(page), "--every", "1")
    two_runs.wait_for(page.exists)
    running = page.read_text()
    for process in two_runs.processes:
        process.send_signal(signal.SIGTERM)

    ended = two_runs.end(watching)

    assert ended.returncode == 0
    assert '<meta http-equiv="refresh" content="1">' in running
    assert "node-a" in running
    assert "no time" in running
    last = page.read_text()
    assert 'http-equiv="refresh"' not in last
    assert "Nothing runs." in last


def test_a_signal_ends_a_page_that_loads_itself(two_runs: Any, tmp_path: Path) -> None:
    page = tmp_path / "status.html"
    watching = two_runs.start("status", "--html", str(page), "--every", "600")
    two_runs.wait_for(page.exists)

    watching.send_signal(signal.SIGINT)
    ended = two_runs.end(watching)

    assert ended.returncode == 130
    assert 'http-equiv="refresh"' not in page.read_text()


def test_a_page_of_machines_that_were_switched_off_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.cli.status.STALE", 0.0)
    home, page = tmp_path / "home", tmp_path / "status.html"
    activity = Activity(1, "elsewhere", "start", "2026-01-01T00:00:00+00:00", ("a",), 1)
    write_json(activity_folder(home) / "1.json", {"schema": SCHEMA, **dump(activity)})

    ended = CliRunner().invoke(cli, ["status", "--home", str(home), "--html", str(page), "--every", "1"])

    assert ended.exit_code == 0
    assert "Process 1 on elsewhere" in page.read_text()
    assert 'http-equiv="refresh"' not in page.read_text()


def activity_of(host: str, age: float, **changes: Any) -> Activity:
    """What a command wrote so many seconds ago, with two of ten cells done on its machine."""
    now = datetime.now(UTC)
    written = (now - timedelta(seconds=age)).isoformat(timespec="milliseconds")
    last = LastCell(host, written, 0.0)
    return Activity(1, host, "x", written, ("slow",), 10, 60.0, 2, machines=(last,), written=written, **changes)


def test_a_machine_that_gives_no_sign_is_told_and_its_cells_are_in_no_time_left(slow_board: Any) -> None:
    slow_board.set_seconds(0, 0)
    slow_board("run", "slow", "--jobs", "0")
    for number, (host, age) in enumerate([("lost", 3600.0), ("alive", 5.0)]):
        path = activity_folder(slow_board.home) / f"{number}.json"
        write_json(path, {"schema": SCHEMA, **dump(activity_of(host, age))})

    text = slow_board("status").stdout
    found = json.loads(slow_board("status", "--json").stdout)

    assert re.search(r"on lost .*, last sign 1:00:\d\d ago; its cells are taken over after 1:00 without one\.", text)
    assert re.search(r"on alive .*, as of \d+(\.\d)? s ago\.", text)
    assert {each["host"]: each["age"] > 60 for each in found["running"]} == {"lost": True, "alive": False}
    assert "lost" not in {each["machine"] for each in found["machines"]}


def write_activity(home: Path, activity: Activity, **changes: Any) -> Path:
    """What a command wrote, with changes of its fields that may be damage."""
    path = activity_folder(home) / "1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema": SCHEMA, **dump(activity), **changes}))
    return path


@pytest.mark.parametrize(("age", "exit_code"), [(-3600.0, 2), (5.0, 2), (90.0, 0), (10 * 86400.0, 0)])
def test_only_a_command_that_gives_signs_refuses_a_merge(tmp_path: Path, age: float, exit_code: int) -> None:
    (tmp_path / "other" / "journal" / "cells").mkdir(parents=True)
    write_activity(tmp_path / "into", activity_of("elsewhere", age))

    ended = CliRunner().invoke(cli, ["merge", str(tmp_path / "other"), str(tmp_path / "into")])

    assert (2 if isinstance(ended.exception, BadInput) else ended.exit_code) == exit_code
    assert ("process 1 on elsewhere" in str(ended.exception)) is (exit_code == 2)


@pytest.mark.parametrize(("days", "is_kept"), [(0.9, True), (1.1, False), (-0.9, True), (-1.1, False)])
def test_a_command_that_gave_no_sign_for_a_day_is_gone(tmp_path: Path, days: float, is_kept: bool) -> None:
    path = write_activity(tmp_path, activity_of("elsewhere", days * 86400.0))

    shown = CliRunner().invoke(cli, ["status", "--home", str(tmp_path)])
    is_left = path.exists()
    remove_stale(path.parent)

    assert ("Process 1 on elsewhere" in shown.output) is is_kept
    assert is_left  # `harness status` writes nothing
    assert path.exists() is is_kept


@pytest.mark.parametrize(
    "damage",
    [
        {"seconds": float("inf")},
        {"seconds": "inf"},
        {"done": 10**400},
        {"work": float("nan")},
        {"work_done": 1e300},
        {"running": [{"key": "aa", "title": "a", "task": "t", "since": "", "seconds": float("inf")}]},
        {"machines": [{"machine": "a", "finished": "", "seconds": float("-inf")}]},
    ],
)
def test_a_file_with_numbers_that_cannot_be_is_damaged(tmp_path: Path, damage: dict[str, Any]) -> None:
    path = write_activity(tmp_path, activity_of("elsewhere", 5.0), **damage)

    ended = CliRunner().invoke(cli, ["status", "--home", str(tmp_path)])

    assert ended.exit_code == 0, ended.exception
    assert "Nothing runs in" in ended.output
    remove_stale(path.parent)
    assert not path.exists()


@pytest.mark.parametrize("time", ["x", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "2026-01-01"])
def test_a_time_that_is_none_is_shown_as_it_is(tmp_path: Path, time: str) -> None:
    write_activity(tmp_path, activity_of("elsewhere", 5.0), since=time, written=time)

    ended = CliRunner().invoke(cli, ["status", "--home", str(tmp_path)])

    assert ended.exit_code == 0, ended.exception


def test_a_cell_that_was_recorded_since_it_began_does_not_run(slow_board: Any) -> None:
    slow_board.set_seconds(0, 0)
    slow_board("run", "slow", "--jobs", "0")
    recorded, again, *_ = Journal(slow_board.home).keys()
    since = {recorded: "2026-01-01T00:00:00+00:00", again: "2999-01-01T00:00:00+00:00", "aa": ""}
    cells = tuple(RunningCell(key, "slow", "nile", begun, 9.0) for key, begun in since.items())
    fields = dump(activity_of("alive", 5.0, running=cells))
    write_json(activity_folder(slow_board.home) / "1.json", {"schema": SCHEMA, **fields})

    found = json.loads(slow_board("status", "--json").stdout)

    assert [cell["key"] for cell in found["running"][0]["running"]] == [again, "aa"]
    assert {each["machine"]: each["running"] for each in found["machines"]}["alive"] == 2


def test_a_page_waits_for_a_run_that_has_not_begun(machines: Any, tmp_path: Path) -> None:
    machines.set_seconds(0, 0)
    machines.home.mkdir()
    page = tmp_path / "status.html"
    watching = machines.start("status", "--html", str(page), "--every", "1")
    machines.wait_for(page.exists)
    waiting = page.read_text()

    machines("run", "slow", "--jobs", "1")
    ended = machines.end(watching)

    assert ended.returncode == 0
    assert '<meta http-equiv="refresh" content="1">' in waiting
    assert "Nothing runs." in waiting
    assert "3 of 3 cells done" in page.read_text()
    again = machines("status", "--html", str(page), "--every", "600")
    assert again.returncode == 0
    assert 'http-equiv="refresh"' not in page.read_text()


def test_records_of_two_machines_and_one_command(slow_board: Any) -> None:
    slow_board.set_seconds(0, -1)
    slow_board("run", "slow", "--jobs", "0")
    alone = slow_board("status").stdout
    journal = Journal(slow_board.home)
    runs = [run for run in map(journal.read, journal.keys()) if run is not None]
    (key,) = [run.key for run in runs if "no time" in run.explanation]
    path = slow_board.home / "journal" / "cells" / key / "record.json"
    fields = read_checked_json(path, 99)
    assert fields is not None
    schema = fields.pop("schema")
    fields["provenance"]["machine"]["name"] = "elsewhere"
    write_checked_json(path, fields, schema)

    text = slow_board("status").stdout

    assert "Machine" not in alone
    assert "(machine elsewhere): slow 2 on nile" in text
    assert "All machines" not in text


def test_the_index_knows_the_machine(slow_board: Any) -> None:
    slow_board.set_seconds(0)
    slow_board("run", "slow", "--jobs", "1")

    entries = json.loads((slow_board.home / "journal" / "index.json").read_text())["cells"]

    run = next(run for key in entries if (run := Journal(slow_board.home).read(key)))
    assert {entry[2] for entry in entries.values()} == {run.provenance["machine"]["name"]}
    assert run.finished in {entry[3] for entry in entries.values()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fast",), "board 'fast' was not run in"),
        (("--every", "5"), "--every needs --html"),
        (("--json", "--html", "page.html"), "leave out one of them"),
        (("--html", "slow/leaderboard.toml/page.html"), "cannot be written"),
    ],
)
def test_what_cannot_be_shown(slow_board: Any, arguments: tuple[str, ...], message: str) -> None:
    slow_board.set_seconds()
    slow_board.home.mkdir()

    ended = slow_board("status", *arguments)

    assert ended.returncode == 2
    assert message in ended.stderr
