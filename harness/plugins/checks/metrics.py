"""Checks of the contract of a metric."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.data.panel import Channel, Panel
from harness.errors import Failure, attempt
from harness.evaluation.metric_values import overall_score
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scoring import score, terms
from harness.forecasters.forecast import Forecast
from harness.plugins.check_results import CheckResult, check_result
from harness.plugins.checks.class_metrics import class_actuals, class_cases, class_forecast, incomplete_cases
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task

LEVELS = (0.1, 0.5, 0.9)  # of the tasks on which metrics are checked


BETTER = "a perfect forecast scores better than a noisy one"
FINITE = "the score of a forecast is finite"
ORDER = "the order of windows does not matter"
MISSING = "missing actuals are ignored"


def check_metric(metric: Metric) -> Iterator[CheckResult]:
    """The contract of a metric: perfect forecasts score best, and it has a score, or none, of any data."""
    results = attempt(lambda: list(_metric_results(metric)))
    yield from [CheckResult("scores a forecast", False, str(results))] if isinstance(results, Failure) else results
    for description, actuals, forecast in metric_cases(metric):
        yield check_result(f"scores {description}", partial(_scores, metric, actuals, forecast))


def metric_check_names(metric: Metric) -> tuple[str, ...]:
    """The names of the checks of a metric that can be called."""
    better = (BETTER,) if metric.best == "lowest" else ()
    return (*better, FINITE, ORDER, MISSING, *(f"scores {description}" for description, _, _ in metric_cases(metric)))


def metric_cases(metric: Metric) -> Iterator[tuple[str, Actuals, Forecast]]:
    """Actuals and forecasts on which a metric must not raise, each with a description."""
    return class_cases() if metric.scores_classes else _cases_of_numbers()


def _cases_of_numbers() -> Iterator[tuple[str, Actuals, Forecast]]:
    level, noise = sine_wave(900, 0.0), np.random.default_rng(2).normal(0, 0.5, (3, 900))
    yield "negative values", *_case([-level, -level + noise[0]])
    yield "values around zero", *_case([level - level.mean(), noise[0], np.round(noise[1])])
    yield "zeros", *_case([np.zeros(900), np.zeros(900)])
    yield "constant series", *_case([np.full(900, 3.0), np.full(900, -0.3)])
    yield "very large and very small values", *_case([1e12 * level, 1e-12 * level])
    yield "a single window of a single step", *_case([level], RollingOrigin(1, windows=1))
    yield "several targets", *_case([np.stack([level, noise[0]], axis=1)])
    actuals, forecast = _case([level, level + noise[0]])
    yield from incomplete_cases(actuals, forecast)
    yield "point forecasts", actuals, Forecast.point(forecast.mean)


def _case(
    series: Sequence[np.ndarray[Any, np.dtype[np.float64]]], protocol: RollingOrigin | None = None
) -> tuple[Actuals, Forecast]:
    """The last windows of these series, of a horizon on which all metrics are defined, and noisy forecasts."""
    protocol = RollingOrigin(128, windows=3) if protocol is None else protocol
    targets = tuple(Channel(f"target {i}") for i in range(1 if series[0].ndim == 1 else series[0].shape[1]))
    panel = Panel.of(list(series), season_length=12, channels=targets)
    actuals = Actuals.of(backtest(Task("check", protocol, quantile_levels=LEVELS), panel))
    return actuals, _around(actuals, 0.5)


def _scores(metric: Metric, actuals: Actuals, forecast: Forecast) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as logarithms of negative numbers, which are NaN
        value = score_of(metric, actuals, forecast)
    if math.isinf(value):
        raise AssertionError("the score is infinite")
    return "no score" if math.isnan(value) else f"{value:.4g}"


def _metric_results(metric: Metric) -> Iterator[CheckResult]:
    for horizon in (6, 128):  # some metrics are defined for long horizons only
        actuals, perfect, noisy = _class_example(horizon) if metric.scores_classes else _example(horizon)
        if math.isfinite(_distance(metric, actuals, noisy)):
            break
    best, worse = _distance(metric, actuals, perfect), _distance(metric, actuals, noisy)
    if metric.best == "lowest":
        detail = f"{best:.4g} against {worse:.4g}"
        yield CheckResult(BETTER, best < worse, detail)
    yield CheckResult(FINITE, math.isfinite(worse), f"{worse:.4g}")
    order = np.random.default_rng(0).permutation(len(actuals))
    shuffled = dataclasses.replace(
        actuals,
        series=actuals.series[order],
        cutoffs=actuals.cutoffs[order],
        cutoff_index=actuals.cutoff_index[order],
        values=actuals.values[order],
        _windows=None,
        _scales={power: actuals.scale(power)[order] for power in (1, 2)},
    )
    same = _distance(metric, shuffled, _permute(noisy, order))
    yield CheckResult(ORDER, math.isclose(same, worse, rel_tol=1e-9), f"{same:.4g}")
    values = actuals.values.copy()
    values[:, 0] = np.nan
    without_first = dataclasses.replace(actuals, values=values)
    scores = [_distance(metric, without_first, forecast) for forecast in (noisy, _with_first_step(noisy, 1e3))]
    equal = math.isclose(*scores, rel_tol=1e-9) or all(map(math.isnan, scores))  # NaN: undefined without the first step
    yield CheckResult(MISSING, equal, f"{scores[0]:.4g} and {scores[1]:.4g}")


def _example(horizon: int) -> tuple[Actuals, Forecast, Forecast]:
    """Actuals, a perfect forecast and a noisy one."""
    panel = Panel.of([sine_wave(60 + 4 * horizon, phase) for phase in range(3)], season_length=12)
    actuals = Actuals.of(backtest(Task("check", RollingOrigin(horizon, windows=3), quantile_levels=LEVELS), panel))
    return actuals, _around(actuals, 0.0), _around(actuals, 0.5)


def _class_example(horizon: int) -> tuple[Actuals, Forecast, Forecast]:
    """The same of classes."""
    actuals = class_actuals(horizon)
    return actuals, class_forecast(actuals, 0.0), class_forecast(actuals, 0.9)


def sine_wave(length: int, phase: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A sine wave with a period of twelve steps around a rising line."""
    t = np.arange(length)
    return np.asarray(10 + 0.02 * t + np.sin(2 * np.pi * t / 12 + phase), dtype=np.float64)


def _around(actuals: Actuals, deviation: float) -> Forecast:
    """The actuals with normal noise."""
    noise = np.random.default_rng(0).normal(0, deviation, actuals.values.shape) if deviation else 0.0
    return Forecast.from_normal(actuals.values + noise, np.asarray(deviation), actuals.quantile_levels)


def _permute(forecast: Forecast, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Forecast:
    return forecast.mapped(lambda array: np.asarray(array[order]))


def _with_first_step(forecast: Forecast, value: float) -> Forecast:
    def changed(array: Floats) -> Floats:
        array = array.copy()
        array[:, 0] = value if forecast.probabilities is None else 1 / array.shape[-1]
        return array

    return forecast.mapped(changed)


def _distance(metric: Metric, actuals: Actuals, forecast: Forecast) -> float:
    """How far the score is from the metric's best."""
    return metric.distance(score_of(metric, actuals, forecast), actuals.quantile_levels)


def score_of(metric: Metric, actuals: Actuals, forecast: Forecast) -> float:
    """The score of a forecast."""
    outcomes = Outcomes(actuals, forecast)
    if metric.overall is not None:
        return overall_score(metric, outcomes)
    return score(metric, terms(metric, outcomes), actuals)
