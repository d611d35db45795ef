"""What a board's page shows beyond its standings: errors by step of the horizon, and forecasts with their actuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from harness.arrays import Floats
from harness.attempt import Failure, attempt
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import by_step, by_window, terms
from harness.results.journal import Journal
from harness.results.stored_plan import StoredCell, StoredPlan

MAX_TARGETS = 3  # of a window
PAST_HORIZONS = 2  # shown before a window
FALLBACK = "MAE"  # the loss of a window if the metric has none for a single window
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Lines:
    """One target of a window, step by step; NaN where a value is unknown."""

    target: str
    past: Numbers  # up to two horizons, the last of them just before the first step
    actual: Numbers  # (horizon,), as all that follow
    mean: Numbers
    low: Numbers = ()  # the outermost quantiles; empty for a point forecast
    high: Numbers = ()


@dataclass(frozen=True)
class Example:
    """A window of a forecaster on a task: its forecast and its actuals."""

    series: str
    cutoff: int  # observations before the forecast
    cutoff_time: str  # the time of the last of them; empty if it is not stored
    loss: float
    lines: tuple[Lines, ...]  # by target
    levels: tuple[float, float] | None = None  # of the outermost quantiles
    gap: int = 0  # steps between the cutoff and the first one forecast


@dataclass(frozen=True)
class Examples:
    """What the journal holds of a board's errors by step and of its windows; what it lacks is left out."""

    metric: str
    loss: str  # by which the best and the worst window were chosen
    by_step: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)  # task, forecaster: (horizon,)
    examples: Mapping[str, Mapping[str, tuple[Example, ...]]] = field(default_factory=dict)  # the best, the worst


def find_examples(plan: StoredPlan, journal: Journal, metric: Metric | None) -> Examples:
    """The examples of a board by a metric; without one there are no errors by step.

    A cell that did not complete, or whose files are lost or damaged, is left out.
    """
    steps: dict[str, dict[str, Numbers]] = {}
    examples: dict[str, dict[str, tuple[Example, ...]]] = {}
    for task, cells in plan.by_task.items():
        actuals: dict[str, Actuals] = {}
        for forecaster in dict.fromkeys(cell.forecaster for cell in cells):
            seeds = [cell for cell in cells if cell.forecaster == forecaster]
            curve, windows = _curve_and_windows(seeds, journal, actuals, metric)
            if curve:
                steps.setdefault(task, {})[forecaster] = curve
            if windows:
                examples.setdefault(task, {})[forecaster] = windows
    if metric is None:
        return Examples(plan.metric, FALLBACK, examples=examples)
    return Examples(metric.name, FALLBACK if metric.best == "nominal" else metric.name, steps, examples)


def _curve_and_windows(
    seeds: Sequence[StoredCell], journal: Journal, actuals: dict[str, Actuals], metric: Metric | None
) -> tuple[Numbers, tuple[Example, ...]]:
    """The error by step, averaged over seeds, and the windows of the first seed; both empty where there are none."""
    curves: list[Floats] = []
    windows: tuple[Example, ...] = ()
    for cell in seeds:
        found = attempt(partial(_read, cell, journal, actuals))
        if isinstance(found, Failure) or found is None:
            continue
        curve = None if metric is None else attempt(partial(by_step, metric, found[1]))
        if isinstance(curve, np.ndarray):
            curves.append(curve)
        if not windows:
            chosen = attempt(partial(_best_and_worst, *found, metric))
            windows = () if isinstance(chosen, Failure) else chosen
    return _numbers(np.mean(curves, axis=0)) if curves else (), windows


