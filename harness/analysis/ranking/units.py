"""Units: what of a task counts as independent, and a metric's sums in each of them.

Windows of one series are not independent of each other, nor are series at one cutoff. Where a task has many
series, each series is a unit, with all of its windows. Where it has few, each cutoff is one, with all series at
it; cutoffs are resampled in blocks where the same surprises reach several: the steps from cutoff to cutoff are
fewer than the horizon, with the gap before it.
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

FEWEST_SERIES = 10  # from so many on, series are the units
MOST_NUMBERS = 20_000_000  # held at a time


@dataclass(frozen=True, eq=False)
class Units:
    """A task's windows by the unit that each belongs to."""

    kind: Literal["series", "cutoffs"]
    of_window: Ints  # (window,)
    count: int
    overlap: int  # so many consecutive units share steps between cutoff and end of horizon

    @classmethod
    def of(cls, actuals: Actuals, task: Task) -> Units:
        """Series where there are many, or only one cutoff; else cutoffs."""
        series, of_series = np.unique(actuals.series, return_inverse=True)
        cutoffs = int(actuals.cutoff_index.max()) + 1
        if len(series) >= FEWEST_SERIES or cutoffs == 1:
            return cls("series", of_series.astype(np.int64), len(series), 1)
        return cls("cutoffs", actuals.cutoff_index.astype(np.int64), cutoffs, task.protocol.overlap)

    def stratum(self, count: int) -> Stratum:
        """How so many of them are drawn again."""
        return Stratum(count, block_length(count, self.overlap))


@dataclass(frozen=True, eq=False)
class UnitSums:
    """A metric's sums in each unit, from which the score of any resample follows.

    Where a group over which the metric divides lies in one unit, the group's score is itself the numerator, and
    there is one group and one target.
    """

    numerators: Floats  # (unit, group, target, cell)
    denominators: Floats
    root: bool  # whether the square root of a ratio is still to be taken

    def __len__(self) -> int:
        return len(self.numerators)

    @property
    def counted(self) -> UnitSums:
        """Those of the units in which anything counts; to draw the others again would change nothing."""
        counts = ((self.denominators != 0) | (self.numerators != 0)).any(axis=(1, 2, 3))
        return self if counts.all() else UnitSums(self.numerators[counts], self.denominators[counts], self.root)

    def scores(self, weights: Floats) -> Floats:
        """The scores of all cells, (sample, cell), with each unit counted as (sample, unit) `weights` say."""
        each = self.numerators[0].size
        step = max(1, MOST_NUMBERS // max(each, 1))
        return np.concatenate([self._scores(weights[i : i + step]) for i in range(0, len(weights), step)])

    def _scores(self, weights: Floats) -> Floats:
        with np.errstate(over="ignore"):  # too much for a float is infinite, and clipped later
            numerators, denominators = (
                np.tensordot(weights, one, axes=1) for one in (self.numerators, self.denominators)
            )
        return self._of(numerators, denominators)

    def _of(self, numerators: Floats, denominators: Floats) -> Floats:
        ratios = ratio(numerators, denominators)
        if self.root:
            ratios = np.sqrt(ratios)
        return mean_known(mean_known(ratios, axis=2), axis=1)

    def losses(self) -> Floats:
        """What each unit adds to the score, (unit, cell): their mean is the score, but for a root to be taken."""
        share = self.denominators.mean(axis=0)
        return mean_known(mean_known(ratio(self.numerators, share), axis=2), axis=1)

    def without(self) -> Floats:
        """The scores of all cells without each unit in turn, (unit, cell)."""
        rest = [one.sum(axis=0) - one for one in (self.numerators, self.denominators)]
        return self._of(*rest)


def unit_sums(metric: Metric, summed: Terms, actuals: Actuals, units: Units) -> UnitSums:
    """The sums of (cell, window, target) terms over each unit, by the metric's own aggregation."""
    if metric.aggregation == "pooled":
        numerators, denominators = (_grouped(one.sum(axis=2).T, units.of_window, units.count) for one in _both(summed))
        return UnitSums(numerators[:, None, None], denominators[:, None, None], metric.root)
    if metric.aggregation == "window":
        return _of_scores(by_window(metric, summed).T, units.of_window, units.count)
    groups = actuals.series if metric.aggregation == "series" else actuals.cutoff_index
    names, of_window = np.unique(groups, return_inverse=True)
    if (metric.aggregation == "series") == (units.kind == "series"):  # a group lies in one unit
        sums = Terms(*(_grouped(np.moveaxis(one, 1, 0), of_window, len(names)) for one in _both(summed)))
        unit_of_group = np.zeros(len(names), dtype=np.int64)
        unit_of_group[of_window] = units.of_window
        swapped = Terms(np.moveaxis(sums.numerators, 0, 1), np.moveaxis(sums.denominators, 0, 1))
        return _of_scores(by_window(metric, swapped).T, unit_of_group, units.count)
    place = units.of_window * len(names) + of_window
    numerators, denominators = (
        _grouped(np.moveaxis(one, 1, 0), place, units.count * len(names)).reshape(
            units.count, len(names), *one.shape[:1], *one.shape[2:]
        )
        for one in _both(summed)
    )
    return UnitSums(np.swapaxes(numerators, 2, 3), np.swapaxes(denominators, 2, 3), metric.root)


def _of_scores(scores: Floats, unit_of: Ints, count: int) -> UnitSums:
    """Sums of the scores of groups, (group, cell), each of which lies in one unit."""
    known = ~np.isnan(scores)
    numerators = _grouped(np.where(known, scores, 0.0), unit_of, count)
    denominators = _grouped(known.astype(np.float64), unit_of, count)
    return UnitSums(numerators[:, None, None], denominators[:, None, None], root=False)


def _both(summed: Terms) -> tuple[Floats, Floats]:
    return summed.numerators, summed.denominators


def _grouped(values: Floats, groups: Ints, count: int) -> Floats:
    """Sums over the first axis by group, (group, …)."""
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    sums: Floats = np.zeros((count, *values.shape[1:]))
    sums[present] = np.add.reduceat(values[order], starts, axis=0)
    return sums
