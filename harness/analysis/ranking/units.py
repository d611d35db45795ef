"""Resampling units: the series and cutoffs of a task that are treated as independent, and a metric's sums in each.

Windows of one series are not independent of each other, nor are series at one cutoff. Where a task has many series and
several cutoffs, both are units, and a window belongs to one of each. Where it has many series at few cutoffs, each
series is a unit, with all of its windows, and conclusions are about these cutoffs only. Where it has few series, each
cutoff is a unit, with all series at it. Cutoffs are resampled in blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.analysis.statistics.resampling import Stratum, block_length
from harness.arrays import Bools, Floats, Ints, mean_known, ratio
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.scoring import Terms, by_window
from harness.tasks.task import Task

MIN_SERIES = 10  # from so many on, series are units
MIN_CUTOFFS = 5  # blocks of cutoffs; from so many on, cutoffs are units too where series are
MAX_NUMBERS = 20_000_000  # in memory at a time
DENSEST = 2  # combinations of series and cutoffs for each window, up to which those without one may be summed too
Kind = Literal["series", "cutoffs", "series and cutoffs"]


@dataclass(frozen=True, eq=False)
class Units:
    """The units of each window of a task: its series, its cutoff, or both."""

    kind: Kind
    series: Ints  # (window,), positions among the series that have windows
    cutoffs: Ints  # (window,)
    overlap: int = 1  # number of consecutive cutoffs whose forecasts overlap; 1 where none do
    windows: Ints | None = None  # (2, window) series and cutoff in the dataset; None where they are not known

    @classmethod
    def of(cls, actuals: Actuals, task: Task, known: Bools | None = None) -> Units:
        """The units of the windows that are `known`, (window,), by default of all."""
        kept = slice(None) if known is None else known
        series = np.unique(actuals.series[kept], return_inverse=True)[1]
        cutoffs = np.unique(actuals.cutoff_index[kept], return_inverse=True)[1]
        windows = np.stack([actuals.series[kept], actuals.cutoffs[kept]])
        units = cls("cutoffs", series.astype(np.int64), cutoffs.astype(np.int64), task.protocol.overlap, windows)
        if units.series_count < MIN_SERIES and units.cutoff_count > 1:
            return units
        crossed = units.series_count >= MIN_SERIES and units.cutoff_stratum.blocks >= MIN_CUTOFFS
        return replace(units, kind="series and cutoffs" if crossed else "series")

    def equal(self, other: Units) -> bool:
        """Whether these are the same units of the same dataset: the same windows, which overlap alike."""
        if self.windows is None or other.windows is None:
            return False
        same = (self.kind, self.overlap) == (other.kind, other.overlap)
        return same and np.array_equal(self.windows, other.windows)

    @property
    def series_count(self) -> int:
        """The number of series."""
        return int(self.series.max(initial=-1)) + 1

    @property
    def cutoff_count(self) -> int:
        """The number of cutoffs."""
        return int(self.cutoffs.max(initial=-1)) + 1

    @property
    def series_stratum(self) -> Stratum:
        """The series, as a stratum of a bootstrap."""
        return Stratum(self.series_count)

    @property
    def cutoff_stratum(self) -> Stratum:
        """The cutoffs, as a stratum of a bootstrap."""
        return Stratum(self.cutoff_count, block_length(self.cutoff_count, self.overlap), self.overlap > 1)

    @property
    def strata(self) -> tuple[Stratum, ...]:
        """The strata of a bootstrap: one, or that of series and that of cutoffs."""
        series = () if self.kind == "cutoffs" else (self.series_stratum,)
        return series if self.kind == "series" else (*series, self.cutoff_stratum)

    @property
    def unit_overlap(self) -> int:
        """The number of consecutive units whose forecasts overlap: 1 where series are the units."""
        return self.overlap if self.kind == "cutoffs" else 1

    @property
    def independent(self) -> float:
        """The effective number of independent units: of the fewer, where there are two kinds."""
        return min(stratum.independent for stratum in self.strata)

    @property
    def of_window(self) -> Ints:
        """The unit of each window, (window,); the window itself where there are two kinds."""
        if self.kind == "series and cutoffs":
            return np.arange(len(self.series))
        return self.series if self.kind == "series" else self.cutoffs

    @property
    def count(self) -> int:
        """The number of units in `of_window`."""
        return int(self.of_window.max(initial=-1)) + 1


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

    def scores(self, weights: Floats, group_weights: Floats | None = None) -> Floats:
        """The scores of all cells, (sample, cell), each unit weighted by the (sample, unit) `weights`.

        `group_weights`, (sample, group), are those of the groups, by default all the same.
        """
        step = max(1, MAX_NUMBERS // max(self.numerators[0].size, 1))
        parts = [slice(i, i + step) for i in range(0, len(weights), step)]
        return np.concatenate(
            [self._weighted_scores(weights[i], None if group_weights is None else group_weights[i]) for i in parts]
        )

    def _weighted_scores(self, weights: Floats, group_weights: Floats | None) -> Floats:
        with np.errstate(over="ignore"):  # an overflow is infinite, and clipped later
            numerators, denominators = (
                np.tensordot(weights, sums, axes=1) for sums in (self.numerators, self.denominators)
            )
        return self.scores_of(numerators, denominators, group_weights)

    def scores_of(self, numerators: Floats, denominators: Floats, group_weights: Floats | None = None) -> Floats:
        """The scores of all cells, (sample, cell), from sums over units, (sample, group, target, cell)."""
        ratios = ratio(numerators, denominators)
        if self.root:
            ratios = np.sqrt(ratios)
        by_group = mean_known(ratios, axis=2)
        if group_weights is None:
            return mean_known(by_group, axis=1)
        weights = np.where(np.isnan(by_group), 0.0, group_weights[..., None])
        return ratio((weights * np.where(np.isnan(by_group), 0.0, by_group)).sum(axis=1), weights.sum(axis=1))

    def losses(self) -> Floats:
        """The contribution of each unit to the score, (unit, cell): their mean is the score, before its square root."""
        share = self.denominators.mean(axis=0)
        return mean_known(mean_known(ratio(self.numerators, share), axis=2), axis=1)


def unit_sums(metric: Metric, terms: Terms, units: Units) -> UnitSums:
    """The sums of (cell, window, target) terms over each unit, by the metric's own aggregation.

    Where series and cutoffs are units, the sums are over those of the two over which the metric does not average,
    within each group over which it does; a metric that averages over neither has the windows as units.
    """
    if metric.aggregation == "pooled":
        sums = [_sums_by_unit(values.sum(axis=2).T, units.of_window, units.count) for values in _both(terms)]
        return UnitSums(sums[0][:, None, None], sums[1][:, None, None], metric.root)
    if metric.aggregation == "window":
        return _sums_of_scores(by_window(metric, terms).T, units.of_window, units.count)
    by_series = metric.aggregation == "series"
    groups, others = (units.series, units.cutoffs) if by_series else (units.cutoffs, units.series)
    if units.kind == ("series" if by_series else "cutoffs"):  # each group lies in one unit
        count = units.count
        sums = [_sums_by_unit(np.moveaxis(values, 1, 0), groups, count) for values in _both(terms)]
        group_terms = Terms(np.moveaxis(sums[0], 0, 1), np.moveaxis(sums[1], 0, 1))
        return _sums_of_scores(by_window(metric, group_terms).T, np.arange(count), count)
    group_count, count = int(groups.max(initial=-1)) + 1, int(others.max(initial=-1)) + 1
    numerators, denominators = (
        _sums_by_unit(np.moveaxis(values, 1, 0), others * group_count + groups, count * group_count)
        .reshape(count, group_count, *values.shape[:1], *values.shape[2:])
        .swapaxes(2, 3)
        for values in _both(terms)
    )
    return UnitSums(numerators, denominators, metric.root)


def resampled_scores(sums: UnitSums, units: Units, metric: Metric, weights: Sequence[Floats]) -> Floats:
    """The scores of all cells, (sample, cell), in resamples; `weights`, (sample, unit), of each of `units.strata`.

    Where series and cutoffs are resampled, independently, a window is weighted by the product; Owen (2007).
    """
    if len(weights) == 1:
        return sums.scores(weights[0])
    series, cutoffs = weights
    if metric.aggregation == "series":
        return sums.scores(cutoffs, series)
    if metric.aggregation == "cutoff":
        return sums.scores(series, cutoffs)
    if units.series_count * units.cutoff_count <= DENSEST * len(units.series):
        return _scores_of_grid(sums, units, series, cutoffs)
    step = max(1, MAX_NUMBERS // len(units.series))
    parts = [slice(i, i + step) for i in range(0, len(series), step)]
    return np.concatenate([sums.scores(series[i][:, units.series] * cutoffs[i][:, units.cutoffs]) for i in parts])


def _scores_of_grid(sums: UnitSums, units: Units, series: Floats, cutoffs: Floats) -> Floats:
    """The scores of all cells, (sample, cell), from sums in each window, of series of which most have each cutoff.

    A sum of windows, weighted by the products, is a sum over series and then one over cutoffs.
    """
    cell, shape = units.series * units.cutoff_count + units.cutoffs, sums.numerators.shape[1:]
    grids = [
        _sums_by_unit(each, cell, units.series_count * units.cutoff_count).reshape(units.series_count, -1)
        for each in (sums.numerators, sums.denominators)
    ]
    step = max(1, MAX_NUMBERS // max(grids[0].shape[1], 1))
    parts = []
    with np.errstate(over="ignore"):  # an overflow is infinite, and clipped later
        for i in range(0, len(series), step):
            by_cutoff = [(series[i : i + step] @ grid).reshape(-1, units.cutoff_count, *shape) for grid in grids]
            totals = [np.einsum("sk,sk...->s...", cutoffs[i : i + step], each) for each in by_cutoff]
            parts.append(sums.scores_of(*totals))
    return np.concatenate(parts)


def known_windows(terms: Terms) -> Bools:
    """Whether a window has any defined loss, (window,); resampling the others would not change a score."""
    defined: Bools = ((terms.numerators != 0) | (terms.denominators != 0)).any(axis=(0, 2))
    return defined


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
