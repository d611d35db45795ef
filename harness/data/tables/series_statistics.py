"""Statistics of many series at once: classes of demand, quartiles, and a test of autocorrelation."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, Ints

INTERVAL, VARIATION = 1.32, 0.49  # the borders of Syntetos, Boylan & Croston (2005), of p and CV²


def demand_classes(target: Floats, offsets: Ints) -> list[str]:
    """The class of each series: smooth, erratic, intermittent or lumpy; empty for one without positive values.

    The classes differ in the mean interval between positive values, with the border 1.32, and in the squared
    coefficient of variation of these values, with the border 0.49 (A. Syntetos, J. Boylan and J. Croston, On the
    categorization of demand patterns, Journal of the Operational Research Society 56, 2005). Series with negative
    values have no class. Missing values are left out.
    """
    starts, lengths = offsets[:-1], np.diff(offsets)
    observed, positive = ~np.isnan(target), target > 0
    count, positives = _sums(observed, starts), _sums(positive, starts)
    has_class = (positives > 0) & (_sums(target < 0, starts) == 0)
    least = np.maximum(positives, 1)
    demand = np.where(positive, target, 0.0)
    mean = np.add.reduceat(demand, starts) / least
    deviation = np.where(positive, demand - np.repeat(mean, lengths), 0.0)
    variance = np.add.reduceat(deviation**2, starts) / least
    rarely = count / least >= INTERVAL
    with np.errstate(divide="ignore", invalid="ignore"):
        varied = variance / mean**2 >= VARIATION
    names = np.array([["smooth", "erratic"], ["intermittent", "lumpy"]])[rarely.astype(int), varied.astype(int)]
    return [str(name) for name in np.where(has_class, names, "")]


def _sums(marks: np.ndarray[tuple[int], np.dtype[np.bool_]], starts: Ints) -> Ints:
    """How many of each series are true."""
    return np.asarray(np.add.reduceat(marks.astype(np.int64), starts))


def lower_and_upper_quartile(values: Floats, offsets: Ints) -> tuple[Floats, Floats, Ints]:
    """The quartiles of each series, interpolated linearly, and its number of values; missing values are left out."""
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    ordered = values[np.lexsort((values, owner))]  # missing values are the last ones of each series
    counts = np.add.reduceat((~np.isnan(values)).astype(np.int64), offsets[:-1])
    quartiles = []
    for level in (0.25, 0.75):
        place = np.maximum(counts - 1, 0) * level
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(counts - 1, 0))
        low, high = ordered[offsets[:-1] + below], ordered[offsets[:-1] + above]
        quartiles.append(low + (place - below) * (high - low))
    return quartiles[0], quartiles[1], np.asarray(counts)


def ljung_box(values: Floats, offsets: Ints, lags: int) -> Floats:
    """The statistic n (n + 2) Σ r_k² / (n − k) of the first autocorrelations of each series.

    The source is G. Ljung and G. Box, On a measure of lack of fit in time series models, Biometrika 65, 1978. Series
    have more values than `lags`, none of them missing, and are not constant.
    """
    lengths, starts = np.diff(offsets), offsets[:-1]
    mean = np.add.reduceat(values, starts) / lengths
    centred = values - np.repeat(mean, lengths)
    steps = np.arange(len(values)) - np.repeat(starts, lengths)
    variance = np.add.reduceat(centred**2, starts)
    total = np.zeros(len(lengths))
    for lag in range(1, lags + 1):
        products = np.zeros(len(values))
        products[lag:] = np.where(steps[lag:] >= lag, centred[lag:] * centred[:-lag], 0.0)
        total += (np.add.reduceat(products, starts) / variance) ** 2 / (lengths - lag)
    return np.asarray(lengths * (lengths + 2) * total)
