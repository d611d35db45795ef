"""The ways in which the cells of a board are run, and what their homes have in common to the last bit."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import Journal

BOARD = """title = "Ways"
metric = "MASE"
baseline = "naive"
seeds = 2
"""
TASK = """[[tasks]]
dataset = "{}"
protocol = {{ kind = "rolling-origin", horizon = {}, windows = {} }}
quantile_levels = [0.1, 0.5, 0.9]
"""
TASKS = (("nile", 5, 5), ("sunspots", 11, 4), ("elnino", 12, 4), ("macrodata", 4, 4), ("many", 6, 2))
FORECASTERS = ("naive", "drift", "theta", "ridge", "ets", "dense")  # the last one is a network, with a seed
BUCKET = """
import s3fs
s3fs.S3FileSystem(skip_instance_cache=True).call_s3("create_bucket", Bucket="bucket")
"""
CELLS = len(TASKS) * (len(FORECASTERS) + 1)
PLUGIN = '''
import numpy as np

from harness import DatasetSpec, Panel, hookimpl


def many():
    """Series that are enough for cells in parts."""
    return Panel.of(list(np.random.default_rng(0).normal(size=(120, 60)).cumsum(axis=1)), season_length=4)


@hookimpl
def harness_datasets():
    return [DatasetSpec("many", many)]
'''
# Runs a command, adopts what it leaves behind, and tells its exit code and the CPU seconds of its processes. Those of
# forecasters are not among them, since nobody waits for them; the records of runs have these.
MEASURED = """
import ctypes, json, os, resource, subprocess, sys, time

assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
began = time.monotonic()
code = subprocess.run(sys.argv[2:]).returncode
seconds = time.monotonic() - began
try:
    while time.monotonic() - began - seconds < 30:
        if os.waitpid(-1, os.WNOHANG)[0] == 0:
            time.sleep(0.05)
except ChildProcessError:  # none is left
    pass
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([code, seconds, usage.ru_utime + usage.ru_stime], file)
"""


def write_board(folder: Path) -> None:
    """Write the board and its plugin file."""
    board = folder / "ways"
    board.mkdir()
    entries = "".join(f'[[forecasters]]\nname = "{name}"\n' for name in FORECASTERS)
    (board / "leaderboard.toml").write_text(BOARD + "".join(TASK.format(*task) for task in TASKS) + entries)
    (board / "harness_plugin.py").write_text(PLUGIN)


def make_bucket(variables: Mapping[str, str]) -> None:
    """Make s3://bucket on a server of S3."""
    subprocess.run([sys.executable, "-c", BUCKET], env={**os.environ, **variables}, check=True)


@dataclass
class Command:
    """A command that runs, and is measured without its forecasters."""

    process: subprocess.Popen[str]
    measures: Path

    def end(self) -> tuple[float, float]:
        """Its seconds and CPU seconds, when it has succeeded."""
        text, _ = self.process.communicate(timeout=3000)
        code, seconds, cpu_seconds = json.loads(self.measures.read_text())
        assert code == 0, text
        return seconds, cpu_seconds


def start(folder: Path, *arguments: str, variables: Mapping[str, str]) -> Command:
    """Start a command of harness in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_", "RAY_"))}
    measures = folder / f"measures-{len(list(folder.glob('measures-*')))}"
    measures.touch()
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURED, str(measures), sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        env={**kept, "HARNESS_MLFLOW": "off", "COLUMNS": "200", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Command(process, measures)


def forecaster_seconds(home: Path) -> float:
    """The CPU seconds of all fits and forecasts of the runs in a home."""
    journal = Journal(home)
    found = [journal.read(key) for key in list(journal.keys())]
    return sum(run.costs.fit_cpu_seconds + run.costs.predict_cpu_seconds for run in found if run is not None)


def records(home: Path) -> dict[str, str]:
    """What of each cell of a home does not depend on times and machines, as a hash: scores, forecasts, terms."""
    journal = Journal(home)
    found = {}
    for key in list(journal.keys()):
        run = journal.read_with_results(key)
        assert run is not None
        parts = (run.cell.to_json(), run.status.value, run.scores, run.window_failures, run.windows, run.results)
        found[key] = hashlib.sha256(repr([_exact(part) for part in parts]).encode()).hexdigest()
    return found


def _exact(value: Any) -> Any:
    """A value whose text tells every bit of it."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, Mapping):
        return [(name, _exact(value[name])) for name in sorted(value)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_exact(each) for each in value]
    if dataclasses.is_dataclass(value):
        return [(field.name, _exact(getattr(value, field.name))) for field in dataclasses.fields(value)]
    return repr(value)
