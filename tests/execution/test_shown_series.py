"""Series of different lengths: a worker's forecasts are those of the same forecaster in this process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Channel, Panel, RollingOrigin, Run, Task, Vintages
from harness.boards.planning import PlannedCell
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Cell
from harness.execution.options import CellOptions
from harness.execution.workers import cell_workers as workers
from harness.execution.workers.cell_workers import worker_forecaster
from harness.execution.workers.strict_forecaster import TRAINED_LATER
from harness.execution.workers.template_server import TemplateServer
from harness.plugins.provider import Provider

PLUGIN = '''
import threading
from dataclasses import dataclass

import numpy as np

from harness import FittedLocalForecaster, Forecast, ForecasterSpec, hookimpl


@dataclass
class Means(FittedLocalForecaster):
    """The mean of the first context; a thread of it keeps its process from being copied."""

    def fit(self, train):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        super().fit(train)

    def fit_series(self, context):
        return float(np.mean(context.target))

    def predict_windows(self, state, contexts):
        return Forecast.point(np.full((len(contexts), contexts.horizon, 1), state))


class LazyMeans:
    """The means of the training data, which is looked at when they are needed."""

    def fit(self, train):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        self.train_ = train

    def predict(self, contexts):
        panel = self.train_.panel
        values = zip(panel.ids, np.split(panel.values[:, :1], panel.offsets[1:-1]), strict=True)
        means = {name: np.mean(of_series) for name, of_series in values}
        return Forecast.point(np.stack([np.full((contexts.horizon, 1), means[name]) for name in contexts.ids]))


class FollowsVintages:
    """The last value plus what was last known of a covariate."""

    def fit(self, train):
        pass

    def predict(self, contexts):
        known = [np.nan_to_num(each.known[-contexts.horizon :, :1], nan=-1e3) + each.target[-1] for each in contexts]
        return Forecast.point(np.stack(known))


@hookimpl
def harness_forecasters():
    classes = (Means, LazyMeans, FollowsVintages)
    return [ForecasterSpec(each.__name__, each) for each in classes]
'''
TASK = Task("unequal", RollingOrigin(2, windows=3))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("unequal")
    (folder / "unequal_plugin.py").write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.syspath_prepend(str(folder))
        patch.setattr(workers, "is_available", lambda: False)
        server = TemplateServer()
        yield server.ensure()
        server.close()
    sys.modules.pop("unequal_plugin", None)


def unequal(*lengths: int) -> Panel:
    """Series of these lengths, with vintages of a covariate after every row."""
    issued = [np.arange(length + 1) for length in lengths]
    vintages = Vintages.of([(rows, np.ones((len(rows), 2)) * (1.0 + rows[:, None])) for rows in issued])
    channels = (Channel("y"), Channel("forecast", "known covariate", certain=False))
    values = [np.column_stack([np.arange(1.0, length + 1), np.zeros(length)]) for length in lengths]
    return Panel.of(values, channels=channels, vintages={"forecast": vintages}, season_length=1)


def in_worker(template: Path, name: str, panel: Panel, *, strict: bool, **options: Any) -> Run:
    planned = PlannedCell("", name, "unequal", Cell(TASK, name), "")
    provider = Provider("unequal", "", "unequal", "unequal_plugin")
    with worker_forecaster(planned, provider, template.parent / "home", template, CellOptions(strict)) as forecaster:
        run = evaluate(forecaster, TASK, panel, strict=strict, audit_seed=1, **options)
        return Run(run.cell, run.status, run.reason, notes=(*run.notes, *forecaster.notes), results=run.results)


def here(name: str, panel: Panel, **options: Any) -> Run:
    forecaster = getattr(importlib.import_module("unequal_plugin"), name)()
    return evaluate(forecaster, TASK, panel, audit_seed=1, **options)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", ["Means", "LazyMeans"])
def test_training_data_stays_what_it_was(template: Path, name: str, strict: bool) -> None:
    panel = unequal(30, 60)

    run = in_worker(template, name, panel, strict=strict)

    assert run.status.value == "completed", run.reason
    assert np.array_equal(run.results.forecast.mean, here(name, panel).results.forecast.mean)


@pytest.mark.parametrize("lengths", [(40, 40), (30, 60)])
@pytest.mark.parametrize("batches", ["any", "cutoff", "window"])
def test_vintages_stay_known(template: Path, lengths: tuple[int, int], batches: str) -> None:
    panel = unequal(*lengths)

    run = in_worker(template, "FollowsVintages", panel, strict=False, batches=batches)

    assert run.status.value == "completed", run.reason
    assert np.array_equal(run.results.forecast.mean, here("FollowsVintages", panel).results.forecast.mean)


@pytest.mark.parametrize(("lengths", "is_said"), [((40, 40), False), ((30, 60), True)])
def test_a_note_says_that_training_data_is_later_than_windows(
    template: Path, lengths: tuple[int, int], is_said: bool
) -> None:
    run = in_worker(template, "FollowsVintages", unequal(*lengths), strict=True)

    assert (TRAINED_LATER in run.notes) == is_said


def test_no_file_of_a_panel_is_left(template: Path) -> None:
    planned = PlannedCell("", "Means", "unequal", Cell(TASK, "Means"), "")
    provider = Provider("unequal", "", "unequal", "unequal_plugin")
    with worker_forecaster(planned, provider, template.parent, template, CellOptions()) as forecaster:
        evaluate(forecaster, TASK, unequal(30, 60))

        assert [path for path in forecaster.folder.rglob("*") if path.is_file()] == []
