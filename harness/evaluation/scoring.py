"""Forecasts and actuals → terms of metrics → scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints, mean_known, means_by_group, ratio, sums_by_group, sums_over_steps
from harness.evaluation.metric_values import check_root, losses_of, scale_of, weights_of
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes


@dataclass(frozen=True, eq=False)
class Terms:
    """A metric's sums in each window, from which all scores follow but those by horizon step."""

    numerators: Floats  # (window, target)
    denominators: Floats  # (window, target); zero where all steps are ignored
    without_scale: int = 0  # windows in which the scale of a target is undefined; not stored


def applies(metric: Metric, quantile_levels: tuple[float, ...]) -> bool:
    """Whether a task with these quantile levels can be scored by the metric."""
    return len(quantile_levels) >= metric.least_levels


def fits_targets(metric: Metric, actuals: Actuals) -> bool:
    """Whether the metric is one of targets of this kind: of numbers, of classes, or of ordered classes."""
    return metric.scores_classes == bool(actuals.categories) and (actuals.ordered or not metric.ordered)


def terms(metric: Metric, outcomes: Outcomes) -> Terms:
    """The metric's sums over the steps of each window.

    Raises InvalidMetric, and NotGiven where the forecast lacks the quantiles, or the functional, that it scores, and
    for a metric of all windows together.
    """
    outcomes = outcomes.of(metric.functional)
    losses = losses_of(metric, outcomes)
    with np.errstate(invalid="ignore"):  # of infinities of both signs
        numerators = outcomes.total(losses)
        complete = not np.isnan(numerators.sum())
    if metric.weights is None and complete:
        denominators = np.full(numerators.shape, float(losses.shape[1]))
    else:
        known = _known_terms(metric, outcomes, losses)
        with np.errstate(invalid="ignore"):
            numerators, denominators = sums_over_steps(known.numerators), sums_over_steps(known.denominators)
    check_root(metric, numerators)
    if metric.scale is None:
        return Terms(numerators, denominators)
    scale = scale_of(metric, outcomes)
    undefined = np.isnan(scale)
    if undefined.any():
        return Terms(
            np.where(undefined, 0.0, numerators / np.where(undefined, 1.0, scale)),
            np.where(undefined, 0.0, denominators),
            int(undefined.any(axis=1).sum()),
        )
    return Terms(numerators / scale, denominators)


def terms_by_step(metric: Metric, outcomes: Outcomes) -> Terms:
    """The metric's terms at each step, (window, horizon, target); zero where ignored. Raises as `terms`."""
    outcomes = outcomes.of(metric.functional)
    losses = losses_of(metric, outcomes)
    check_root(metric, losses)
    if metric.scale is not None:
        losses = losses / scale_of(metric, outcomes)[:, None]
    return _known_terms(metric, outcomes, losses)


def _known_terms(metric: Metric, outcomes: Outcomes, losses: Floats) -> Terms:
    """Losses and weights that are not NaN, both in the shape of the losses; zero where one of them is NaN."""
    weights = weights_of(metric, outcomes)
    known = ~np.isnan(losses)
    if metric.weights is not None:
        known &= ~np.isnan(weights)
    return Terms(np.where(known, losses, 0.0), np.where(known, weights, 0.0))


def score(metric: Metric, summed: Terms, actuals: Actuals) -> float:
    """The score of all windows, by the metric's own aggregation; NaN if all windows are ignored."""
    if metric.aggregation == "pooled":
        total = float(summed.denominators.sum())
        pooled = float(summed.numerators.sum()) / total if total else math.nan
        return math.sqrt(pooled) if metric.root else pooled
    if metric.aggregation != "window":
        groups = actuals.series if metric.aggregation == "series" else actuals.cutoff_index
        summed = _terms_by_group(summed, groups, int(groups.max()) + 1)
    return _mean_of_groups(by_window(metric, summed))


def distances(metric: Metric, scores: Floats, quantile_levels: tuple[float, ...]) -> Floats:
    """The distance of each score from the best, as `Metric.distance`."""
    return scores if metric.best == "lowest" else np.abs(scores - metric.best_score(quantile_levels))


def by_window(metric: Metric, summed: Terms) -> Floats:
    """A score for each window, (…, window): the mean over its targets."""
    return mean_known(_quotients(metric, summed), axis=-1)


def by_series(metric: Metric, summed: Terms, series: Ints, count: int) -> Floats:
    """A score for each series, (series,): its windows pooled, or averaged if the metric is per window."""
    if metric.aggregation == "window":
        return means_by_group(by_window(metric, summed), series, count)
    return by_window(metric, _terms_by_group(summed, series, count))


def by_step(metric: Metric, outcomes: Outcomes) -> Floats:
    """A score for each horizon step, (horizon,): windows pooled, then the mean over targets."""
    summed = terms_by_step(metric, outcomes)
    if metric.aggregation == "window":
        return mean_known(mean_known(_quotients(metric, summed), axis=0), axis=-1)
    return by_window(metric, Terms(summed.numerators.sum(axis=0), summed.denominators.sum(axis=0)))


def _terms_by_group(summed: Terms, groups: Ints, count: int) -> Terms:
    """The sums of (window, target) terms over the windows of each group, (group, target)."""
    numerators, denominators = (sums_by_group(sums, groups, count) for sums in (summed.numerators, summed.denominators))
    return Terms(numerators, denominators)


def _mean_of_groups(scores: Floats) -> float:
    """The mean over groups of the scores that are defined."""
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else float("nan")


def _quotients(metric: Metric, summed: Terms) -> Floats:
    quotients = ratio(summed.numerators, summed.denominators)
    return np.sqrt(quotients) if metric.root else quotients
