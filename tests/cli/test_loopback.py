"""harness is reachable from this machine only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

BOARD = """
title = "Small"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }

[[forecasters]]
name = "naive"
"""


def listening(process: subprocess.Popen[bytes]) -> set[str]:
    """The addresses at which a process and those that it started can be reached."""
    found = set()
    for each in family(process):
        try:
            connections = each.net_connections("inet")
        except psutil.Error:
            continue
        found |= {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}
    return found


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """A process and those that it started."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@pytest.mark.slow
def test_the_pages_of_mlflow_are_served_on_the_loopback_interface(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
    harness = [sys.executable, "-m", "harness"]
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "leaderboard.toml").write_text(BOARD)
    subprocess.run([*harness, "run", "small", "--jobs", "0"], env=kept, cwd=tmp_path, check=True, capture_output=True)
    process = subprocess.Popen(
        [*harness, "ui", "--no-browser"],
        env=kept,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end, found = time.monotonic() + 180, set[str]()
        while not found and process.poll() is None and time.monotonic() < end:
            found = listening(process)
            time.sleep(0.2)
        time.sleep(1)  # other processes of the server may open more
        found |= listening(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    assert found == {"127.0.0.1"}


def test_a_run_listens_nowhere(slow_board) -> None:
    slow_board.set_seconds(60, 60)
    process = slow_board.start("run", "slow", "--jobs", "2")
    slow_board.wait_for(slow_board.begun)

    found = listening(process)
    process.send_signal(signal.SIGTERM)
    slow_board.end(process)

    assert found == set()
