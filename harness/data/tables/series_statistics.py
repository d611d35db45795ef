"""Statistics of many series at once: classes of demand, quartiles, and a test of autocorrelation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.arrays import Bools, Floats, Ints

INTERVAL, VARIATION = 1.32, 0.49  # the borders of Syntetos, Boylan & Croston (2005), of p and CV²
CLOSED = 0.95  # the share of zeros at a position of a season from which it is left out
FEWEST_AT_POSITION = 3  # values; of fewer, all may be zero by chance


def demand_classes(target: Floats, offsets: Ints, seasons: Sequence[int] = ()) -> list[str]:
    """The class of each series: smooth, erratic, intermittent or lumpy; empty for one without positive values.

    The classes differ in the mean interval between positive values, with the border 1.32, and in the squared
    coefficient of variation of these values, with the border 0.49 (A. Syntetos, J. Boylan and J. Croston, On the
    categorization of demand patterns, Journal of the Operational Research Society 56, 2005). Series with negative
    values have no class. Missing values are left out, and so are positions of the `seasons`, such as hours of the day,
    at which nearly all values of a series are zero.
    """
    target = _without_closed(target, offsets, seasons)
    starts, lengths = offsets[:-1], np.diff(offsets)
    has_class, rarely = _intervals(target, starts)
    positive = target > 0
    least = np.maximum(_sums(positive, starts), 1)
    demand = np.where(positive, target, 0.0)
    mean = np.add.reduceat(demand, starts) / least
    deviation = np.where(positive, demand - np.repeat(mean, lengths), 0.0)
    variance = np.add.reduceat(deviation**2, starts) / least
    with np.errstate(divide="ignore", invalid="ignore"):
        varied = variance / mean**2 >= VARIATION
    names = np.array([["smooth", "erratic"], ["intermittent", "lumpy"]])[rarely.astype(int), varied.astype(int)]
    return [str(name) for name in np.where(has_class, names, "")]


def intermittent_share(target: Floats, offsets: Ints, seasons: Sequence[int] = ()) -> float:
    """The share of intermittent and lumpy series among those that have a class; 0 without any."""
    target = _without_closed(target, offsets, seasons)
    has_class, rarely = _intervals(target, offsets[:-1])
    return float((has_class & rarely).sum() / max(int(has_class.sum()), 1))


def _without_closed(target: Floats, offsets: Ints, seasons: Sequence[int]) -> Floats:
    """The values of series, missing at positions of a season at which at least 95 % of three or more are zero.

    Only series with rare positive values are looked at, since the class of others does not depend on zeros, and those
    with no other positive values keep all.
    """
    has_class, rarely = _intervals(target, offsets[:-1])
    rare = np.flatnonzero(has_class & rarely)
    if not len(rare) or not seasons:
        return target
    lengths = np.diff(offsets)[rare]
    starts = np.cumsum(lengths) - lengths
    step = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    rows = np.repeat(offsets[rare], lengths) + step
    values = target[rows]
    is_closed = np.zeros(len(values), dtype=np.bool_)
    for season in seasons:
        sizes = np.where(lengths >= FEWEST_AT_POSITION * season, season, 0)  # (series,) positions, none if too short
        chosen = np.repeat(sizes > 0, lengths)
        position = (np.repeat(np.cumsum(sizes) - sizes, lengths) + step % season)[chosen]
        known = np.bincount(position[~np.isnan(values[chosen])], minlength=sizes.sum())
        zeros = np.bincount(position[values[chosen] == 0], minlength=sizes.sum())
        is_closed[chosen] |= ((known >= FEWEST_AT_POSITION) & (zeros >= CLOSED * known))[position]
    has_others = _sums((values > 0) & ~is_closed, starts) > 0
    without = target.copy()
    without[rows[is_closed & np.repeat(has_others, lengths)]] = np.nan
    return without


def _intervals(target: Floats, starts: Ints) -> tuple[Bools, Bools]:
    """Which series have a class of demand, and in which positive values are rare."""
    count, positives = _sums(~np.isnan(target), starts), _sums(target > 0, starts)
    has_class: Bools = (positives > 0) & (_sums(target < 0, starts) == 0)
    return has_class, np.asarray(count / np.maximum(positives, 1) >= INTERVAL)


def _sums(marks: Bools, starts: Ints) -> Ints:
    """How many of each series are true."""
    return np.asarray(np.add.reduceat(marks, starts, dtype=np.int64))


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


def autocorrelations(values: Floats, offsets: Ints, lags: int) -> Floats:
    """The autocorrelations r_1, r_2, … of each series, (lag, series); 0 at lags that are not shorter than the series.

    No value is missing, and no series constant.
    """
    lengths, starts = np.diff(offsets), offsets[:-1]
    centred = values - np.repeat(np.add.reduceat(values, starts) / lengths, lengths)
    variance = np.add.reduceat(centred**2, starts)
    products, found = np.zeros(len(values)), np.zeros((lags, len(lengths)))
    for lag in range(1, min(lags, int(lengths.max()) - 1) + 1):
        np.multiply(centred[lag:], centred[:-lag], out=products[lag:])
        heads = starts[:, None] + np.arange(lag)  # whose partner is a value of another series
        products[np.minimum(heads, offsets[1:, None] - 1)] = 0.0
        found[lag - 1] = np.add.reduceat(products, starts) / variance
    return found


def ljung_box(values: Floats, offsets: Ints, lags: int) -> Floats:
    """The statistic n (n + 2) Σ r_k² / (n − k) of the first autocorrelations of each series.

    The source is G. Ljung and G. Box, On a measure of lack of fit in time series models, Biometrika 65, 1978. Series
    have more values than `lags`, none of them missing, and are not constant.
    """
    lengths = np.diff(offsets)
    correlations = autocorrelations(values, offsets, lags)
    total = (correlations**2 / (lengths - np.arange(1, lags + 1)[:, None])).sum(axis=0)
    return np.asarray(lengths * (lengths + 2) * total)
