"""What a board's page shows beyond its standings: errors by step of the horizon, and forecasts with their actuals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from harness.arrays import Floats, Ints, mean_known
from harness.data.panel import Panel
from harness.errors import Failure, attempt
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import by_step, by_window, terms
from harness.report.page.classes import ClassSummary, class_summary
from harness.report.page.past import Histories, past_of
from harness.results.journal import Journal
from harness.results.stored_plan import StoredCell, StoredPlan

MAX_TARGETS = 3  # of a window
FALLBACK = "MAE"  # the loss of a window if the metric has none for a single window
CLASS_FALLBACK = "log loss"  # of categorical targets
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Lines:
    """One target of a window, step by step; NaN where a value is unknown."""

    target: str
    past: Numbers  # up to two horizons before the first step, the last of them just before it
    actual: Numbers  # (horizon,), as all that follow
    mean: Numbers
    low: Numbers = ()  # the outermost quantiles; empty for a point forecast
    high: Numbers = ()
    categories: tuple[str, ...] = ()  # of a categorical target, of which `mean` has the most probable classes


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
    classes: Mapping[str, Mapping[str, ClassSummary]] = field(default_factory=dict)  # of categorical targets


def find_examples(
    plan: StoredPlan, journal: Journal, metric: Metric | None, forecasters: Collection[str] | None = None
) -> Examples:
    """The examples of a board by a metric; without one there are no errors by step.

    Those of some `forecasters`, by default of all. A cell that did not complete, or whose files are lost or damaged,
    is left out.
    """
    steps: dict[str, dict[str, Numbers]] = {}
    examples: dict[str, dict[str, tuple[Example, ...]]] = {}
    classes: dict[str, dict[str, ClassSummary]] = {}
    histories = Histories(journal.home)
    for task, cells in plan.by_task.items():
        actuals: dict[str, Actuals] = {}
        by_forecaster: dict[str, list[StoredCell]] = {}
        for cell in cells:
            if forecasters is None or cell.forecaster in forecasters:
                by_forecaster.setdefault(cell.forecaster, []).append(cell)
        for forecaster, seeds in by_forecaster.items():
            found = _cell_examples(seeds, journal, actuals, metric, histories)
            if found.curve:
                steps.setdefault(task, {})[forecaster] = found.curve
            if found.windows:
                examples.setdefault(task, {})[forecaster] = found.windows
            if found.classes is not None:
                classes.setdefault(task, {})[forecaster] = found.classes
    if metric is None:
        return Examples(plan.metric, FALLBACK, examples=examples, classes=classes)
    return Examples(metric.name, _window_loss(metric), steps, examples, classes)


def _window_loss(metric: Metric) -> str:
    """The name of the loss by which the windows are chosen."""
    if metric.scores_classes:
        return metric.name if _has_window_losses(metric) else CLASS_FALLBACK
    return FALLBACK if metric.best == "nominal" else metric.name


def _has_window_losses(metric: Metric) -> bool:
    """Whether a metric of classes has losses of which the lowest is best."""
    return metric.best == "lowest" and metric.overall is None


@dataclass(frozen=True)
class _CellExamples:
    """The error by step, averaged over seeds, and the windows and the classes of the first seed."""

    curve: Numbers = ()
    windows: tuple[Example, ...] = ()
    classes: ClassSummary | None = None


def _cell_examples(
    seeds: Sequence[StoredCell],
    journal: Journal,
    actuals: dict[str, Actuals],
    metric: Metric | None,
    histories: Histories,
) -> _CellExamples:
    """The examples of a forecaster on a task; what there is not is empty."""
    curves: list[Floats] = []
    windows: tuple[Example, ...] = ()
    classes: ClassSummary | None = None
    for cell in seeds:
        found = attempt(partial(_read, cell, journal, actuals))
        if isinstance(found, Failure) or found is None:
            continue
        curve = None if metric is None else attempt(partial(by_step, metric, found[1]))
        if isinstance(curve, np.ndarray):
            curves.append(curve)
        if not windows:
            chosen = attempt(partial(_best_and_worst, *found, metric, histories.of(cell.fingerprint)))
            windows = () if isinstance(chosen, Failure) else chosen
            summary = attempt(partial(class_summary, found[1]))
            classes = None if isinstance(summary, Failure) else summary
    return _CellExamples(_numbers(np.mean(curves, axis=0)) if curves else (), windows, classes)


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


def _best_and_worst(run: Run, outcomes: Outcomes, metric: Metric | None, panel: Panel | None) -> tuple[Example, ...]:
    """The windows of the least and of the greatest loss; a single one if there is no other, none without losses."""
    losses = _losses(run, outcomes, metric)
    order = np.argsort(losses, kind="stable")[: int(np.isfinite(losses).sum())]
    windows = [int(order[0]), int(order[-1])] if len(order) else []
    return tuple(_example(run, outcomes, window, float(losses[window]), panel) for window in dict.fromkeys(windows))


def _losses(run: Run, outcomes: Outcomes, metric: Metric | None) -> Floats:
    """The loss of each window, (window,): the absolute error if the metric has no best value for a single window."""
    if outcomes.forecast.probabilities is not None and (metric is None or not _has_window_losses(metric)):
        return mean_known(mean_known(outcomes.classes.log_loss, axis=1), axis=1)
    if metric is None or metric.best == "nominal":
        errors = outcomes.of("median").absolute_error
        known = np.isfinite(errors)
        sums = np.where(known, errors, 0.0).sum(axis=(1, 2))
        return Outcomes.ratio(sums, known.sum(axis=(1, 2)).astype(np.float64))
    summed = run.results.terms.get(metric.name) if run.results is not None else None
    return np.abs(by_window(metric, terms(metric, outcomes) if summed is None else summed))


def _example(run: Run, outcomes: Outcomes, window: int, loss: float, panel: Panel | None) -> Example:
    actuals, forecast, gap = outcomes.truth, outcomes.forecast, run.cell.task.gap
    point = forecast.mean if forecast.probabilities is None else outcomes.classes.predicted
    lines = []
    for target, name in enumerate(actuals.targets[:MAX_TARGETS]):
        past = _numbers(past_of(actuals, window, target, gap, panel))
        actual, mean = (_numbers(values[window, :, target]) for values in (actuals.values, point))
        line = Lines(name, past, actual, mean, categories=(actuals.categories or ((),) * len(actuals.targets))[target])
        if forecast.quantiles is not None and forecast.quantile_levels:
            low, high = (_numbers(forecast.quantiles[window, :, target, i]) for i in (0, -1))
            line = replace(line, low=low, high=high)
        lines.append(line)
    levels = (forecast.quantile_levels[0], forecast.quantile_levels[-1]) if forecast.quantile_levels else None
    time = attempt(partial(actuals.last_known, window)) if actuals.freq is not None else None
    cutoff_time = "" if time is None or isinstance(time, Failure) else str(time)[:16].removesuffix("T00:00")
    series, cutoff = actuals.ids[int(actuals.series[window])], int(actuals.cutoffs[window])
    return Example(str(series), cutoff, cutoff_time, loss, tuple(lines), levels, gap)


def _numbers(values: Floats | Ints) -> Numbers:
    return tuple(np.asarray(values, dtype=np.float64).tolist())
