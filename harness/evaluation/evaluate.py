"""One forecaster through one task: fit, predict, time, validate. This is the program."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from harness.attempt import Failure, attempt
from harness.data.missing import Missing
from harness.data.panel import Panel
from harness.errors import InvalidForecast, Unsupported
from harness.evaluation.audit import audit
from harness.evaluation.footprint import Imports, imports_timed, model_size, quick_peak
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Cell, Costs, Results, Run, Status, WindowFailure
from harness.evaluation.scoring import applies, score, terms
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import (
    FittedLocalForecaster,
    Forecaster,
    LocalForecaster,
    PartlyFailed,
    checked_forecast,
)
from harness.tasks.cutoffs import aligned
from harness.tasks.folds import Backtest, backtest
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

T = TypeVar("T")
AUDITED_WINDOWS = 2
MOST_LEFT_OUT = 20  # series whose windows were left out that a run names
SCALELESS = "count for nothing in scaled metrics: their past is no longer than a season, or repeats itself"
PERFECT = "every forecast equals what came, to the last digit; does it know the answers?"


def evaluate(
    forecaster: Forecaster,
    task: Task,
    panel: Panel,
    *,
    cell: Cell | None = None,
    missing: Missing = "native",
    metrics: Iterable[Metric] = METRICS,
    audited_windows: int = AUDITED_WINDOWS,
) -> Run:
    """What comes of a forecaster on a task; whatever it raises becomes the run's status.

    Raises BadInput only where the task itself does not fit the panel.
    """
    made = backtest(task, panel)
    cell = Cell(task, type(forecaster).__name__) if cell is None else cell
    clock = Clock()
    forecasts: list[Forecast] = []
    failures: list[WindowFailure] = []
    verdict: tuple[Status, str] | None = None
    trace = ""
    for number, fold in enumerate(made.folds()):
        first = sum(len(one) for one in forecasts)
        contexts = fold.windows.contexts.filled(missing)
        fitted = clock.fit(partial(fit, forecaster, fold.train.filled(missing), contexts))
        outcome = (
            fitted if isinstance(fitted, Failure) else clock.predict(partial(checked_forecast, forecaster, contexts))
        )
        if isinstance(outcome, Failure) and not isinstance(outcome.error, PartlyFailed):
            return _without_results(cell, made, outcome, clock, forecaster)
        forecast, lost = _usable(outcome, first)
        forecasts.append(forecast)
        failures.extend(lost)
        if isinstance(outcome, Failure) and not trace:
            trace = _first_trace(outcome)
        if audited_windows and verdict is None and number in (0, len(made.fold_windows) - 1):
            verdict = audit(forecaster, fold.windows, forecast, missing, audited_windows)
    run = Run(
        cell,
        Status.COMPLETED,
        windows=len(made.windows),
        window_failures=tuple(failures),
        hyperparameters=hyperparameters(forecaster),
        notes=_notes(made, forecaster, missing, forecasts),
        curves=_curves(forecaster),
        costs=clock.costs(forecaster),
        traceback=trace,
    )
    actuals, metrics = Actuals.of(made), tuple(metrics)
    run = scored(_judged(run, verdict), actuals, Forecast.concatenate(forecasts), metrics)
    remarks = _remarks(run, actuals, metrics)
    return replace(run, notes=(*run.notes, *remarks)) if remarks else run


def _remarks(run: Run, actuals: Actuals, metrics: tuple[Metric, ...]) -> list[str]:
    """What a reader of the scores should know."""
    remarks = []
    if any(metric.scale is not None for metric in metrics):
        undefined = int(np.isnan(actuals.scale(1)).any(axis=1).sum())
        if undefined:
            remarks.append(f"{undefined} of {len(actuals)} windows {SCALELESS}")
    if run.scores.get("MAE") == 0:
        remarks.append(PERFECT)
    return remarks


def scored(run: Run, actuals: Actuals, forecast: Forecast, metrics: Iterable[Metric]) -> Run:
    """The run with the scores of these metrics; other scores are kept."""
    outcomes = Outcomes(actuals, forecast)
    levels = actuals.quantile_levels
    wanted = [metric for metric in metrics if applies(metric, levels)]
    summed = {metric.name: terms(metric, outcomes) for metric in wanted}
    scores = {one.name: score(one, summed[one.name], actuals) for one in wanted}
    return replace(
        run,
        scores={**run.scores, **scores},
        results=Results(forecast, summed, actuals.series, actuals.cutoffs),
    )


@dataclass
class Clock:
    """Measures what a forecaster does, and catches what it raises.

    What it imports when it is first asked is no part of its time: a worker would have had it loaded.
    """

    spent: dict[str, list[float]] = field(default_factory=lambda: {"fit": [0.0, 0.0], "predict": [0.0, 0.0]})
    fits: int = 0
    importing: float = 0.0  # seconds

    def fit(self, action: Callable[[], T]) -> T | Failure:
        """The action, its time counted as fitting."""
        self.fits += 1
        return self._timed("fit", action)

    def predict(self, action: Callable[[], T]) -> T | Failure:
        """The action, its time counted as forecasting."""
        return self._timed("predict", action)

    def _timed(self, phase: str, action: Callable[[], T]) -> T | Failure:
        with imports_timed() if self.fits == 1 else nullcontext(Imports()) as imports:
            wall, cpu = time.perf_counter(), time.process_time()
            outcome = attempt(action)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.spent[phase][0] += wall - imports.seconds
        self.spent[phase][1] += cpu - imports.cpu_seconds
        self.importing += imports.seconds
        return outcome

    def costs(self, forecaster: Forecaster) -> Costs:
        """What was spent until now, and what the forecaster holds."""
        (fit, fit_cpu), (predict, predict_cpu) = self.spent["fit"], self.spent["predict"]
        parameters = model_size(forecaster).parameters
        return Costs(fit, predict, fit_cpu, predict_cpu, self.fits, quick_peak(), parameters, self.importing)


def fit(forecaster: Forecaster, train: TrainingData, contexts: Contexts) -> None:
    """Fit, and the series of these windows too where a forecaster fits each when it is asked for."""
    forecaster.fit(train)
    if isinstance(forecaster, FittedLocalForecaster):
        forecaster.fit_asked(contexts)


def _usable(outcome: Forecast | Failure, first: int) -> tuple[Forecast, list[WindowFailure]]:
    """The forecast with NaN in every window that cannot be used, and those windows, counted from `first`."""
    lost: dict[int, WindowFailure] = {}
    if isinstance(outcome, Forecast):
        forecast = outcome
    else:
        assert isinstance(outcome.error, PartlyFailed)
        forecast = outcome.error.forecast
        for window, failure in outcome.error.failures.items():
            lost[window] = WindowFailure(first + window, status_of(failure), str(failure))
    broken = (~forecast.finite()).nonzero()[0]
    if not len(broken):
        return forecast, []
    for window in broken.tolist():
        lost.setdefault(window, WindowFailure(first + window, Status.INVALID, "NaN or infinite values"))
    mean, quantiles = forecast.mean.copy(), forecast.quantiles
    mean[broken] = np.nan
    if quantiles is not None:
        quantiles = quantiles.copy()
        quantiles[broken] = np.nan
    return replace(forecast, mean=mean, quantiles=quantiles), [lost[window] for window in sorted(lost)]


def _first_trace(failure: Failure) -> str:
    """The traceback of the first window that failed; none if it is not supported, which is no accident."""
    assert isinstance(failure.error, PartlyFailed)
    first = next(iter(failure.error.failures.values()))
    return "" if isinstance(first.error, Unsupported) else first.traceback


def status_of(failure: Failure) -> Status:
    """What a failure is called."""
    if isinstance(failure.error, Unsupported):
        return Status.UNSUPPORTED
    if isinstance(failure.error, InvalidForecast):
        return Status.INVALID
    kinds = type(failure.error).__mro__  # torch has an error of its own, which is no MemoryError
    if MemoryError in kinds or any(kind.__name__ == "OutOfMemoryError" for kind in kinds):
        return Status.OUT_OF_MEMORY
    return Status.FAILED


def _without_results(cell: Cell, made: Backtest, failure: Failure, clock: Clock, forecaster: Forecaster) -> Run:
    return Run(
        cell,
        status_of(failure),
        reason=str(failure),
        traceback="" if isinstance(failure.error, Unsupported) else failure.traceback,
        windows=len(made.windows),
        hyperparameters=hyperparameters(forecaster),
        costs=clock.costs(forecaster),
    )


def _judged(run: Run, verdict: tuple[Status, str] | None) -> Run:
    """The run's status: a broken promise weighs most; a cell whose every window is lost did not complete."""
    if verdict is not None:
        return replace(run, status=verdict[0], reason=verdict[1])
    if len(run.window_failures) == run.windows:
        worst = run.window_failures[0]
        return replace(run, status=worst.status, reason=f"every window: {worst.reason}")
    return run


