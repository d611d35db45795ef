"""What tests of adapters share: the contract with small models, and series of M4 Hourly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from hourly import SEASON, hourly

from harness import Floats, ForecasterSpec, Panel, RollingOrigin, Run, Task
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Cell
from harness.forecasters.spec import Batches
from harness.plugins.checks.forecasters import forecaster_results
from harness.plugins.checks.makers import InProcessMaker

HORIZON, WINDOWS = 48, 2
LEVELS = (0.1, 0.5, 0.9)


def spec_of(specs: list[ForecasterSpec], name: str, parameters: dict[str, Any]) -> ForecasterSpec:
    """A spec by its name, whose forecaster is made with these hyperparameters."""
    spec = next(spec for spec in specs if spec.name == name)
    return replace(spec, factory=partial(spec.load(), **parameters))


def failed_checks(spec: ForecasterSpec) -> list[str]:
    """The checks of the contract that do not pass, with their details."""
    results = list(forecaster_results(spec, InProcessMaker(spec)))
    assert len(results) > 15
    return [f"{result.name}: {result.detail}" for result in results if not result.passed]


def hourly_panel(count: int = 20) -> Panel:
    """The first series of M4 Hourly, with ids that sort as they are ordered."""
    series = list(hourly(count).values())
    return Panel.of(series, ids=[f"H{i:03}" for i in range(len(series))], season_length=SEASON)


def backtest_run(forecaster: Any, panel: Panel, levels: tuple[float, ...] = LEVELS) -> Run:
    """The run of a forecaster on the last windows of each series, with one fit."""
    task = Task("hourly", RollingOrigin(HORIZON, windows=WINDOWS), quantile_levels=levels)
    run = seeded_run(forecaster, task, panel)
    assert run.status == "completed", run.reason
    assert run.results is not None
    return run


def seeded_run(forecaster: Any, task: Task, panel: Panel, batches: Batches = "any") -> Run:
    """The run of a stochastic forecaster, as that of a cell with a seed."""
    cell = Cell(task, type(forecaster).__name__, seed=0)
    return evaluate(forecaster, task, panel, cell=cell, missing="interpolate", batches=batches)


def largest_difference(forecasts: Floats, expected: Floats) -> float:
    """The largest difference, relative to the largest number of the window; both (window, …)."""
    axes = tuple(range(1, expected.ndim))
    return float((np.abs(forecasts - expected).max(axis=axes) / np.abs(expected).max(axis=axes)).max())


def first_forecasts(make: Callable[[], Any], later_values: Floats) -> Floats:
    """The quantiles of the earliest of two windows, for a series that ends with these 8 values after its cutoff."""
    panel = Panel.of([np.concatenate([np.sin(np.arange(80) / 2) + 3, later_values])], season_length=12)
    run = seeded_run(make(), Task("x", RollingOrigin(4, windows=2), quantile_levels=LEVELS), panel)
    assert run.status == "completed", run.reason
    assert run.results is not None
    return run.results.forecast.quantiles_of(LEVELS)[np.argmin(run.results.cutoffs)]


def histories(panel: Panel) -> list[Floats]:
    """The targets before each cutoff of `backtest_run`, by series and time."""
    return [values[: len(values) - HORIZON * (WINDOWS - i), 0] for values in panel for i in range(WINDOWS)]
