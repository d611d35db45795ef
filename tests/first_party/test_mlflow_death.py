"""The end of the mirror when the command that started it dies, at any moment and by any signal."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from mlflow_homes import LABELS, client_of, fill, own_store  # noqa: F401

from harness import Journal
from harness_mlflow.companion import Companion
from harness_mlflow.index import backlog
from harness_mlflow.place import Place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

COMMAND = """
import os, sys, time, harness_mlflow
from pathlib import Path
home = Path(sys.argv[1])
harness_mlflow.harness_run_finished(home)
if sys.argv[2] == "forked" and not os.fork():  # a process that holds the other end of the mirror's input
    time.sleep(60)
print("started", flush=True)
time.sleep(float(sys.argv[3]))
print(harness_mlflow.harness_finished(home), flush=True)
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a board, and nothing in MLflow."""
    home = tmp_path_factory.mktemp("filled") / "home"
    fill(home, "hills")
    return home


def mirrors_of(home: Path) -> list[psutil.Process]:
    """The mirrors of a home that are alive."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if "harness_mlflow.mirror" in line and str(home) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def assert_complete(home: Path) -> None:
    client = client_of(home)
    runs = client.search_runs([found.experiment_id for found in client.search_experiments()])
    keys = Counter(run.data.tags["harness.key"] for run in runs if "harness.key" in run.data.tags)
    rows = Counter(run.data.tags["forecaster"] for run in runs if "harness.cells_experiment_id" in run.data.tags)
    assert keys == Counter(Journal(home).keys())
    assert rows == Counter(LABELS)
    assert len(runs) == len(keys) + len(rows) + 1  # the page
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert not backlog(Place(home)).work


CASES = [
    (signal.SIGKILL, "alone", 0.0, 6.0),  # while it finishes
    (signal.SIGKILL, "forked", 0.0, 6.0),
    (signal.SIGKILL, "alone", 60.0, 6.0),  # while it follows
    (signal.SIGTERM, "forked", 60.0, 4.0),
    (signal.SIGINT, "alone", 60.0, 4.0),
    (signal.SIGKILL, "alone", 0.0, 0.2),  # while it starts
]


@pytest.mark.parametrize(("number", "how", "pause", "longest"), CASES)
def test_no_mirror_is_left_and_the_next_run_completes_the_store(
    filled: Path, tmp_path: Path, number: signal.Signals, how: str, pause: float, longest: float
) -> None:
    home = tmp_path / "home"
    shutil.copytree(filled, home, copy_function=shutil.copy2)
    command = [sys.executable, "-c", COMMAND, str(home), how, str(pause)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        below = psutil.Process(parent.pid).children()
        time.sleep(random.uniform(0, longest))

        parent.send_signal(number)
        parent.wait(60)
        until = time.monotonic() + 20
        while mirrors_of(home) and time.monotonic() < until:
            time.sleep(0.1)
        left = mirrors_of(home)
        for process in below:
            if process.is_running():  # the forked one
                process.kill()

    assert left == []
    assert "`harness ui` shows the boards" in Companion(home).finish()[-1]
    assert_complete(home)
    assert mirrors_of(home) == []
