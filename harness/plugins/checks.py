"""Checks of the contracts of forecasters and datasets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from harness.arrays import Floats
from harness.attempt import Failure, attempt
from harness.data.dataset import DatasetSpec
from harness.data.files import load
from harness.data.panel import Channel, Panel, Vintages
from harness.errors import UnknownName, Unsupported
from harness.evaluation.audit import REPEATS, audit
from harness.evaluation.evaluate import evaluate, hyperparameters
from harness.evaluation.forecast_comparison import by_more_than, relative_difference
from harness.evaluation.notes import unsupported_notes
from harness.evaluation.run import Status
from harness.evaluation.threads import thread_limit
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster, PartialFailure, predict_and_check
from harness.forecasters.spec import ForecasterSpec, underlying_class
from harness.plugins.catalog import Catalog
from harness.plugins.check_results import CheckResult, check_result
from harness.plugins.covariate_checks import check_covariates
from harness.plugins.metric_checks import check_metric, sine_wave
from harness.plugins.result_versions import NOT_INSTALLED, installed_versions
from harness.tasks.folds import backtest
from harness.tasks.protocols import Generation, RollingOrigin
from harness.tasks.splits import SeriesSplit
from harness.tasks.task import Task
from harness.tasks.windows import Contexts

AUDIT = "the leakage audit passes (forecasts do not change when the future, or other windows of the batch, do)"


def check(name: str, catalog: Catalog, home: Path) -> list[CheckResult]:
    """The results of all checks of a forecaster, dataset or metric; raises UnknownName."""
    for duplicates in (catalog.forecasters.duplicates, catalog.datasets.duplicates, catalog.metrics.duplicates):
        if name in duplicates:
            raise duplicates[name]
    if name in catalog.forecasters:
        return check_forecaster(catalog.forecasters[name].spec)
    if name in catalog.datasets:
        return list(check_dataset(catalog.datasets[name].spec, home))
    if name in catalog.metrics:
        return list(check_metric(catalog.metrics[name].spec))
    known = [*catalog.forecasters, *catalog.datasets, *catalog.metrics]
    raise UnknownName("forecaster, dataset or metric", name, known)


def check_forecaster(spec: ForecasterSpec) -> list[CheckResult]:
    """The contract of a forecaster: small tasks of every kind, reproducibility, and the full leakage audit.

    Numerical libraries use as many threads as its cells do.
    """
    with thread_limit(spec.resources.threads):
        return list(_forecaster_results(spec))


def _forecaster_results(spec: ForecasterSpec) -> Iterator[CheckResult]:
    yield check_result("is a dataclass of hyperparameters", lambda: _is_dataclass(spec))
    if spec.depends:
        yield check_result("its distributions are installed", lambda: _are_installed(spec))
    has_methods = check_result("has the methods fit and predict", lambda: _has_methods(spec))
    yield has_methods
    if not has_methods.passed:
        return
    yield check_result("its hyperparameters are JSON values", lambda: _has_json_fields(spec))
    supported: list[tuple[Task, Panel]] = []
    for description, task, panel in check_tasks():
        result = check_result(f"forecasts {description}", partial(_forecasts, spec, task, panel))
        if result.passed and not result.skipped:
            supported.append((task, panel))
        yield result
    if not supported:
        return
    task, panel = max(supported, key=lambda pair: len(pair[0].quantile_levels))
    yield check_result("the same seed gives the same forecasts", lambda: _repeats(spec, task, panel))
    yield check_result("predict does not change its state", lambda: _is_unchanged(spec, task, panel))
    yield check_result(AUDIT, lambda: _passes_audit(spec, task, panel))


def check_dataset(spec: DatasetSpec, home: Path) -> Iterator[CheckResult]:
    """The contract of a dataset: source and licence, the same data if it is loaded twice, and sound covariates."""
    yield CheckResult("gives its source", bool(spec.source), spec.source or "no source is given")
    yield CheckResult("gives its licence", bool(spec.licence), spec.licence or "no licence is given")
    first = attempt(lambda: load(spec, home))
    if isinstance(first, Failure):
        yield CheckResult("loads", False, str(first))
        return
    yield CheckResult("loads", True, f"{len(first)} series, {len(first.values)} observations")
    again = attempt(lambda: load(spec, home))
    if isinstance(again, Failure):
        yield CheckResult("loads the same data again", False, str(again))
        return
    same = again.fingerprint() == first.fingerprint()
    detail = f"fingerprint {again.fingerprint()[:16]}…"
    wrong = "its loader is not deterministic; seed its random generator"
    yield CheckResult("loads the same data again", same, detail if same else wrong)
    yield from check_covariates(first)


def check_tasks() -> Iterator[tuple[str, Task, Panel]]:
    """Small tasks of every kind that a board may have, each with a description and its data."""
    rng = np.random.default_rng(1)
    waves = [sine_wave(90, phase) + rng.normal(0, 0.1, 90) for phase in range(3)]
    rolling = RollingOrigin(4, windows=3)
    yield "several series", Task("check", rolling), Panel.of(waves, season_length=12)
    shortened = [wave[: 90 - 11 * i] for i, wave in enumerate(waves)]
    yield "series of different lengths", Task("check", rolling), Panel.of(shortened, season_length=12)
    with_missing = [wave.copy() for wave in waves]
    for wave in with_missing:
        wave[[20, 21, 50, 84, 85]] = np.nan
    yield "series with missing values", Task("check", rolling), Panel.of(with_missing, season_length=12)
    pair = np.stack([waves[0], 5 + 2 * waves[1]], axis=1)
    two = (Channel("a"), Channel("b"))
    yield "two targets", Task("check", rolling), Panel.of([pair], season_length=12, channels=two)
    covariates = (Channel("y"), Channel("past", "past covariate"), Channel("known", "known covariate"))
    triple = np.stack([waves[0], waves[1], waves[2]], axis=1)
    dated = Panel.of([triple], start="2020-01-01", freq="MS", season_length=12, channels=covariates)
    yield "with covariates and a calendar", Task("check", rolling), dated
    yield "with delayed, forecast and static covariates", Task("check", rolling), _with_delay_and_vintages(waves)
    refits = RollingOrigin(4, windows=3, gap=2, refit="every", max_context=60)
    yield "after a gap, with refits", Task("check", refits), Panel.of(waves, season_length=12)
    levels = Task("check", rolling, quantile_levels=(0.1, 0.5, 0.9))
    yield "with quantile levels", levels, Panel.of(waves, season_length=12)
    generation = Task("check", Generation(40, 30), SeriesSplit(training=1, validation=1, test=1))
    yield "held-out series by free-running generation", generation, Panel.of(waves, season_length=12)


def _with_delay_and_vintages(waves: list[Floats]) -> Panel:
    """Two series with a past covariate that is known later, a forecast one with vintages, and static covariates."""
    channels = (
        Channel("y"),
        Channel("late", "past covariate", delay=3),
        Channel("forecast", "known covariate", certain=False),
        Channel("known", "known covariate"),
    )
    series = [np.stack([waves[i], waves[1 - i], waves[2], np.arange(90) % 12], axis=1)[: 90 - 11 * i] for i in range(2)]
    issued = [np.arange(0, len(values), 3) for values in series]
    leads = [np.minimum(rows[:, None] + np.arange(7), 89) for rows in issued]
    vintages = Vintages.of([(rows, waves[2][lead] + 0.1) for rows, lead in zip(issued, leads, strict=True)])
    static: dict[str, list[str | float]] = {"kind": ["a", "b"], "size": [1.0, 2.0]}
    return Panel.of(series, season_length=12, channels=channels, static=static, vintages={"forecast": vintages})


def _is_dataclass(spec: ForecasterSpec) -> str:
    if not dataclasses.is_dataclass(underlying_class(spec.load())):
        raise AssertionError("the factory must be a dataclass")
    return ""


def _are_installed(spec: ForecasterSpec) -> str:
    versions = installed_versions(spec.depends)
    missing = [name for name, version in versions.items() if version == NOT_INSTALLED]
    if missing:
        which = "which is not installed; install it or correct its name"
        if len(missing) > 1:
            which = "which are not installed; install them or correct their names"
        raise AssertionError(f"depends of the spec names {', '.join(missing)}, {which}")
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _has_methods(spec: ForecasterSpec) -> str:
    forecaster = spec.make({}, 0)
    missing = [name for name in ("fit", "predict") if not callable(getattr(forecaster, name, None))]
    if missing:
        raise AssertionError(
            f"{type(forecaster).__name__} has no method {' and no method '.join(missing)}; "
            "write fit(train) and predict(contexts), or derive from LocalForecaster or FittedLocalForecaster"
        )
    return ""


def _has_json_fields(spec: ForecasterSpec) -> str:
    forecaster = spec.make({})
    for name in hyperparameters(forecaster):
        try:
            json.dumps(getattr(forecaster, name))
        except TypeError:
            raise AssertionError(f"{name} is {getattr(forecaster, name)!r}, which is no JSON value") from None
    return json.dumps(hyperparameters(forecaster))


def _forecasts(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    run = evaluate(
        spec.make({}, 0),
        task,
        panel,
        missing=spec.missing,
        tolerance=spec.tolerance,
        audited_windows=0,
        threads=spec.resources.threads,
    )
    if run.status is Status.UNSUPPORTED:
        raise Unsupported(run.reason)
    if run.status is not Status.COMPLETED:
        raise AssertionError(f"{run.status}: {run.reason}")
    if run.window_failures:
        first = run.window_failures[0]
        raise AssertionError(f"{len(run.window_failures)} of {run.windows} windows: {first.reason}")
    scores = [f"{name} {value:.3g}" for name, value in list(run.scores.items())[:1]]
    return "; ".join([*scores, *unsupported_notes(run.unsupported)])


def _repeats(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    """Fit and predict twice, made as a cell makes it, so that both runs are on the device of its cells."""
    first, second = (_fit_and_predict(spec, task, panel)[1] for _ in range(2))
    if change := _beyond(spec, first, second):
        raise AssertionError(f"two runs with seed 0 differ{change}")
    return _within(spec)


def _is_unchanged(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    """Predict twice, predict windows with other values, and predict the first ones again."""
    forecaster, contexts = _fit(spec, task, panel)
    other = next(backtest(task, panel.with_values(1.5 * panel.values)).folds())
    not_tested = "not tested: forecasts already change when the same call is repeated"
    first = _forecast(forecaster, contexts)
    if change := _beyond(spec, first, _forecast(forecaster, contexts)):
        raise AssertionError(f"{not_tested}{change}")
    _forecast(forecaster, other.windows.contexts.filled(spec.missing))
    again = _forecast(forecaster, contexts)
    if change := _beyond(spec, first, again):
        for _ in range(REPEATS):  # calls that differ only sometimes
            if repeated := _beyond(spec, again, _forecast(forecaster, contexts)):
                raise AssertionError(f"{not_tested}{repeated}")
        raise AssertionError(f"forecasts change after other windows were forecast{change}")
    return _within(spec)


def _passes_audit(spec: ForecasterSpec, task: Task, panel: Panel) -> str:
    forecaster, forecast = _fit_and_predict(spec, task, panel)
    windows = backtest(task, panel).windows
    count = len(windows)
    problem = audit(forecaster, windows, forecast, spec.missing, count, neighbours=count, tolerance=spec.tolerance)
    if problem is not None:
        raise AssertionError(f"{problem[0]}: {problem[1]}")
    return f"{count} windows"


def _fit_and_predict(spec: ForecasterSpec, task: Task, panel: Panel) -> tuple[Forecaster, Forecast]:
    forecaster, contexts = _fit(spec, task, panel)
    return forecaster, _forecast(forecaster, contexts)


def _forecast(forecaster: Forecaster, contexts: Contexts) -> Forecast:
    """The forecast that an evaluation scores, with NaN in windows that failed."""
    try:
        return predict_and_check(forecaster, contexts)
    except PartialFailure as error:
        return error.forecast


def _fit(spec: ForecasterSpec, task: Task, panel: Panel) -> tuple[Forecaster, Contexts]:
    forecaster = spec.make({}, 0)
    fold = next(backtest(task, panel).folds())
    contexts = fold.windows.contexts.filled(spec.missing)
    forecaster.fit(fold.train.filled(spec.missing))
    if isinstance(forecaster, FittedLocalForecaster):
        forecaster.fit_contexts(contexts)
    return forecaster, contexts


def _within(spec: ForecasterSpec) -> str:
    return f"within {spec.tolerance:g}" if spec.tolerance else ""


def _beyond(spec: ForecasterSpec, first: Forecast, second: Forecast) -> str:
    """The end of a sentence on two forecasts that differ by more than the tolerance; empty if they do not."""
    difference = relative_difference(first, second)
    return by_more_than(spec.tolerance, difference) if difference > spec.tolerance else ""
