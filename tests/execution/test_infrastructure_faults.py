"""What is no fault of the forecaster is no result: the cell is tried again, or stays pending with the reason."""

from __future__ import annotations

import re
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_home import FaultyHome, kill, tables

from harness import Journal, Status

FAULTS = """
import os, subprocess, sys

start = subprocess._fork_exec
fault = os.environ["FAULT"]

def fails(*arguments):
    raise BlockingIOError(11, "Resource temporarily unavailable")

def may_start(arguments, *others):
    return fails() if any(fault in os.fsdecode(argument) for argument in arguments) else start(arguments, *others)

if "--template" in sys.orig_argv and fault in ("fork", "setpgid"):
    setattr(os, fault, fails)
subprocess._fork_exec = may_start
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="faults are injected by means of Linux")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FaultyHome]:
    made = FaultyHome(tmp_path)
    made.without_mirror()
    yield made
    made.kill_all()


def statuses(home: FaultyHome) -> dict[str, Status]:
    """The statuses in the journal, by forecaster."""
    journal = Journal(home.home)
    runs = [journal.read(key) for key in list(journal.keys())]
    return {run.cell.forecaster: run.status for run in runs if run is not None}


@pytest.mark.parametrize("victim", ["worker", "guardian"])
def test_a_cell_whose_process_was_killed_from_outside_is_run_again(home: FaultyHome, victim: str) -> None:
    entries = {"naive": {"name": "naive"}, "waits": {"name": "hostile", "fault": "waits once"}}
    home.write_board("board", tables(entries))
    command = home.start("run", "./board", "--jobs", "1")
    told, deadline = home.folder / "waiting", time.monotonic() + 100
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    worker, guardian = map(int, told.read_text().split())
    kill(worker if victim == "worker" else guardian, signal.SIGKILL)
    text, _ = command.communicate(timeout=200)

    assert command.returncode == 0, text
    assert statuses(home) == {"naive": Status.COMPLETED, "hostile": Status.COMPLETED}
    assert "Traceback" not in text
    assert home.processes_after(20) == []


@pytest.mark.parametrize("most", [0, 2048])
def test_where_files_must_not_grow_nothing_is_recorded(home: FaultyHome, most: int) -> None:
    home.write_board("board", tables({"naive": {"name": "naive"}, "mean": {"name": "mean"}}))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        # Python 3.11 to 3.13 leave truncated bytecode where a file must not grow, and cannot import it afterwards.
        command = home.start("run", "./board", "--jobs", "2", PYTHONDONTWRITEBYTECODE="1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    text, _ = command.communicate(timeout=200)

    assert command.returncode == 2
    assert "File too large" in re.sub(r"\s+", " ", text)
    assert "Traceback" not in text
    assert statuses(home) == {}
    assert home.run("run", "./board")[0] == 0
    assert statuses(home) == {"naive": Status.COMPLETED, "mean": Status.COMPLETED}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("fork", "no worker process can be started: Resource temporarily unavailable (tried 4 times)"),
        ("setpgid", "no worker process can be started: BlockingIOError: [Errno 11] Resource temporarily unavailable"),
        ("--template", "no worker process can be started: Resource temporarily unavailable"),
        ("supervisor", "no supervisor process can be started: Resource temporarily unavailable (tried 4 times)"),
    ],
)
def test_where_no_process_can_be_started_nothing_is_recorded(home: FaultyHome, fault: str, reason: str) -> None:
    home.write_board("board", tables({"naive": {"name": "naive"}}))
    (home.site / "sitecustomize.py").write_text(FAULTS)

    code, text = home.run("run", "./board", "--jobs", "1", FAULT=fault)

    assert code == 2, text
    assert reason in text
    assert "Traceback" not in text
    assert statuses(home) == {}
    assert home.scratch() == []
