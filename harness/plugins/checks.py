"""What every forecaster, dataset and metric must honour, tried on it."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from harness.attempt import Failure, attempt
from harness.data.dataset import DatasetSpec
from harness.data.files import load
from harness.data.panel import Channel, Panel
from harness.errors import UnknownName, Unsupported
from harness.evaluation.audit import audit
from harness.evaluation.evaluate import evaluate, hyperparameters
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Status
from harness.evaluation.scoring import score, terms
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.catalog import Catalog
from harness.tasks.folds import backtest
from harness.tasks.protocols import Generation, RollingOrigin, SeriesSplit
from harness.tasks.task import Task
from harness.tasks.windows import Contexts


@dataclass(frozen=True)
class CheckResult:
    """What was checked, and how it came out."""

    name: str
    passed: bool
    detail: str = ""
    skipped: bool = False  # the forecaster says that it does not do this


def check(name: str, catalog: Catalog, home: Path) -> list[CheckResult]:
    """Everything that the thing of that name must honour; raises UnknownName if there is none."""
    for duplicates in (catalog.forecasters.duplicates, catalog.datasets.duplicates, catalog.metrics.duplicates):
        if name in duplicates:
            raise duplicates[name]
    if name in catalog.forecasters:
        return list(check_forecaster(catalog.forecasters[name].spec))
    if name in catalog.datasets:
        return list(check_dataset(catalog.datasets[name].spec, home))
    if name in catalog.metrics:
        return list(check_metric(catalog.metrics[name].spec))
    known = [*catalog.forecasters, *catalog.datasets, *catalog.metrics]
    raise UnknownName("forecaster, dataset or metric", name, known)


def check_forecaster(spec: ForecasterSpec) -> Iterator[CheckResult]:
    """The contract of a forecaster, on small panels of every kind, and the audit in full."""
    yield _holds("is a dataclass of hyperparameters", lambda: _is_dataclass(spec))
    yield _holds("its hyperparameters are JSON values", lambda: _has_json_fields(spec))
    able: list[tuple[Task, Panel]] = []
    for what, task, panel in trials():
        verdict = _tried(f"forecasts {what}", partial(_forecasts, spec, task, panel))
        if verdict.passed and not verdict.skipped:
            able.append((task, panel))
        yield verdict
    if not able:
        return
    task, panel = max(able, key=lambda one: len(one[0].quantile_levels))
    yield _tried("the same seed gives the same forecasts", lambda: _repeats(spec, task, panel))
    yield _tried("predict changes nothing in it", lambda: _is_unchanged(spec, task, panel))
    yield _tried("neither the future nor the neighbours matter", lambda: _passes_audit(spec, task, panel))


def check_dataset(spec: DatasetSpec, home: Path) -> Iterator[CheckResult]:
    """The contract of a dataset: it loads, twice the same, and says whose it is."""
    yield _holds("says where it is from", lambda: spec.source or "no source is given", bool(spec.source))
    yield _holds("says under which licence", lambda: spec.licence or "no licence is given", bool(spec.licence))
    first = attempt(lambda: load(spec, home))
    if isinstance(first, Failure):
        yield CheckResult("loads", False, str(first))
        return
    yield CheckResult("loads", True, f"{len(first)} series, {len(first.values)} observations")
    again = load(spec, home).fingerprint()
    yield CheckResult("loads twice the same", again == first.fingerprint(), f"fingerprint {again[:16]}…")


def check_metric(metric: Metric) -> Iterator[CheckResult]:
    """The contract of a metric: a perfect forecast is best, order is nothing, what is missing counts for nothing."""
    verdicts = attempt(lambda: list(_metric_verdicts(metric)))
    yield from [CheckResult("scores a forecast", False, str(verdicts))] if isinstance(verdicts, Failure) else verdicts


def _metric_verdicts(metric: Metric) -> Iterator[CheckResult]:
    levels = (0.1, 0.5, 0.9)
    for horizon in (6, 128):  # some metrics are of long horizons only
        panel = Panel.of([_wave(60 + 4 * horizon, phase) for phase in range(3)], season_length=12)
        actuals = Actuals.of(backtest(Task("trial", RollingOrigin(horizon, windows=3), quantile_levels=levels), panel))
        perfect, rough = _around(actuals, 0.0), _around(actuals, 0.5)
        if math.isfinite(_distance(metric, actuals, rough)):
            break
    best, worse = (_distance(metric, actuals, one) for one in (perfect, rough))
    if metric.best == "lowest":
        yield CheckResult(
            "a perfect forecast scores better than a rough one", best < worse, f"{best:.4g} against {worse:.4g}"
        )
    yield CheckResult("a forecast has a score", math.isfinite(worse), f"{worse:.4g}")
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
    same = _distance(metric, shuffled, _taken(rough, order))
    yield CheckResult("the order of windows is nothing", math.isclose(same, worse, rel_tol=1e-9), f"{same:.4g}")
    holes = actuals.values.copy()
    holes[:, 0] = np.nan
    otherwise = _with_first_step(rough, 1e3)
    scores = [_distance(metric, dataclasses.replace(actuals, values=holes), one) for one in (rough, otherwise)]
    same_twice = math.isclose(*scores, rel_tol=1e-9) or all(map(math.isnan, scores))  # or there is none
    yield CheckResult("missing actuals count for nothing", same_twice, f"{scores[0]:.4g} and {scores[1]:.4g}")


def trials() -> Iterator[tuple[str, Task, Panel]]:
    """Small tasks of every kind that a board may hold."""
    rng = np.random.default_rng(1)
    waves = [_wave(90, phase) + rng.normal(0, 0.1, 90) for phase in range(3)]
    rolling = RollingOrigin(4, windows=3)
    yield "several series", Task("trial", rolling), Panel.of(waves, season_length=12)
    ragged = [wave[: 90 - 11 * i] for i, wave in enumerate(waves)]
    yield "series of different lengths", Task("trial", rolling), Panel.of(ragged, season_length=12)
    holed = [wave.copy() for wave in waves]
    for wave in holed:
        wave[[20, 21, 50, 84, 85]] = np.nan
    yield "series with missing values", Task("trial", rolling), Panel.of(holed, season_length=12)
    pair = np.stack([waves[0], 5 + 2 * waves[1]], axis=1)
    two = (Channel("a"), Channel("b"))
    yield "two targets", Task("trial", rolling), Panel.of([pair], season_length=12, channels=two)
    covariates = (Channel("y"), Channel("past", "past covariate"), Channel("known", "known covariate"))
    triple = np.stack([waves[0], waves[1], waves[2]], axis=1)
    dated = Panel.of([triple], start="2020-01-01", freq="MS", season_length=12, channels=covariates)
    yield "with covariates and a calendar", Task("trial", rolling), dated
    late = RollingOrigin(4, windows=3, gap=2, refit="every", max_context=60)
    yield "after a gap, with refits", Task("trial", late), Panel.of(waves, season_length=12)
    levels = Task("trial", rolling, quantile_levels=(0.1, 0.5, 0.9))
    yield "with quantile levels", levels, Panel.of(waves, season_length=12)
    apart = Task("trial", Generation(40, 30), SeriesSplit(training=1, validation=1, test=1))
    yield "held-out series freely", apart, Panel.of(waves, season_length=12)


def _wave(length: int, phase: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    t = np.arange(length)
    return np.asarray(10 + 0.02 * t + np.sin(2 * np.pi * t / 12 + phase), dtype=np.float64)


def _is_dataclass(spec: ForecasterSpec) -> str:
    if not dataclasses.is_dataclass(spec.load()):
        raise AssertionError("the factory must be a dataclass")
    return ""


def _has_json_fields(spec: ForecasterSpec) -> str:
    forecaster = spec.make({})
    for name in hyperparameters(forecaster):
        try:
            json.dumps(getattr(forecaster, name))
        except TypeError:
            raise AssertionError(f"{name} is {getattr(forecaster, name)!r}, which JSON cannot say") from None
    return json.dumps(hyperparameters(forecaster))


def _forecasts(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    run = evaluate(spec.make({}, 0), task, panel, missing=spec.missing, audited_windows=0)
    if run.status is Status.UNSUPPORTED:
        raise Unsupported(run.reason)
    if run.status is not Status.COMPLETED:
        raise AssertionError(f"{run.status}: {run.reason}")
    if run.window_failures:
        first = run.window_failures[0]
        raise AssertionError(f"{len(run.window_failures)} of {run.windows} windows: {first.reason}")
    return f"MAE {run.scores['MAE']:.3g}"


def _repeats(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    first, second = (_fitted(spec, task, panel) for _ in range(2))
    if not _equal(first[1], second[1]):
        raise AssertionError("two runs with seed 0 differ")
    return ""


def _is_unchanged(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    forecaster, contexts = _fitted_alone(spec, task, panel)
    before = pickle.dumps(forecaster)
    forecast, again = (forecaster.predict(contexts) for _ in range(2))
    if not _equal(forecast, again):
        raise AssertionError("a second call forecasts otherwise")
    if pickle.dumps(forecaster) != before:
        raise AssertionError("an attribute changed")
    return ""


def _passes_audit(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    forecaster, forecast = _fitted(spec, task, panel)
    windows = backtest(task, panel).windows
    verdict = audit(forecaster, windows, forecast, spec.missing, sample=len(windows), neighbours=len(windows))
    if verdict is not None:
        raise AssertionError(f"{verdict[0]}: {verdict[1]}")
    return f"{len(windows)} windows"


def _fitted(spec: ForecasterSpec, task: Task, panel: Panel) -> tuple[Forecaster, Forecast]:
    forecaster, contexts = _fitted_alone(spec, task, panel)
    return forecaster, forecaster.predict(contexts)


def _fitted_alone(spec: ForecasterSpec, task: Task, panel: Panel) -> tuple[Forecaster, Contexts]:
    forecaster = spec.make({}, 0)
    fold = next(backtest(task, panel).folds())
    contexts = fold.windows.contexts.filled(spec.missing)
    forecaster.fit(fold.train.filled(spec.missing))
    if isinstance(forecaster, FittedLocalForecaster):
        forecaster.fit_contexts(contexts)
    return forecaster, contexts


def _equal(one: Forecast, other: Forecast) -> bool:
    if one.quantiles is None or other.quantiles is None:
        return one.quantiles is other.quantiles and np.array_equal(one.mean, other.mean)
    return np.array_equal(one.mean, other.mean) and np.array_equal(one.quantiles, other.quantiles)


def _holds(name: str, action: Callable[[], str], passed: bool = True) -> CheckResult:
    outcome = attempt(action)
    if isinstance(outcome, Failure):
        return CheckResult(name, False, str(outcome).removeprefix("AssertionError: "))
    return CheckResult(name, passed, outcome)


def _tried(name: str, action: Callable[[], str]) -> CheckResult:
    outcome = attempt(action)
    if isinstance(outcome, Failure) and isinstance(outcome.error, Unsupported):
        return CheckResult(name, True, str(outcome), skipped=True)
    return _holds(name, lambda: outcome) if isinstance(outcome, str) else CheckResult(name, False, _said(outcome))


def _said(failure: Failure) -> str:
    return str(failure).removeprefix("AssertionError: ")


def _around(actuals: Actuals, spread: float) -> Forecast:
    levels = actuals.quantile_levels
    noise = np.random.default_rng(0).normal(0, spread, actuals.values.shape) if spread else 0.0
    return Forecast.from_normal(actuals.values + noise, np.asarray(spread), levels)


def _taken(forecast: Forecast, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Forecast:
    assert forecast.quantiles is not None
    return Forecast(forecast.mean[order], forecast.quantile_levels, forecast.quantiles[order])


def _with_first_step(forecast: Forecast, value: float) -> Forecast:
    assert forecast.quantiles is not None
    mean, quantiles = forecast.mean.copy(), forecast.quantiles.copy()
    mean[:, 0] = quantiles[:, 0] = value
    return Forecast(mean, forecast.quantile_levels, quantiles)


def _distance(metric: Metric, actuals: Actuals, forecast: Forecast) -> float:
    summed = terms(metric, Outcomes(actuals, forecast))
    return metric.distance(score(metric, summed, actuals), actuals.quantile_levels)
