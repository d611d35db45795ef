"""Scales of errors: the seasonal error of each window's history, and the standard deviation of its training part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from harness.arrays import Bools, Floats, Ints
from harness.data.panel import Panel
from harness.tasks.folds import Backtest
from harness.tasks.windows import Windows

MOST_ROWS = 10_000_000  # whose differences are held at a time
ROUNDING = 1e-12  # relative to the size of the values: a difference that is not larger is rounding


def seasonal_error(windows: Windows, power: int) -> Floats:
    """Mean of |y_t − y_{t−m}|^power up to each window's cutoff, (window, target).

    NaN where it is zero but for rounding, relative to the mean of |y_t| up to the cutoff. Sums run from
    cutoff to cutoff within a series: one over the whole panel would lose digits.
    """
    panel, season = windows.panel, windows.season_length
    order = np.lexsort((windows.cutoffs, windows.series))
    series, cutoffs = windows.series[order], windows.cutoffs[order]
    firsts = panel.offsets[series]
    ends = firsts + np.maximum(cutoffs - season, 0)  # of the differences, which begin `season` rows later
    new = np.concatenate([[True], np.diff(series) != 0])
    begins = np.where(new, firsts, np.concatenate([[0], ends[:-1]]))
    means = np.empty((len(windows), len(panel.targets)))
    for target, values in enumerate(panel.target_values.T):
        for part in _parts(series, panel.offsets):
            first, last = panel.offsets[series[part.start]], panel.offsets[series[part.stop - 1] + 1]
            rows, bounds = values[first:last], (begins[part] - first, ends[part] - first)
            totals, counts = _totals(rows, season, power, bounds, new[part])
            with np.errstate(divide="ignore", invalid="ignore"):
                means[order[part], target] = totals / counts
    return _without_rounding(means, power, windows)


def _parts(series: Ints, offsets: Ints) -> list[slice]:
    """Windows, sorted by series, in parts of whole series whose rows are not too many to be held several times."""
    rows = offsets[series + 1] - offsets[0]
    borders = [0]
    while borders[-1] < len(series):
        most = offsets[series[borders[-1]]] - offsets[0] + MOST_ROWS
        end = int(np.searchsorted(rows, most, side="right"))
        end = max(end, int(np.searchsorted(series, series[borders[-1]], side="right")))
        borders.append(end)
    return [slice(begin, end) for begin, end in pairwise(borders)]


def _totals(rows: Floats, season: int, power: int, bounds: tuple[Ints, Ints], new: Bools) -> tuple[Floats, Floats]:
    """The sum of |y_t − y_{t−m}|^power up to each cutoff, and of how many differences, each (window,)."""
    begins, ends = bounds
    errors = rows[season:] - rows[:-season]
    errors = errors * errors if power == 2 else np.abs(errors, out=errors)
    if power > 2:
        errors = errors**power
    sums = _sums_between(errors, begins, ends)
    counts = (ends - begins).astype(np.float64)
    if np.isnan(sums.sum()):
        known = ~np.isnan(errors)
        sums = _sums_between(np.where(known, errors, 0.0), begins, ends)
        counts = _sums_between(known.astype(np.float64), begins, ends)
    return _running(sums, new), _running(counts, new)


def _without_rounding(means: Floats, power: int, windows: Windows) -> Floats:
    """Means of errors, (window, target), with NaN where they are zero but for rounding."""
    panel = windows.panel
    if not means.min() > 0:
        means = np.where(means > 0, means, np.nan)
    for target, values in enumerate(panel.target_values.T):
        largest = max(values.max(), -values.min())
        if np.isnan(largest):
            largest = np.nanmax(np.abs(values), initial=0.0)
        for window in np.flatnonzero(means[:, target] <= (ROUNDING * largest) ** power):  # few, if any
            begin = panel.offsets[windows.series[window]]
            history = values[begin : begin + windows.cutoffs[window]]
            if not exceeds_rounding(means[window, target] ** (1 / power), np.nanmean(np.abs(history))):
                means[window, target] = np.nan
    return means


def exceeds_rounding(scale: Floats, size: Floats) -> Bools:
    """Whether a scale is larger than what rounding makes of values of that size."""
    return scale > ROUNDING * size


def _sums_between(values: Floats, begins: Ints, ends: Ints) -> Floats:
    """The sum of `values[begin:end]` of each pair; zero where it is empty."""
    if not len(values):
        return np.zeros(len(begins))
    borders = np.stack([begins, ends], axis=1).ravel()
    if borders.max() >= len(values):  # indices must be inside; another zero changes no sum
        values, borders = np.append(values, 0.0), np.minimum(borders, len(values))
    sums = np.add.reduceat(values, borders)[::2]
    return np.where(ends > begins, sums, 0.0)


def _running(values: Floats, new: Bools) -> Floats:
    """Running sums that start again where `new` is true."""
    starts = np.flatnonzero(new)
    if len(starts) == 1:
        return np.cumsum(values)
    lengths = np.diff(np.append(starts, len(values)))
    if (lengths == lengths[0]).all():
        return np.cumsum(values.reshape(len(starts), -1), axis=1).ravel()
    return np.concatenate([np.cumsum(part) for part in np.split(values, starts[1:])])


def training_moments(backtest: Backtest) -> tuple[Floats, Floats]:
    """Mean and deviation (ddof 0) of each window's series in the training part of its fit, (window, target)."""
    means, deviations = [], []
    for fold in backtest.folds():
        mean, deviation = _moments(fold.train.panel, backtest.panel, np.unique(fold.windows.series))
        means.append(mean[fold.windows.series])
        deviations.append(deviation[fold.windows.series])
    mean, deviation = np.concatenate(means), np.concatenate(deviations)
    return mean, np.where(exceeds_rounding(deviation, np.abs(mean)), deviation, np.nan)


def _moments(train: Panel, panel: Panel, series: Ints) -> tuple[Floats, Floats]:
    """Mean and deviation of some of a panel's series in a training part, (series, target); NaN for the others."""
    mean = np.full((len(panel), len(panel.targets)), np.nan)
    deviation = np.full_like(mean, np.nan)
    for i in series:
        position = train.positions.get(panel.ids[i])
        if position is not None:
            rows = train.target_values[train.offsets[position] : train.offsets[position + 1]]
            known = ~np.isnan(rows).all(axis=0)  # a target may begin after its training part
            mean[i, known] = np.nanmean(rows[:, known], axis=0)
            deviation[i, known] = np.nanstd(rows[:, known], axis=0)
    return mean, deviation


def without_rounding(values: Floats, sizes: Floats, series: Ints) -> Floats:
    """Non-negative values, (window, step, target), with 0 for rounding relative to the largest size of a series."""
    if exceeds_rounding(values.min(), sizes.max()):  # never so where a value is missing
        return values
    largest = np.zeros((int(series.max()) + 1, sizes.shape[-1]))
    np.fmax.at(largest, series, np.fmax.reduce(sizes, axis=1))
    return np.where(exceeds_rounding(values, largest[series][:, None]) | np.isnan(values), values, 0.0)
