"""evaluate: one forecaster on one task. It fits, forecasts, times, validates, audits and scores: the program."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from harness.attempt import Failure, attempt
from harness.data.missing import Missing
from harness.data.panel import Panel
from harness.errors import DataUnavailable, InvalidForecast, InvalidMetric, NotGiven, Unsupported
from harness.evaluation.audit import audit
from harness.evaluation.memory import quick_peak
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.model_size import model_size
from harness.evaluation.notes import notes, score_notes
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Cell, Costs, Results, Run, Status, WindowFailure
from harness.evaluation.scoring import Terms, applies, score, terms
from harness.evaluation.threads import thread_limit
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster, PartialFailure, predict_and_check
from harness.forecasters.origins import Functional
from harness.tasks import folds
from harness.tasks.folds import Backtest, Fold
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

T = TypeVar("T")
AUDITED_WINDOWS = 2


def evaluate(
    forecaster: Forecaster,
    task: Task,
    panel: Panel,
    *,
    cell: Cell | None = None,
    missing: Missing = "native",
    tolerance: float = 0.0,
    metrics: Iterable[Metric] = METRICS,
    audited_windows: int = AUDITED_WINDOWS,
    threads: int = 1,
) -> Run:
    """The run of a forecaster on a task: its status, scores, forecasts and costs.

    `tolerance` is the relative difference of repeated forecasts that the audit allows, if it is larger than its own.
    Numerical libraries use `threads` threads meanwhile. Whatever the forecaster raises becomes the run's status.
    Raises BadInput only where the task itself does not fit the panel.
    """
    cell = Cell(task, type(forecaster).__name__) if cell is None else cell
    with thread_limit(threads):
        return _run(forecaster, folds.backtest(task, panel), cell, missing, tolerance, tuple(metrics), audited_windows)


def _run(
    forecaster: Forecaster,
    backtest: Backtest,
    cell: Cell,
    missing: Missing,
    tolerance: float,
    metrics: tuple[Metric, ...],
    audited_windows: int,
) -> Run:
    clock = Clock()
    forecasts: list[Forecast] = []
    failures: list[WindowFailure] = []
    finding: tuple[Status, str] | None = None
    traceback = ""
    for number, fold in enumerate(backtest.folds()):
        outcome = fit_and_predict(forecaster, fold, missing, clock)
        if isinstance(outcome, Failure) and not isinstance(outcome.error, PartialFailure):
            return _failed_run(cell, backtest, outcome, clock, forecaster)
        forecast, fold_failures = _without_failed_windows(outcome, fold.windows.contexts, sum(map(len, forecasts)))
        forecasts.append(forecast)
        failures.extend(fold_failures)
        traceback = traceback or _window_traceback(outcome)
        if audited_windows and finding is None and number in (0, len(backtest.fold_windows) - 1):
            finding = audit(forecaster, fold.windows, forecast, missing, audited_windows, tolerance=tolerance)
    run = Run(
        cell,
        Status.COMPLETED,
        windows=len(backtest.windows),
        window_failures=tuple(failures),
        hyperparameters=hyperparameters(forecaster),
        notes=notes(backtest, forecaster, missing, tolerance, forecasts),
        curves=_curves(forecaster),
        costs=clock.costs(forecaster),
        traceback=traceback,
        period=backtest.period,
    )
    actuals = Actuals.of(backtest)
    run = score_run(_with_status(run, finding), actuals, Forecast.concatenate(forecasts), metrics)
    return _if_scored(replace(run, notes=(*run.notes, *score_notes(run, actuals, metrics))), metrics)


def fit_and_predict(forecaster: Forecaster, fold: Fold, missing: Missing, clock: Clock) -> Forecast | Failure:
    """Fit to a fold's training data and forecast its windows, both timed; returns the failure of either."""
    contexts = fold.windows.contexts.filled(missing)
    fitted = clock.fit(partial(fit, forecaster, fold.train.filled(missing), contexts))
    if isinstance(fitted, Failure):
        return fitted
    return clock.predict(partial(predict_and_check, forecaster, contexts))


