"""Forecasts after the end of the data: a forecaster is fitted to all of it, in a worker, and forecasts once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.arrays import Times
from harness.boards.planning import PlannedCell
from harness.data.panel import Panel
from harness.data.panel_store import store_panel
from harness.data.tables.step_numbers import StepNumbers
from harness.errors import BadInput, BadTask, Failure
from harness.evaluation.calls import Calls
from harness.evaluation.clock import Clock
from harness.execution.options import CellOptions
from harness.execution.workers.cell_workers import worker_forecaster
from harness.execution.workers.template_server import TemplateServer
from harness.forecasters.forecast import Forecast
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.windows import Windows


@dataclass(frozen=True, eq=False)
class ForecastAhead:
    """The forecast of the steps after the last actual of each series, and the windows that it is of."""

    windows: Windows  # one for each series, in the order of the panel
    forecast: Forecast
    numbers: StepNumbers | None = None  # of steps without dates, as a table has them

    def times(self) -> Times:
        """The time of each step of the forecasts, (window, step)."""
        contexts = self.windows.contexts
        if self.numbers is None:
            return contexts.times()[:, contexts.gap :]
        steps = contexts.cutoffs[:, None] + contexts.gap + np.arange(contexts.horizon)
        return self.numbers.at(contexts.series, steps)


def task_ahead(task: Task, horizon: int) -> Task:
    """The task of one window at the end of each series, with all rows before it as training data."""
    return replace(task, protocol=RollingOrigin(horizon, windows=1, gap=task.gap), split=None)


def forecast_ahead(planned: PlannedCell, panel: Panel, home: Path, options: CellOptions | None = None) -> ForecastAhead:
    """The forecast of the last rows of a panel, whose targets are missing there, as many as the task's horizon and gap.

    Known covariates have values there, which `check_known_ahead` checks. Raises what the forecaster raised, as BadInput
    with its reason.
    """
    task, spec = planned.cell.task, planned.spec
    if spec.provider is None:
        raise BadInput(f"forecaster {planned.cell.forecaster!r} was given as an object; it cannot forecast in a worker")
    found = backtest(task, panel)
    if spec.needs_season and found.season_length == 1:
        raise BadTask(f"forecaster {planned.title!r} needs a season, and the season length of the data is 1")
    store_panel(panel, home)
    planned = replace(planned, fingerprint=panel.fingerprint())
    (fold,) = found.folds()
    calls = Calls(spec.missing, spec.batches)
    with (
        closing(TemplateServer()) as server,
        worker_forecaster(
            planned, spec.provider, home, server.ensure(spec.provider.environment), options or CellOptions()
        ) as forecaster,
    ):
        clock = Clock(forecaster)
        outcome = calls.fit(forecaster, fold.train, fold.windows, clock) or calls.predict(
            forecaster, fold.windows, clock
        )
    if isinstance(outcome, Failure):
        raise BadInput(f"forecaster {planned.title!r} failed: {outcome}") from outcome.error
    order = np.argsort(fold.windows.series)
    return ForecastAhead(fold.windows.take(order), outcome.mapped(lambda values: values[order]))