def _notes(made: Backtest, forecaster: Forecaster, missing: Missing, forecasts: list[Forecast]) -> tuple[str, ...]:
    """What a reader of the result should know."""
    notes = [f"{one.id}: {one.windows} windows left out, {one.reason}" for one in made.left_out[:MOST_LEFT_OUT]]
    if len(made.left_out) > MOST_LEFT_OUT:
        notes.append(f"windows left out of {len(made.left_out) - MOST_LEFT_OUT} more series")
    local = isinstance(forecaster, LocalForecaster | FittedLocalForecaster)
    if not local and not _aligned(made):
        notes.append("cutoffs are not aligned in time: what learns from all series may know later dates of others")
    if missing != "native" and not made.panel.complete:
        notes.append(f"missing values of the past were filled: {missing}")
    if made.task.quantile_levels and any(one.quantiles is None for one in forecasts):
        notes.append("point forecast, scored as degenerate quantiles")
    return (*notes, *(str(remark) for remark in getattr(forecaster, "remarks_", None) or ()))


def _curves(forecaster: Forecaster) -> dict[str, tuple[float, ...]]:
    """What a forecaster tells of its last training: `curves_`, a dictionary of numbers by name."""
    told: Any = getattr(forecaster, "curves_", None) or {}
    curves = attempt(lambda: {str(name): tuple(float(value) for value in curve) for name, curve in told.items()})
    return {} if isinstance(curves, Failure) else curves


def _aligned(made: Backtest) -> bool:
    """Whether every fit ends at the same moment in all series; held-out series are learnt from to their ends."""
    if len(made.panel) == 1:
        return True
    if made.task.split is not None and made.task.split.holds_out_series:
        return made.panel.freq is None or made.task.protocol.free_running
    for one in made.fold_windows:
        order = np.lexsort((one.cutoffs, one.series))
        first = np.concatenate([[True], np.diff(one.series[order]) != 0])
        if not aligned(made.panel, one.series[order][first], one.cutoffs[order][first]):
            return False
    return True


def hyperparameters(forecaster: Forecaster) -> dict[str, Any]:
    """All hyperparameters, defaults included, as JSON values."""
    if not dataclasses.is_dataclass(forecaster):
        return {}
    return {
        one.name: _plain(getattr(forecaster, one.name))
        for one in dataclasses.fields(forecaster)
        if one.init and one.name != "seed"
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
