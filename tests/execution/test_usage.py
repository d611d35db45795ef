"""The memory and tasks that count against the limits of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness import Panel, RollingOrigin, Run, Task
from harness.boards.planning import PlannedCell, PlannedSpec
from harness.data.panel_store import store_panel
from harness.evaluation.run import Cell, Status
from harness.execution import process_usage
from harness.execution.cells.evaluation import evaluate_cell
from harness.execution.options import CellOptions
from harness.execution.workers.process import LOOK
from harness.execution.workers.template_server import TemplateServer
from harness.forecasters.limits import DEFAULTS, Limits
from harness.plugins.provider import Provider

PLUGIN = f'''
import os, threading, time
from dataclasses import dataclass
import numpy as np
from harness import Forecast, ForecasterSpec, hookimpl

LOOKS = {3 * LOOK}  # seconds in which its supervisor looks at its memory
AGES = 60


def array(mebibytes):
    return np.ones(mebibytes * 2**20 // 8)


def forked(action):
    """Run an action in a child, which then waits."""
    reading, writing = os.pipe()
    if not os.fork():
        try:
            kept = action()
            os.write(writing, b"1")
            time.sleep(AGES)
        finally:
            os._exit(0)
    os.close(writing)
    return os.read(reading, 1)


def daemon(action):
    """The same in a child of a child, which ends."""
    if not (child := os.fork()):
        forked(action)
        os._exit(0)
    os.waitpid(child, 0)


def threads(number):
    threading.stack_size(1 << 16)
    for _ in range(number):
        threading.Thread(target=time.sleep, args=(AGES,), daemon=True).start()


class Uses:
    def fit(self, train):
        self.array, self.has_acted = array(120), False

    def rewrites_its_array(self):
        self.array += 1
        time.sleep(LOOKS)

    def shares_its_array(self):
        for _ in range(4):
            forked(lambda: None)
        time.sleep(LOOKS)

    def has_an_array(self):
        array_ = array(70)
        time.sleep(LOOKS)

    def allocates_in_a_child(self):
        for _ in range(2):  # each of which has less than the limit
            forked(lambda: array(50))
        time.sleep(AGES)

    def allocates_in_a_child_and_shares_that(self):
        for _ in range(2):
            forked(lambda: (array(50), forked(lambda: None)))
        time.sleep(AGES)

    def allocates_in_daemons(self):
        for _ in range(2):
            daemon(lambda: array(50))
        time.sleep(AGES)

    def starts_threads_in_a_daemon(self):
        daemon(lambda: threads(50))
        time.sleep(AGES)

    def starts_threads_that_wait(self):
        for _ in range(100):
            threading.Thread(target=time.sleep, args=(AGES,), daemon=True).start()


@dataclass
class Acts(Uses):
    action: str

    def predict(self, contexts):
        if not self.has_acted:
            self.has_acted = True
            getattr(self, self.action)()
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("acts", Acts, draws=False)]
'''
LIBRARY = "values = bytearray(b'1') * (300 << 20)"
PANEL = Panel.of([np.sin(np.arange(60.0)), np.cos(np.arange(60.0))], season_length=4)
pytestmark = pytest.mark.skipif(not process_usage.PROC, reason="memory is told apart by means of Linux")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("usage")
    (made / "usage_plugin.py").write_text(PLUGIN)
    (made / "large_library.py").write_text(LIBRARY)
    store_panel(PANEL, made / "home")
    return made


@pytest.fixture(scope="module")
def template(folder: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        server = TemplateServer()
        yield server.ensure()
        server.close()


def run(folder: Path, template: Path, action: str, imports: tuple[str, ...] = (), **limits: int) -> Run:
    cell = Cell(Task("waves", RollingOrigin(3, windows=4)), "acts", {"action": action})
    spec = PlannedSpec(provider=Provider("usage", "usage", "usage", "usage_plugin"))
    planned = PlannedCell("key", "acts", "waves", cell, PANEL.fingerprint(), spec=spec, imports=imports)
    options = CellOptions(limits=Limits(seconds=15, **limits).over(DEFAULTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Provider, "is_unchanged", lambda self: True)
        return evaluate_cell(planned, folder / "home", template, options)


@pytest.mark.parametrize("action", ["rewrites_its_array", "shares_its_array"])
def test_what_processes_share_counts_once(folder: Path, template: Path, action: str) -> None:
    """That of its copy for the audit, too, and pages that only one of both has changed."""
    found = run(folder, template, action, memory=200 << 20)

    assert found.status is Status.COMPLETED, found.reason


def test_what_its_template_has_loaded_does_not_count(folder: Path, template: Path) -> None:
    found = run(folder, template, "has_an_array", ("large_library",), memory=260 << 20)

    assert found.status is Status.COMPLETED, found.reason


@pytest.mark.parametrize(
    "action", ["allocates_in_a_child", "allocates_in_a_child_and_shares_that", "allocates_in_daemons"]
)
def test_the_memory_of_all_processes_that_it_starts_counts(folder: Path, template: Path, action: str) -> None:
    found = run(folder, template, action, memory=200 << 20)

    assert found.status is Status.OUT_OF_MEMORY, found.reason
    assert found.reason.endswith("MB of memory, more than 209.7 MB, while in predict")


def test_the_threads_of_daemons_count(folder: Path, template: Path) -> None:
    found = run(folder, template, "starts_threads_in_a_daemon", tasks=40)

    assert found.status is Status.FAILED
    assert found.reason == "it started more than 40 threads and processes"


def test_threads_whose_stacks_exceed_the_limit_of_memory_name_it(folder: Path, template: Path) -> None:
    found = run(folder, template, "starts_threads_that_wait", memory=200 << 20)

    assert found.status is Status.OUT_OF_MEMORY
    assert found.reason.startswith("RuntimeError: can't start new thread; the stacks of threads count")
