"""evaluate: one forecaster on one task. It fits, forecasts, times, validates, audits and scores: the program."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from harness.data.missing import Missing
from harness.data.panel import Panel
from harness.errors import DataUnavailable, Failure, InvalidMetric, NotGiven, Unsupported
from harness.evaluation.audit.auditor import Auditor
from harness.evaluation.audit.rules import Finding, Rules
from harness.evaluation.calls import Calls
from harness.evaluation.changes import CHANGED, Checksum
from harness.evaluation.clock import Clock
from harness.evaluation.description import describe
from harness.evaluation.failures import place_of_failure, status_of, traceback_of
from harness.evaluation.fold_forecasts import FoldForecast, forecast_folds
from harness.evaluation.metric_values import overall_score
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.notes import notes, score_notes
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Cell, Results, Run, Status
from harness.evaluation.scoring import Terms, applies, fits_targets, score, terms
from harness.evaluation.threads import thread_limit
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.origins import Functional
from harness.forecasters.remote import RemoteForecaster
from harness.forecasters.spec import Batches
from harness.tasks import folds
from harness.tasks.folds import Backtest
from harness.tasks.task import Task

AUDITED_WINDOWS = 2
NO_SEASON = "the forecaster needs a season, and the season length of this task is 1"


def evaluate(
    forecaster: Forecaster | RemoteForecaster,
    task: Task,
    panel: Panel,
    *,
    cell: Cell | None = None,
    missing: Missing = "native",
    tolerance: float = 0.0,
    metrics: Iterable[Metric] = METRICS,
    audited_windows: int = AUDITED_WINDOWS,
    threads: int = 1,
    batches: Batches = "any",
    needs_season: bool = False,
    strict: bool = False,
    audit_seed: int | None = None,
) -> Run:
    """The run of a forecaster on a task: its status, scores, forecasts and costs.

    `tolerance` is the relative difference of repeated forecasts that the audit allows, if it is larger than its own;
    `batches` is what one call of `predict` may hold. With `needs_season`, a task without a season is unsupported, and
    the forecaster is not called. With `strict`, one call holds one point in time, and later calls are later. Numerical
    libraries use `threads` threads meanwhile. `audit_seed` is that of a run whose audit is repeated. Whatever the
    forecaster raises becomes the run's status. Raises BadInput only where the task itself does not fit the panel, and
    InfrastructureFault where the process of a RemoteForecaster ended for another reason.
    """
    cell = Cell(task, type(forecaster).__name__) if cell is None else cell
    rules = Rules(Calls(missing, batches, strict), tolerance, is_stochastic=cell.seed is not None)
    own_clock = time.perf_counter if isinstance(forecaster, RemoteForecaster) else time.process_time
    auditor = Auditor(rules, audited_windows, audit_seed, own_clock)
    found = folds.backtest(task, panel)
    with thread_limit(threads):
        if needs_season and found.season_length == 1:
            return _failed_run(cell, found, Failure(Unsupported(NO_SEASON)), Clock(forecaster), rules)
        return evaluate_backtest(forecaster, found, cell, auditor, tuple(metrics))


def evaluate_backtest(
    forecaster: Forecaster | RemoteForecaster,
    backtest: Backtest,
    cell: Cell,
    auditor: Auditor,
    metrics: tuple[Metric, ...],
) -> Run:
    """The run of a forecaster on the windows of a task, audited by this auditor."""
    actuals = own_actuals(backtest)  # before the forecaster is given the panel
    checksum = None if isinstance(forecaster, RemoteForecaster) else Checksum.of(backtest)
    clock, rules = Clock(forecaster), auditor.rules
    found: list[FoldForecast] = []
    for fold in forecast_folds(forecaster, backtest, clock, auditor):
        if isinstance(fold, Failure):
            return _failed_run(cell, backtest, fold, clock, rules)
        found.append(fold)
    forecasts = [fold.forecast for fold in found]
    description = describe(forecaster)
    run = Run(
        cell,
        Status.COMPLETED,
        windows=len(backtest.windows),
        window_failures=tuple(failure for fold in found for failure in fold.failures),
        hyperparameters=description.hyperparameters,
        notes=(*notes(backtest, description, rules, forecasts), *auditor.notes()),
        curves=description.curves,
        gradient_norms=description.gradient_norms,
        model_summary=description.model_summary,
        costs=clock.costs(description),
        traceback=next((fold.traceback for fold in found if fold.traceback), ""),
        strict=rules.calls.strict,
        batch_difference=None if auditor.in_batches is None else auditor.in_batches.size,
        audit=auditor.record(),
        period=backtest.period,
    )
    if checksum is not None and not checksum.holds():
        return replace(run, status=Status.INVALID, reason=CHANGED)
    run = score_run(_with_status(run, auditor.finding), actuals, Forecast.concatenate(forecasts), metrics)
    applicable = tuple(metric for metric in metrics if fits_targets(metric, actuals))
    return _if_scored(replace(run, notes=(*run.notes, *score_notes(run, actuals, metrics))), applicable)


def own_actuals(backtest: Backtest) -> Actuals:
    """The actuals as arrays of their own, which no forecaster has."""
    actuals = Actuals.of(backtest)
    if np.may_share_memory(actuals.values, backtest.panel.values):
        return replace(actuals, values=actuals.values.copy())
    return actuals


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
        if not applies(metric, actuals.quantile_levels) or not fits_targets(metric, actuals):
            continue
        try:
            summed = None if metric.overall else terms(metric, outcomes)
            value = overall_score(metric, outcomes) if summed is None else _score(metric, summed, actuals)
        except (InvalidMetric, DataUnavailable) as error:
            invalid.append(f"no score by {metric.name}: {error}")
            continue
        except NotGiven as error:
            unsupported[metric.name] = str(error)
            continue
        if math.isinf(value):
            invalid.append(f"no score by {metric.name}: it is infinite")
            continue
        if summed is not None:
            metric_terms[metric.name] = summed
        scores[metric.name] = value
        functionals[metric.name] = metric.functional
    return replace(
        run,
        scores={**run.scores, **scores},
        functionals={**run.functionals, **functionals},
        unsupported={**run.unsupported, **unsupported},
        notes=(*run.notes, *invalid),
        results=Results(forecast, metric_terms, actuals.series, actuals.cutoffs),
    )


def _score(metric: Metric, summed: Terms, actuals: Actuals) -> float:
    """The score of the terms; infinite where a term is, even if the sum of infinities of both signs is NaN."""
    with np.errstate(invalid="ignore"):
        value, total = score(metric, summed, actuals), float(summed.numerators.sum())
    return math.inf if math.isnan(total) else value


def _failed_run(cell: Cell, backtest: Backtest, failure: Failure, clock: Clock, rules: Rules) -> Run:
    """The run of a forecaster that failed on all windows of a fold: no scores."""
    description = describe(clock.forecaster)
    return Run(
        cell,
        status_of(failure),
        reason=str(failure),
        place=place_of_failure(failure),
        traceback=traceback_of(failure),
        windows=len(backtest.windows),
        hyperparameters=description.hyperparameters,
        costs=clock.costs(description),
        strict=rules.calls.strict,
        period=backtest.period,
    )


def _with_status(run: Run, finding: Finding | None) -> Run:
    """The run with the audit's finding as its status, or the first failure's where every window failed."""
    if finding is not None:
        traceback = finding.traceback or run.traceback
        return replace(run, status=finding.status, reason=finding.reason, place=finding.place, traceback=traceback)
    if len(run.window_failures) == run.windows:
        first = run.window_failures[0]
        return replace(run, status=first.status, reason=f"every window: {first.reason}", place=first.place)
    return run


def _if_scored(run: Run, metrics: tuple[Metric, ...]) -> Run:
    """The run, as an unsupported one if its forecasts lack what each metric that applies to the task needs."""
    if run.status is not Status.COMPLETED or run.scores or not run.unsupported:
        return run
    levels = run.cell.task.quantile_levels
    if {metric.name for metric in metrics if applies(metric, levels)} != set(run.unsupported):
        return run  # others raised
    return replace(run, status=Status.UNSUPPORTED, reason=next(iter(run.unsupported.values())))