def _read(cell: StoredCell, journal: Journal, actuals: dict[str, Actuals]) -> tuple[Run, Outcomes] | None:
    """A completed cell with its outcomes, None if there is none; actuals are read once for all cells of a task."""
    run = journal.read_with_results(cell.key)
    if run is None or run.status is not Status.COMPLETED or run.results is None:
        return None
    if cell.fingerprint not in actuals:
        stored = journal.read_actuals(cell.fingerprint, run.cell.task)
        if stored is None:
            return None
        actuals[cell.fingerprint] = stored
    known, results = actuals[cell.fingerprint], run.results
    same = np.array_equal(known.series, results.series) and np.array_equal(known.cutoffs, results.cutoffs)
    if not same or results.forecast.mean.shape != known.values.shape:
        return None
    return run, Outcomes(known, results.forecast)


def _best_and_worst(run: Run, outcomes: Outcomes, metric: Metric | None) -> tuple[Example, ...]:
    """The windows of the least and of the greatest loss; a single one if there is no other, none without losses."""
    losses = _losses(run, outcomes, metric)
    order = np.argsort(losses, kind="stable")[: int(np.isfinite(losses).sum())]
    windows = [int(order[0]), int(order[-1])] if len(order) else []
    return tuple(_example(run, outcomes, window, float(losses[window])) for window in dict.fromkeys(windows))


def _losses(run: Run, outcomes: Outcomes, metric: Metric | None) -> Floats:
    """The loss of each window, (window,): the absolute error if the metric has no best value for a single window."""
    if metric is None or metric.best == "nominal":
        errors = outcomes.of("median").absolute_error
        known = np.isfinite(errors)
        sums = np.where(known, errors, 0.0).sum(axis=(1, 2))
        return Outcomes.ratio(sums, known.sum(axis=(1, 2)).astype(np.float64))
    summed = run.results.terms.get(metric.name) if run.results is not None else None
    return np.abs(by_window(metric, terms(metric, outcomes) if summed is None else summed))


def _example(run: Run, outcomes: Outcomes, window: int, loss: float) -> Example:
    actuals, forecast, gap = outcomes.truth, outcomes.forecast, run.cell.task.gap
    lines = []
    for target, name in enumerate(actuals.targets[:MAX_TARGETS]):
        past, actual = _past(actuals, window, target, gap), _numbers(actuals.values[window, :, target])
        line = Lines(name, past, actual, _numbers(forecast.mean[window, :, target]))
        if forecast.quantiles is not None and forecast.quantile_levels:
            low, high = (_numbers(forecast.quantiles[window, :, target, i]) for i in (0, -1))
            line = replace(line, low=low, high=high)
        lines.append(line)
    levels = (forecast.quantile_levels[0], forecast.quantile_levels[-1]) if forecast.quantile_levels else None
    time = attempt(partial(actuals.last_known, window)) if actuals.freq is not None else None
    cutoff_time = "" if time is None or isinstance(time, Failure) else str(time)[:16].removesuffix("T00:00")
    series, cutoff = actuals.ids[int(actuals.series[window])], int(actuals.cutoffs[window])
    return Example(str(series), cutoff, cutoff_time, loss, tuple(lines), levels, gap)


def _past(actuals: Actuals, window: int, target: int, gap: int) -> Numbers:
    """Up to two horizons before a window's first step, as far as other windows of its series show them."""
    horizon = actuals.values.shape[1]
    first = int(actuals.cutoffs[window]) + gap
    begins = actuals.cutoffs + gap
    past = np.full(PAST_HORIZONS * horizon, np.nan)
    near = (begins < first) & (begins + horizon > first - len(past))
    others = near & (actuals.series == actuals.series[window])
    for other in np.flatnonzero(others):
        start = int(begins[other]) - first + len(past)  # position of its first step
        overlap = slice(max(start, 0), min(start + horizon, len(past)))
        past[overlap] = actuals.values[other, overlap.start - start : overlap.stop - start, target]
    known = np.flatnonzero(np.isfinite(past))
    return _numbers(past[known[0] :]) if len(known) else ()


def _numbers(values: Floats) -> Numbers:
    return tuple(np.asarray(values, dtype=np.float64).tolist())
