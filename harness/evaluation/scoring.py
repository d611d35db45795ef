"""Forecasts and actuals → scores, whenever a metric is wanted; no model runs here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes


@dataclass(frozen=True, eq=False)
class Terms:
    """What a metric sums in every window; enough for every score but those by horizon step."""

    numerators: Floats  # (window, target)
    denominators: Floats  # (window, target); zero where nothing counts


def applies(metric: Metric, quantile_levels: tuple[float, ...]) -> bool:
    """Whether a task with these quantile levels can be scored by the metric."""
    return bool(quantile_levels) or not metric.quantiles


def terms(metric: Metric, outcomes: Outcomes) -> Terms:
    """The metric's sums over the steps of each window."""
    losses = metric.losses(outcomes)
    numerators = outcomes.total(losses)
    if metric.weights is None and not np.isnan(numerators.sum()):
        denominators = np.full(numerators.shape, float(losses.shape[1]))
    else:
        counted = ~np.isnan(losses)
        numerators = np.where(counted, losses, 0.0).sum(axis=1)
        weights = counted if metric.weights is None else np.where(counted, metric.weights(outcomes), 0.0)
        denominators = weights.sum(axis=1, dtype=np.float64)
    if metric.scale is None:
        return Terms(numerators, denominators)
    scale = metric.scale(outcomes)
    undefined = np.isnan(scale)
    if undefined.any():
        return Terms(
            np.where(undefined, 0.0, numerators / np.where(undefined, 1.0, scale)),
            np.where(undefined, 0.0, denominators),
        )
    return Terms(numerators / scale, denominators)


def score(metric: Metric, summed: Terms, actuals: Actuals) -> float:
    """One number for all windows, by the metric's own aggregation; NaN if nothing counts."""
    if metric.aggregation == "pooled":
        counted = float(summed.denominators.sum())
        pooled = float(summed.numerators.sum()) / counted if counted else math.nan
        return math.sqrt(pooled) if metric.root else pooled
    if metric.aggregation == "window":
        return _mean_of_groups(_quotients(metric, summed.numerators, summed.denominators))
    groups = actuals.series if metric.aggregation == "series" else actuals.cutoff_index
    count = int(groups.max()) + 1
    sums = (_grouped(one, groups, count) for one in (summed.numerators, summed.denominators))
    return _mean_of_groups(_quotients(metric, *sums))


def distances(metric: Metric, scores: Floats, quantile_levels: tuple[float, ...]) -> Floats:
    """How far each score is from the best, as `Metric.distance` says of one."""
    if metric.best == "lowest":
        return scores
    return np.abs(scores - (quantile_levels[-1] - quantile_levels[0] if metric.best == "nominal" else 0.0))


def by_window(metric: Metric, summed: Terms) -> Floats:
    """A score for each window, (…, window): the mean over its targets."""
    return _over_targets(_quotients(metric, summed.numerators, summed.denominators))


def by_series(metric: Metric, summed: Terms, series: Ints, count: int) -> Floats:
    """A score for each series, (series,): its windows pooled, or averaged if the metric is per window."""
    if metric.aggregation == "window":
        scores = by_window(metric, summed)
        known = ~np.isnan(scores)
        totals = np.bincount(series[known], weights=scores[known], minlength=count)
        numbers = np.bincount(series[known], minlength=count).astype(np.float64)
        return Outcomes.ratio(totals.astype(np.float64), numbers)
    numerators, denominators = (_grouped(one, series, count) for one in (summed.numerators, summed.denominators))
    return _over_targets(_quotients(metric, numerators, denominators))


def by_step(metric: Metric, outcomes: Outcomes) -> Floats:
    """A score for each horizon step, (horizon,): windows pooled, then the mean over targets."""
    losses = metric.losses(outcomes)
    if metric.scale is not None:
        losses = losses / metric.scale(outcomes)[:, None]
    counted = ~np.isnan(losses)
    numerators = np.where(counted, losses, 0.0)
    weights = counted.astype(float) if metric.weights is None else np.where(counted, metric.weights(outcomes), 0.0)
    if metric.aggregation == "window":
        quotients = _quotients(metric, numerators, weights)
        known = ~np.isnan(quotients)
        totals, numbers = np.where(known, quotients, 0.0).sum(axis=0), known.sum(axis=0).astype(float)
        return _over_targets(Outcomes.ratio(totals, numbers))
    return _over_targets(_quotients(metric, numerators.sum(axis=0), weights.sum(axis=0)))


def _mean_of_groups(ratios: Floats) -> float:
    """The mean over targets, then over groups; what is undefined counts for nothing."""
    means = _over_targets(ratios)
    known = means[~np.isnan(means)]
    return float(known.mean()) if len(known) else float("nan")


def _grouped(values: Floats, groups: Ints, count: int) -> Floats:
    return np.stack([np.bincount(groups, weights=column, minlength=count) for column in values.T], axis=1)


def _quotients(metric: Metric, numerators: Floats, denominators: Floats) -> Floats:
    quotients = Outcomes.ratio(numerators, denominators)
    return np.sqrt(quotients) if metric.root else quotients


def _over_targets(values: Floats) -> Floats:
    """The mean over the last axis of what is defined."""
    if values.shape[-1] == 1:
        return np.asarray(values[..., 0])
    known = ~np.isnan(values)
    return Outcomes.ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