def fit(forecaster: Forecaster, train: TrainingData, contexts: Contexts) -> None:
    """Fit a forecaster; one that fits each series by itself is fitted to the series of these windows."""
    forecaster.fit(train)
    if isinstance(forecaster, FittedLocalForecaster):
        forecaster.fit_contexts(contexts)


def score_run(run: Run, actuals: Actuals, forecast: Forecast, metrics: Iterable[Metric]) -> Run:
    """The run with the scores of these metrics; other scores are kept.

    A metric that raises, returns a wrong shape or type, or has an infinite score, has none, and a note says so. One
    that needs a quantile level, a mean or a median that the forecast lacks is in `unsupported`, with the reason.
    """
    outcomes = Outcomes(actuals, forecast)
    metric_terms: dict[str, Terms] = {}
    scores: dict[str, float] = {}
    functionals: dict[str, Functional] = {}
    invalid: list[str] = []
    unsupported: dict[str, str] = {}
    for metric in metrics:
        if not applies(metric, actuals.quantile_levels):
            continue
        try:
            summed = terms(metric, outcomes)
        except (InvalidMetric, DataUnavailable) as error:
            invalid.append(f"no score by {metric.name}: {error}")
            continue
        except NotGiven as error:
            unsupported[metric.name] = str(error)
            continue
        with np.errstate(invalid="ignore"):  # the sum of infinities of both signs is NaN
            value, total = score(metric, summed, actuals), float(summed.numerators.sum())
        if math.isinf(value) or math.isnan(total):
            invalid.append(f"no score by {metric.name}: it is infinite")
            continue
        metric_terms[metric.name], scores[metric.name] = summed, value
        functionals[metric.name] = metric.functional
    return replace(
        run,
        scores={**run.scores, **scores},
        functionals={**run.functionals, **functionals},
        unsupported={**run.unsupported, **unsupported},
        notes=(*run.notes, *invalid),
        results=Results(forecast, metric_terms, actuals.series, actuals.cutoffs),
    )


@dataclass
class Clock:
    """Times a forecaster's fits and forecasts, and catches what they raise."""

    seconds: dict[str, float] = field(default_factory=lambda: {"fit": 0.0, "predict": 0.0})
    cpu_seconds: dict[str, float] = field(default_factory=lambda: {"fit": 0.0, "predict": 0.0})
    fits: int = 0

    def fit(self, action: Callable[[], T]) -> T | Failure:
        """Run the action; its time counts as fitting."""
        self.fits += 1
        return self._time("fit", action)

    def predict(self, action: Callable[[], T]) -> T | Failure:
        """Run the action; its time counts as forecasting."""
        return self._time("predict", action)

    def _time(self, phase: str, action: Callable[[], T]) -> T | Failure:
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = attempt(action)
        self.seconds[phase] += time.perf_counter() - wall
        self.cpu_seconds[phase] += time.process_time() - cpu
        return outcome

    def costs(self, forecaster: Forecaster) -> Costs:
        """The time until now, the peak memory of the process, and the model size."""
        return Costs(
            fit_seconds=self.seconds["fit"],
            predict_seconds=self.seconds["predict"],
            fit_cpu_seconds=self.cpu_seconds["fit"],
            predict_cpu_seconds=self.cpu_seconds["predict"],
            fits=self.fits,
            peak_memory=quick_peak(),
            parameters=model_size(forecaster).parameters,
        )


