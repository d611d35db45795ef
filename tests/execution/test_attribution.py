"""What a run of a worker is charged with, and what is a fault of the machine or of harness instead."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness import Panel, RollingOrigin, Run, Task
from harness.boards.planning import PlannedCell, PlannedSpec
from harness.data.panel_store import store_panel
from harness.errors import InfrastructureFault
from harness.evaluation.run import Cell, Status
from harness.execution import process_usage
from harness.execution.cells.evaluation import evaluate_cell
from harness.execution.executors.supervisor import _result
from harness.execution.workers.template_server import TemplateServer
from harness.plugins.provider import Provider

PLUGIN = '''
import math, time
from dataclasses import dataclass, field
import numpy as np
from harness import Forecast, ForecasterSpec, hookimpl

@dataclass
class Odd:
    """Computes its forecast when it is asked for, and has hyperparameters that JSON does not have."""

    lazy: bool = False
    limit: float = math.inf
    other: float = math.nan
    weights: list[float] = field(default_factory=lambda: [math.nan, -math.inf, 1.0])

    def fit(self, train):
        self.curves_ = {"loss": [math.nan, math.inf, 0.5]}

    def predict(self, contexts):
        mean = np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)
        forecast = Forecast.point(mean)
        if self.lazy:
            object.__setattr__(forecast, "mean", Lazy(mean))
        return forecast

class Lazy:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        time.sleep(0.5)
        return self.array

@hookimpl
def harness_forecasters():
    return [ForecasterSpec("odd", "odd_plugin:Odd", draws=False)]
'''
PANEL = Panel.of([np.sin(np.arange(60.0)), np.cos(np.arange(60.0))], season_length=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("odd")
    (made / "odd_plugin.py").write_text(PLUGIN)
    store_panel(PANEL, made / "home")
    return made


@pytest.fixture(scope="module")
def template(folder: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        server = TemplateServer()
        yield server.ensure()
        server.close()


def run(folder: Path, template: Path, **parameters: object) -> Run:
    cell = Cell(Task("waves", RollingOrigin(3, windows=4)), "odd", parameters)  # type: ignore[arg-type]
    spec = PlannedSpec(provider=Provider("odd", "odd", "odd", "odd_plugin"))
    planned = PlannedCell("key", "odd", "waves", cell, PANEL.fingerprint(), spec=spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Provider, "is_unchanged", lambda self: True)
        return evaluate_cell(planned, folder / "home", template)


def test_hyperparameters_that_json_does_not_have_are_recorded_as_in_this_process(folder: Path, template: Path) -> None:
    sys.path.insert(0, str(folder))
    try:
        from odd_plugin import Odd
    finally:
        sys.path.remove(str(folder))
    from harness import evaluate

    there = run(folder, template, limit=-math.inf, other=math.nan)
    here = evaluate(Odd(limit=-math.inf), Task("waves", RollingOrigin(3, windows=4)), PANEL)

    assert there.status is Status.COMPLETED, there.reason
    stored = [Run.from_json(each.to_json()) for each in (here, there)]
    assert stored[0].hyperparameters == stored[1].hyperparameters
    assert repr(stored[0].curves) == repr(stored[1].curves)


def test_the_time_of_a_forecast_that_is_computed_when_it_is_asked_for_counts(folder: Path, template: Path) -> None:
    found = run(folder, template, lazy=True)

    assert found.status is Status.COMPLETED, found.reason
    assert found.costs.predict_seconds > 0.4


def test_a_scratch_folder_that_cannot_be_made_is_no_result(folder: Path) -> None:
    with pytest.raises(InfrastructureFault, match="FileNotFoundError"):
        run(folder, folder / "gone" / "template")


def test_a_bug_in_a_supervisor_is_told_with_its_place() -> None:
    def fails() -> Run:
        raise KeyError("x")

    told = _result(fails)

    assert type(told) is InfrastructureFault
    assert str(told).startswith("KeyError: 'x' (test_attribution.py, line ")


@pytest.mark.skipif(not process_usage.PROC, reason="memory is told apart by means of Linux")
def test_pages_of_files_do_not_count_as_memory(tmp_path: Path) -> None:
    size = 64 << 20
    before = process_usage.memory_of(os.getpid(), (), given=2 * size)
    (tmp_path / "values").write_bytes(bytes(size))

    mapped = np.memmap(tmp_path / "values", mode="r")
    assert not mapped.any()
    with_file = process_usage.memory_of(os.getpid(), (), given=2 * size)
    kept = np.ones(size // 8)
    with_array = process_usage.memory_of(os.getpid(), (), given=2 * size)

    assert with_file - before < size // 2
    assert with_array - with_file > size // 2
    assert len(kept)
