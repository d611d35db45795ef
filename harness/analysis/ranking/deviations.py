"""What each window adds to the deviation of a score from its expectation: the input of clustered variances."""

from __future__ import annotations

import numpy as np

from harness.analysis.ranking.units import Units
from harness.arrays import Floats, Ints, mean_known, ratio
from harness.evaluation.metrics import Metric
from harness.evaluation.scoring import Terms


def linearised_scores(metric: Metric, terms: Terms, units: Units) -> tuple[Floats, Floats]:
    """The score of each cell, (cell,), and its deviation by window, (window, cell), whose sum over windows is zero.

    `terms` are (cell, window, target). A score is the mean over groups of windows, and over targets, of ratios n / d of
    sums: a window deviates within its group by (n − r d) / d, and takes part in the deviation of the group from the
    mean by its share of d (the linearisation of a ratio: Cochran 1977, section 6.4).
    """
    numerators, denominators = np.moveaxis(terms.numerators, 1, 0), np.moveaxis(terms.denominators, 1, 0)
    if metric.aggregation == "pooled":
        numerators, denominators = (values.sum(axis=2, keepdims=True) for values in (numerators, denominators))
    groups = _groups(metric, units)
    count = int(groups.max(initial=-1)) + 1
    total = _sums(denominators, groups, count)  # (group, cell, target)
    ratios = ratio(_sums(numerators, groups, count), total)
    values = np.sqrt(ratios) if metric.root else ratios
    known = ~np.isnan(ratios)
    targets = np.maximum(known.sum(axis=2, keepdims=True), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(known, (0.5 / values if metric.root else 1.0) / (total * targets), 0.0)
        shares = np.where(known, 1 / (total * targets), 0.0)
    slopes = np.where(np.isfinite(slopes), slopes, 0.0)
    ratios = np.where(known, ratios, 0.0)
    within = ((numerators - ratios[groups] * denominators) * slopes[groups]).sum(axis=2)
    by_group = mean_known(values, axis=2)
    scores = mean_known(by_group, axis=0)
    deviation = by_group - scores
    between = np.where(np.isnan(deviation), 0.0, deviation)[groups] * (denominators * shares[groups]).sum(axis=2)
    return scores, (within + between) / np.maximum((~np.isnan(by_group)).sum(axis=0), 1)


def by_series_and_cutoff(deviations: Floats, units: Units) -> Floats:
    """(window, …) deviations as (series, cutoff, …); zero where a series has no window at a cutoff."""
    cells = np.zeros((units.series_count, units.cutoff_count, *deviations.shape[1:]))
    np.add.at(cells, (units.series, units.cutoffs), deviations)
    return cells


def _groups(metric: Metric, units: Units) -> Ints:
    """The group of each window in whose score it is."""
    if metric.aggregation == "pooled":
        return np.zeros(len(units.series), dtype=np.int64)
    if metric.aggregation == "window":
        return np.arange(len(units.series))
    return units.series if metric.aggregation == "series" else units.cutoffs


def _sums(values: Floats, groups: Ints, count: int) -> Floats:
    sums = np.zeros((count, *values.shape[1:]))
    np.add.at(sums, groups, values)
    return sums