def _without_failed_windows(
    outcome: Forecast | Failure, contexts: Contexts, first: int
) -> tuple[Forecast, list[WindowFailure]]:
    """The forecast with NaN in every window that failed, and these failures; windows are numbered from `first`."""
    failures: dict[int, WindowFailure] = {}
    if isinstance(outcome, Forecast):
        forecast = outcome
    else:
        assert isinstance(outcome.error, PartialFailure)
        forecast = outcome.error.forecast
        for window, failure in outcome.error.failures.items():
            failures[window] = WindowFailure(first + window, status_of(failure), str(failure))
    unusable = (~forecast.finite()).nonzero()[0]
    if not len(unusable):
        return forecast, []
    for window in unusable.tolist():
        reason = f"NaN or infinite values in {contexts.window_name(window)}"
        failures.setdefault(window, WindowFailure(first + window, Status.INVALID, reason))
    return forecast.without(unusable), [failures[window] for window in sorted(failures)]


def _window_traceback(outcome: Forecast | Failure) -> str:
    """The traceback of the first window that failed; empty where nothing failed or it is unsupported."""
    if isinstance(outcome, Forecast):
        return ""
    assert isinstance(outcome.error, PartialFailure)
    first = next(iter(outcome.error.failures.values()))
    return "" if isinstance(first.error, Unsupported) else first.traceback


def status_of(failure: Failure) -> Status:
    """The status of a run or a window that failed like this."""
    if isinstance(failure.error, Unsupported):
        return Status.UNSUPPORTED
    if isinstance(failure.error, InvalidForecast):
        return Status.INVALID
    kinds = type(failure.error).__mro__  # torch has an error of its own, which is no MemoryError
    if MemoryError in kinds or any(kind.__name__ == "OutOfMemoryError" for kind in kinds):
        return Status.OUT_OF_MEMORY
    return Status.FAILED


def _failed_run(cell: Cell, backtest: Backtest, failure: Failure, clock: Clock, forecaster: Forecaster) -> Run:
    """The run of a forecaster that failed on all windows of a fold: no scores."""
    return Run(
        cell,
        status_of(failure),
        reason=str(failure),
        traceback="" if isinstance(failure.error, Unsupported) else failure.traceback,
        windows=len(backtest.windows),
        hyperparameters=hyperparameters(forecaster),
        costs=clock.costs(forecaster),
        period=backtest.period,
    )


def _with_status(run: Run, finding: tuple[Status, str] | None) -> Run:
    """The run with the audit's finding as its status, or the first failure's where every window failed."""
    if finding is not None:
        return replace(run, status=finding[0], reason=finding[1])
    if len(run.window_failures) == run.windows:
        first = run.window_failures[0]
        return replace(run, status=first.status, reason=f"every window: {first.reason}")
    return run


def _if_scored(run: Run, metrics: tuple[Metric, ...]) -> Run:
    """The run, as an unsupported one if its forecasts lack what each metric that applies to the task needs."""
    if run.status is not Status.COMPLETED or run.scores or not run.unsupported:
        return run
    levels = run.cell.task.quantile_levels
    if {metric.name for metric in metrics if applies(metric, levels)} != set(run.unsupported):
        return run  # others raised
    return replace(run, status=Status.UNSUPPORTED, reason=next(iter(run.unsupported.values())))


def _curves(forecaster: Forecaster) -> dict[str, tuple[float, ...]]:
    """The forecaster's `curves_`: sequences of numbers by name, of its last training."""
    value: Any = getattr(forecaster, "curves_", None) or {}
    curves = attempt(lambda: {str(name): tuple(float(point) for point in curve) for name, curve in value.items()})
    return {} if isinstance(curves, Failure) else curves


def hyperparameters(forecaster: Forecaster) -> dict[str, Any]:
    """All hyperparameters, including defaults, as JSON values; without the seed."""
    if not dataclasses.is_dataclass(forecaster):
        return {}
    return {
        hyperparameter.name: _plain(getattr(forecaster, hyperparameter.name))
        for hyperparameter in dataclasses.fields(forecaster)
        if hyperparameter.init and hyperparameter.name != "seed"
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {str(name): _plain(element) for name, element in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
