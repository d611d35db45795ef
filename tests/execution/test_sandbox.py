"""What the sandbox of a worker in strict mode hides, and what it limits."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Panel, RollingOrigin, Run, Task
from harness.boards.planning import PlannedCell
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Cell
from harness.execution.options import CellOptions
from harness.execution.workers import cell_workers as workers
from harness.execution.workers import sandbox
from harness.execution.workers.cell_workers import worker_forecaster
from harness.execution.workers.copies import WorkerCopy
from harness.execution.workers.scratch import scratch
from harness.execution.workers.template_server import TemplateServer
from harness.forecasters.limits import Limits
from harness.plugins.provider import Provider
from harness.tasks.folds import backtest
from harness.worker.processes import has_ended

PLUGIN = '''
import os
import resource
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl


def connects(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
    return True


def lies(number):
    """Let this worker tell another number of its copies."""
    from harness.worker import serve

    copied = serve.copied
    serve.copied = lambda path: number if isinstance(answer := copied(path), int) else answer


ACTIONS = {
    "reads": lambda path: Path(path).read_text(),
    "connects": connects,
    "writes": lambda path: Path(path).write_text("changed"),
    "writes beside": lambda path: Path("..", path).write_text("changed"),
    "lists": lambda path: sorted(os.listdir(path)),
    "limits": lambda path: [resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)],
    "leaves": lambda path: bool(subprocess.Popen(["sleep", "100"], start_new_session=True).pid),
    "prints": lambda path: os.write(2, bytes(4 << 20)) and time.sleep(60),
    "exits": lambda path: os.write(2, b"bye") and os._exit(3),
    "lies": lambda path: lies(int(path)),
}


@dataclass
class Tries:
    """Says what comes of an action."""

    action: str
    path: str = ""

    def fit(self, train):
        if self.action == "lies":
            lies(int(self.path))

    def predict(self, contexts):
        try:
            self.remarks_ = (f"came: {ACTIONS[self.action](self.path)!r}",)
        except OSError as error:
            self.remarks_ = (f"came: {type(error).__name__}",)
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("tries", Tries)]
'''
TASK = Task("walk", RollingOrigin(3, windows=2))
PANEL = Panel.of([np.random.default_rng(0).normal(size=60).cumsum() for _ in range(2)], season_length=1)
needs_sandbox = pytest.mark.skipif(not sandbox.is_available(), reason="bubblewrap is not installed, or may not be used")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tries")
    (folder / "tries_plugin.py").write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        server = TemplateServer()
        yield server.ensure()
        server.close()


def started(template: Path, action: str, path: object = "", limits: Limits | None = None) -> Any:
    planned = PlannedCell("", "tries", "walk", Cell(TASK, "tries", {"action": action, "path": str(path)}), "")
    provider = Provider("tries", "", "tries", "tries_plugin")
    options = CellOptions(strict=True, limits=limits or Limits())
    return worker_forecaster(planned, provider, template.parent / "home", template, options)


def run_of(template: Path, action: str, path: object = "", limits: Limits | None = None) -> Run:
    with started(template, action, path, limits) as forecaster:
        assert isinstance(forecaster.process, sandbox.SandboxedProcess)
        return evaluate(forecaster, TASK, PANEL, strict=True, audited_windows=0)


def came(run: Run) -> str:
    """What an action came to."""
    return next(note for note in run.notes if note.startswith("came: ")).removeprefix("came: ")


@needs_sandbox
def test_it_hides_the_files_and_sockets_of_other_processes(template: Path) -> None:
    with scratch(template.parent) as neighbour, tempfile.NamedTemporaryFile() as temporary:
        (neighbour / "panel-0-0").write_text("of another cell")

        assert came(run_of(template, "reads", neighbour / "panel-0-0")) == "FileNotFoundError"
        assert came(run_of(template, "reads", temporary.name)) == "FileNotFoundError"
    assert came(run_of(template, "connects", template)) == "FileNotFoundError"
    assert len(came(run_of(template, "lists", template.parent)).split(",")) == 1  # its own folder


@needs_sandbox
def test_a_worker_in_it_writes_to_its_own_folder_alone(template: Path) -> None:
    assert came(run_of(template, "writes", "file")) == "7"
    assert came(run_of(template, "writes beside", "panel-0-9")) == "OSError"  # a file system that is only read


@needs_sandbox
def test_a_worker_in_it_has_limits(template: Path) -> None:
    limits = Limits(memory=300 << 20, files=64, output=1 << 20)

    assert came(run_of(template, "limits", limits=limits)) == "[64, 0]"
    assert run_of(template, "prints", limits=limits).reason.startswith("it printed more than 1.049 MB, while in ")


@needs_sandbox
def test_the_last_output_of_a_worker_in_it_is_quoted(template: Path) -> None:
    run = run_of(template, "exits")

    assert run.status.value == "crashed"
    assert run.reason == "its process ended with exit code 3 without an answer, while in predict; its last output:\nbye"


@needs_sandbox
def test_processes_that_are_left_in_it_are_counted(template: Path) -> None:
    with started(template, "leaves") as forecaster:
        evaluate(forecaster, TASK, PANEL, strict=True, audited_windows=0)
        ended = forecaster.process.finish()

    assert ended.notes == ("it left 2 processes running, which ended with the cell",)


@pytest.mark.parametrize("with_sandbox", [False, pytest.param(True, marks=needs_sandbox)])
@pytest.mark.parametrize("number", ["-1", "victim"])
def test_only_the_copy_itself_is_killed(
    template: Path, number: str, with_sandbox: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "is_available", lambda: with_sandbox)
    fold = next(iter(backtest(TASK, PANEL).folds()))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        try:
            told = victim.pid if number == "victim" else number
            with started(template, "lies", told) as forecaster:
                forecaster.fit(fold.train)
                copy = forecaster.copy()
                assert isinstance(copy, WorkerCopy)
                (copied,) = forecaster.process.usage.copies
                assert copied in forecaster.process.processes()

                copy.close()

                end = time.monotonic() + 60  # a killed process closes its connection before it is gone
                while not has_ended(copied) and time.monotonic() < end:
                    time.sleep(0.01)
                assert has_ended(copied)
                assert victim.poll() is None
        finally:
            victim.kill()
