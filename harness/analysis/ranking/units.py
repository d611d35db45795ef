"""Resampling units: the series or cutoffs of a task that are treated as independent, and a metric's sums in each.

Windows of one series are not independent of each other, nor are series at one cutoff. Where a task has many
series, each series is a unit, with all of its windows. Where it has few, each cutoff is a unit, with all series at
it; cutoffs are resampled in blocks where their forecasts overlap: where there are fewer steps from cutoff to cutoff
than in the horizon and the gap before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.analysis.statistics.resampling import Stratum, block_length
from harness.arrays import Floats, Ints, mean_known, ratio
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.scoring import Terms, by_window
from harness.tasks.task import Task

MIN_SERIES = 10  # from so many on, series are the units
MAX_NUMBERS = 20_000_000  # in memory at a time


@dataclass(frozen=True, eq=False)
class Units:
    """The unit of each window of a task."""

    kind: Literal["series", "cutoffs"]
    of_window: Ints  # (window,)
    count: int
    overlap: int  # number of consecutive units whose forecasts overlap; 1 where none do

    @classmethod
    def of(cls, actuals: Actuals, task: Task) -> Units:
        """Series where there are many, or only one cutoff; otherwise cutoffs."""
        series, series_index = np.unique(actuals.series, return_inverse=True)
        cutoffs = int(actuals.cutoff_index.max()) + 1
        if len(series) >= MIN_SERIES or cutoffs == 1:
            return cls("series", series_index.astype(np.int64), len(series), 1)
        return cls("cutoffs", actuals.cutoff_index.astype(np.int64), cutoffs, task.protocol.overlap)

    def stratum(self, count: int) -> Stratum:
        """A bootstrap stratum of so many of them."""
        return Stratum(count, block_length(count, self.overlap))


@dataclass(frozen=True, eq=False)
class UnitSums:
    """A metric's sums in each unit, from which the score of any resample is computed.

    Where a group over which the metric divides lies in one unit, the group's score is itself the numerator, and
    there is one group and one target.
    """

    numerators: Floats  # (unit, group, target, cell)
    denominators: Floats
    root: bool  # whether the metric is the square root of the ratio

    def __len__(self) -> int:
        return len(self.numerators)

    @property
    def nonempty(self) -> UnitSums:
        """The sums of the units with any defined loss; resampling the others would not change a score."""
        kept = ((self.denominators != 0) | (self.numerators != 0)).any(axis=(1, 2, 3))
        return self if kept.all() else UnitSums(self.numerators[kept], self.denominators[kept], self.root)

    def scores(self, weights: Floats) -> Floats:
        """The scores of all cells, (sample, cell), each unit weighted by the (sample, unit) `weights`."""
        step = max(1, MAX_NUMBERS // max(self.numerators[0].size, 1))
        return np.concatenate([self._weighted_scores(weights[i : i + step]) for i in range(0, len(weights), step)])

    def _weighted_scores(self, weights: Floats) -> Floats:
        with np.errstate(over="ignore"):  # an overflow is infinite, and clipped later
            numerators, denominators = (
                np.tensordot(weights, sums, axes=1) for sums in (self.numerators, self.denominators)
            )
        return self._scores_of(numerators, denominators)

    def _scores_of(self, numerators: Floats, denominators: Floats) -> Floats:
        ratios = ratio(numerators, denominators)
        if self.root:
            ratios = np.sqrt(ratios)
        return mean_known(mean_known(ratios, axis=2), axis=1)

    def losses(self) -> Floats:
        """The contribution of each unit to the score, (unit, cell): their mean is the score, before its square root."""
        share = self.denominators.mean(axis=0)
        return mean_known(mean_known(ratio(self.numerators, share), axis=2), axis=1)

    def leave_one_out_scores(self) -> Floats:
        """The scores of all cells without each unit in turn, (unit, cell): the jackknife's."""
        numerators, denominators = (sums.sum(axis=0) - sums for sums in (self.numerators, self.denominators))
        return self._scores_of(numerators, denominators)


def unit_sums(metric: Metric, terms: Terms, actuals: Actuals, units: Units) -> UnitSums:
    """The sums of (cell, window, target) terms over each unit, by the metric's own aggregation."""
    if metric.aggregation == "pooled":
        sums = [_sums_by_unit(values.sum(axis=2).T, units.of_window, units.count) for values in _both(terms)]
        return UnitSums(sums[0][:, None, None], sums[1][:, None, None], metric.root)
    if metric.aggregation == "window":
        return _sums_of_scores(by_window(metric, terms).T, units.of_window, units.count)
    groups = actuals.series if metric.aggregation == "series" else actuals.cutoff_index
    names, group_index = np.unique(groups, return_inverse=True)
    if (metric.aggregation == "series") == (units.kind == "series"):  # each group lies in one unit
        sums = [_sums_by_unit(np.moveaxis(values, 1, 0), group_index, len(names)) for values in _both(terms)]
        unit_of_group = np.zeros(len(names), dtype=np.int64)
        unit_of_group[group_index] = units.of_window
        group_terms = Terms(np.moveaxis(sums[0], 0, 1), np.moveaxis(sums[1], 0, 1))
        return _sums_of_scores(by_window(metric, group_terms).T, unit_of_group, units.count)
    numerators, denominators = (
        _sums_by_unit(np.moveaxis(values, 1, 0), units.of_window * len(names) + group_index, units.count * len(names))
        .reshape(units.count, len(names), *values.shape[:1], *values.shape[2:])
        .swapaxes(2, 3)
        for values in _both(terms)
    )
    return UnitSums(numerators, denominators, metric.root)


def _sums_of_scores(scores: Floats, unit_of: Ints, count: int) -> UnitSums:
    """Sums of the scores of groups, (group, cell), each of which lies in one unit."""
    known = ~np.isnan(scores)
    numerators = _sums_by_unit(np.where(known, scores, 0.0), unit_of, count)
    denominators = _sums_by_unit(known.astype(np.float64), unit_of, count)
    return UnitSums(numerators[:, None, None], denominators[:, None, None], root=False)


def _both(terms: Terms) -> tuple[Floats, Floats]:
    return terms.numerators, terms.denominators


def _sums_by_unit(values: Floats, units: Ints, count: int) -> Floats:
    """Sums over the first axis by unit, (unit, …).

    Not `arrays.sums_by_group`, whose order of additions gives another last digit: seeded resamples must repeat.
    """
    order = np.argsort(units, kind="stable")
    present, starts = np.unique(units[order], return_index=True)
    sums: Floats = np.zeros((count, *values.shape[1:]))
    sums[present] = np.add.reduceat(values[order], starts, axis=0)
    return sums
