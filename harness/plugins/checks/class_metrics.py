"""Actuals and forecasts of classes, on which metrics of categorical targets are checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from harness.data.panel import Channel, Panel
from harness.evaluation.actuals import Actuals
from harness.forecasters.forecast import Forecast
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task

CLASSES = 4


def class_actuals(horizon: int = 6, windows: int = 3, *, targets: int = 1, classes: int = CLASSES) -> Actuals:
    """The actuals of windows of three series of ordered classes."""
    series = np.random.default_rng(4).integers(classes, size=(3, 60 + horizon * windows, targets)).astype(np.float64)
    names = tuple(f"class {i}" for i in range(classes))
    channels = [Channel(f"target {i}", categories=names, ordered=True) for i in range(targets)]
    panel = Panel.of(list(series), channels=channels)
    return Actuals.of(backtest(Task("check", RollingOrigin(horizon, windows=windows)), panel))


def class_forecast(actuals: Actuals, noise: float) -> Forecast:
    """The classes that occurred with certainty; with noise, random probabilities with that weight."""
    classes = len(actuals.categories[0])
    certain = np.eye(classes)[np.nan_to_num(actuals.values).astype(np.int64)]
    others = np.random.default_rng(5).dirichlet(np.ones(classes), size=actuals.values.shape)
    return Forecast.from_probabilities((1 - noise) * certain + noise * others)


def class_cases() -> Iterator[tuple[str, Actuals, Forecast]]:
    """Actuals and forecasts on which a metric must not raise, each with a description."""
    actuals = class_actuals()
    forecast = class_forecast(actuals, 0.9)
    yield "random probabilities", actuals, class_forecast(actuals, 1.0)
    yield "probabilities of 0 and 1", actuals, class_forecast(actuals, 0.0)
    equal = np.full((*actuals.values.shape, CLASSES), 1 / CLASSES)
    yield "equal probabilities", actuals, Forecast.from_probabilities(equal)
    single = class_actuals(1, 1)
    yield "a single window of a single step", single, class_forecast(single, 0.9)
    several = class_actuals(targets=2)
    yield "several targets", several, class_forecast(several, 0.9)
    many = class_actuals(classes=200)
    yield "two hundred classes", many, class_forecast(many, 0.9)
    yield from incomplete_cases(actuals, forecast)


def incomplete_cases(actuals: Actuals, forecast: Forecast) -> Iterator[tuple[str, Actuals, Forecast]]:
    """The same with missing actuals, and with windows without a forecast; of any targets."""
    values = actuals.values.copy()
    values[0], values[1:, ::2] = np.nan, np.nan
    yield "missing actuals", dataclasses.replace(actuals, values=values), forecast
    nothing = dataclasses.replace(actuals, values=np.full_like(values, np.nan))
    yield "nothing but missing actuals", nothing, forecast
    yield "windows without a forecast", actuals, forecast.without(np.array([0, 2]))
    yield "no forecast at all", actuals, forecast.without(np.arange(len(actuals)))
