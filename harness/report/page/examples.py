"""What stands behind a board's numbers: errors along the horizon, and forecasts beside what came."""

from __future__ import annotations

from collections.abc import Mapping
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

TARGETS = 3  # at most so many targets of a window are shown
PAST = 2  # horizons before a window
FALLBACK = "MAE"  # the loss of a window where the metric says nothing of a single one
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Lines:
    """One target of a window, step by step; NaN where nothing is known."""

    target: str
    past: Numbers  # up to two horizons, the last of them just before the first step
    actual: Numbers  # (horizon,), as all that follow
    mean: Numbers
    low: Numbers = ()  # the outermost quantiles; empty for a point forecast
    high: Numbers = ()


@dataclass(frozen=True)
class Example:
    """A window of a forecaster on a task: what was forecast, and what came."""

    series: str
    cutoff: int  # observations known
    known: str  # the time of the last of them; empty where it was not stored
    loss: float
    lines: tuple[Lines, ...]  # by target
    levels: tuple[float, float] | None = None  # of the outermost quantiles
    gap: int = 0  # steps between the cutoff and the first one forecast


@dataclass(frozen=True)
class Examples:
    """What can be shown of a board beyond its standings; what a journal lacks is left out."""

    metric: str
    loss: str  # by which the best and the worst window were chosen
    by_step: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)  # task, forecaster: (horizon,)
    examples: Mapping[str, Mapping[str, tuple[Example, ...]]] = field(default_factory=dict)  # the best, the worst


def find_examples(plan: StoredPlan, journal: Journal, metric: Metric | None) -> Examples:
    """The exhibits of a board by a metric; where that is gone there are no errors by step.

    A cell that did not complete, or whose files are lost or damaged, is left out.
    """
    cells: dict[str, dict[str, list[StoredCell]]] = {}
    for one in plan.cells:
        cells.setdefault(one.task, {}).setdefault(one.forecaster, []).append(one)
    steps: dict[str, dict[str, Numbers]] = {}
    examples: dict[str, dict[str, tuple[Example, ...]]] = {}
    for task, forecasters in cells.items():
        came: dict[str, Actuals] = {}
        for forecaster, seeds in forecasters.items():
            curves: list[Floats] = []
            for one in seeds:
                found = attempt(partial(_opened, one, journal, came))
                if isinstance(found, Failure) or found is None:
                    continue
                curve = None if metric is None else attempt(partial(by_step, metric, found[1]))
                if isinstance(curve, np.ndarray):
                    curves.append(curve)
                if forecaster not in examples.setdefault(task, {}):
                    chosen = attempt(partial(_best_and_worst, *found, metric))
                    if not isinstance(chosen, Failure) and chosen:
                        examples[task][forecaster] = chosen
            if curves:
                steps.setdefault(task, {})[forecaster] = _numbers(np.mean(curves, axis=0))
    if metric is None:
        return Examples(plan.metric, FALLBACK, examples=examples)
    loss = FALLBACK if metric.best == "nominal" else metric.name
    return Examples(metric.name, loss, steps, examples)


def _opened(one: StoredCell, journal: Journal, came: dict[str, Actuals]) -> tuple[Run, Outcomes] | None:
    """A completed cell beside what came, which is read once for all of its task; None if there is none."""
    run = journal.read_with_results(one.key)
    if run is None or run.status is not Status.COMPLETED or run.results is None:
        return None
    if one.fingerprint not in came:
        read = journal.read_actuals(one.fingerprint, run.cell.task)
        if read is None:
            return None
        came[one.fingerprint] = read
    truth, results = came[one.fingerprint], run.results
    same = np.array_equal(truth.series, results.series) and np.array_equal(truth.cutoffs, results.cutoffs)
    if not same or results.forecast.mean.shape != truth.values.shape:
        return None
    return run, Outcomes(truth, results.forecast)


def _best_and_worst(run: Run, outcomes: Outcomes, metric: Metric | None) -> tuple[Example, ...]:
    """The windows of the least and of the greatest loss; one where there is no other, none without losses."""
    losses = _losses(run, outcomes, metric)
    order = np.argsort(losses, kind="stable")[: int(np.isfinite(losses).sum())]
    windows = [int(order[0]), int(order[-1])] if len(order) else []
    return tuple(_example(run, outcomes, window, float(losses[window])) for window in dict.fromkeys(windows))


def _losses(run: Run, outcomes: Outcomes, metric: Metric | None) -> Floats:
    """A loss for each window, (window,); the absolute error where a single window is neither good nor bad."""
    if metric is None or metric.best == "nominal":
        known = np.isfinite(outcomes.absolute_error)
        sums = np.where(known, outcomes.absolute_error, 0.0).sum(axis=(1, 2))
        return Outcomes.ratio(sums, known.sum(axis=(1, 2)).astype(np.float64))
    summed = run.results.terms.get(metric.name) if run.results is not None else None
    return np.abs(by_window(metric, terms(metric, outcomes) if summed is None else summed))


def _example(run: Run, outcomes: Outcomes, window: int, loss: float) -> Example:
    truth, forecast, gap = outcomes.truth, outcomes.forecast, run.cell.task.gap
    lines = []
    for target, name in enumerate(truth.targets[:TARGETS]):
        past, actual = _past(truth, window, target, gap), _numbers(truth.values[window, :, target])
        line = Lines(name, past, actual, _numbers(forecast.mean[window, :, target]))
        if forecast.quantiles is not None:
            low, high = (_numbers(forecast.quantiles[window, :, target, i]) for i in (0, -1))
            line = replace(line, low=low, high=high)
        lines.append(line)
    levels = None if forecast.quantiles is None else (forecast.quantile_levels[0], forecast.quantile_levels[-1])
    time = attempt(partial(truth.last_known, window)) if truth.freq is not None else None
    known = "" if time is None or isinstance(time, Failure) else str(time)[:16].removesuffix("T00:00")
    series, cutoff = truth.ids[int(truth.series[window])], int(truth.cutoffs[window])
    return Example(str(series), cutoff, known, loss, tuple(lines), levels, gap)


def _past(truth: Actuals, window: int, target: int, gap: int) -> Numbers:
    """Up to two horizons before a window's first step, as far as other windows of its series show them."""
    horizon = truth.values.shape[1]
    first = int(truth.cutoffs[window]) + gap
    begins = truth.cutoffs + gap
    others = (truth.series == truth.series[window]) & (begins < first) & (begins > first - (PAST + 1) * horizon)
    past = np.full(PAST * horizon, np.nan)
    for other in np.flatnonzero(others):
        place = int(begins[other]) - first + len(past)  # of its first step
        shown = slice(max(place, 0), min(place + horizon, len(past)))
        past[shown] = truth.values[other, shown.start - place : shown.stop - place, target]
    known = np.flatnonzero(np.isfinite(past))
    return _numbers(past[known[0] :]) if len(known) else ()


def _numbers(values: Floats) -> Numbers:
    return tuple(np.asarray(values, dtype=np.float64).tolist())
