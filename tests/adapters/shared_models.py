"""How often the model of a library is loaded in the cells of a board, which log it by a plugin file."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOG = "LOG_OF_LOADS"  # the environment variable that names a file
TASKS = 3
BOARD = """
title = "Shared"
metric = "MAE"
baseline = "naive"

[[forecasters]]
name = "naive"

[[forecasters]]
name = "shared"
parameters = {{ checkpoint = {checkpoint} }}
"""
TASK = """
[[tasks]]
dataset = "line"
name = "horizon {horizon}"
protocol = {{ kind = "rolling-origin", horizon = {horizon}, windows = 4 }}
"""
PLUGIN = """
import sys
from dataclasses import replace

import numpy as np

sys.path.insert(0, {adapters!r})

from shared_models import log_calls
from harness import DatasetSpec, Panel, hookimpl
from harness_{library} import harness_forecasters as forecasters

{loader}


@hookimpl
def harness_forecasters():
    return [replace(spec, name="shared") for spec in forecasters() if spec.name == {name!r}]


@hookimpl
def harness_datasets():
    return [DatasetSpec("line", lambda: Panel.of([np.sin(np.arange(200.0))], season_length=4))]
"""


def log_calls(owner: type, method: str) -> None:
    """Have each call of a method, by which a library loads a model, add a line to the log."""
    original: Callable[..., Any] = getattr(owner, method)

    def logged(*arguments: Any, **options: Any) -> Any:
        with Path(os.environ[LOG]).open("a") as log:
            log.write(f"{os.getpid()}\n")
        return original(*arguments, **options)

    setattr(owner, method, staticmethod(logged) if inspect.ismethod(original) else logged)


def count_loads(folder: Path, name: str, checkpoint: Path, loader: str) -> int:
    """How often a board with three tasks loads the model of a forecaster, all of whose cells complete.

    `loader` are the statements that log the loading.
    """
    library = name.partition(":")[0]
    (folder / "board").mkdir()
    text = BOARD.format(checkpoint=json.dumps(str(checkpoint)))
    text += "".join(TASK.format(horizon=4 + task) for task in range(TASKS))
    (folder / "board/leaderboard.toml").write_text(text)
    plugin = PLUGIN.format(adapters=str(Path(__file__).parent), library=library, loader=loader, name=name)
    (folder / "board/harness_plugin.py").write_text(plugin)
    variables = {**os.environ, "HARNESS_HOME": str(folder / "home"), "HARNESS_MLFLOW": "off", LOG: str(folder / "log")}

    command = [sys.executable, "-m", "harness", "run", "./board", "--jobs", "1"]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=500)

    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(path.read_text()) for path in (folder / "home").glob("journal/cells/*/record.json")]
    statuses = [record["status"] for record in records if record["cell"]["forecaster"] == "shared"]
    assert statuses == ["completed"] * TASKS, done.stdout
    return len((folder / "log").read_text().splitlines())
