"""The season length of a series, found in its values by its periodogram and its autocorrelations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from harness.arrays import Floats, ratio

FEWEST_VALUES = 12
SHORTEST = 3  # steps of a season: values that alternate are those of a negative autocorrelation, too
ROUNDING = 1e-10  # differences relative to the spread of a series, below which it is constant or a straight line
FEWEST_PERIODS = 3  # of a season in a series
FALSE_ALARMS = 0.003  # the probability of a significant frequency of a series without any
NEAREST, FARTHEST = 6, 50  # frequencies on each side that a peak is compared with, at least and at most
MOST_PEAKS = 5  # frequencies and lags of a series, the most significant ones, that may be its season
FINER = 8  # frequencies between two of the periodogram, at which the period of a peak is found
NORMAL_95 = 1.645  # a quantile of the standard normal distribution


def season_of(series: Floats) -> int | None:
    """The season length of a series, 1 if it has none; None if it is too short, constant, or has too few values.

    A series has a season of p steps if its first differences, which have no trend, have a significant peak in their
    periodogram at the frequency 1 / p or a significant autocorrelation at lag p, and if the series without its moving
    average over p steps has a significant autocorrelation at lag p. Of several p, it is the one whose steps differ most
    from each other relative to their variance over the seasons.
    """
    known = ~np.isnan(series)
    if len(series) < FEWEST_VALUES or 2 * known.sum() < len(series):
        return None
    steps = np.arange(len(series))
    filled = np.interp(steps, steps[known], series[known])
    with np.errstate(over="ignore"):
        spread = filled.max() - filled.min()
    if not np.isfinite(spread) or spread <= ROUNDING * np.abs(filled).max():
        return None
    scaled = (filled - filled.min()) / spread
    if np.ptp(np.diff(scaled)) < ROUNDING + 8 * np.finfo(float).eps * np.abs(filled).max() / spread:  # a straight line
        return 1
    best, period = 0.0, 1
    for candidate in sorted(set(_candidates(scaled))):
        detrended = without_trend(scaled, candidate)
        separation = _variance_ratio(detrended, candidate)
        if separation > best and is_seasonal(detrended, candidate):
            best, period = separation, candidate
    return period


def _candidates(series: Floats) -> Iterator[int]:
    """Periods of significant frequencies and significant lags of the differences, in whole steps."""
    differences = np.diff(series)
    differences -= differences.mean()
    for period in (*_periods_of_peaks(differences), *significant_lags(differences)):
        if SHORTEST <= period <= len(series) // FEWEST_PERIODS:
            yield period


def _periods_of_peaks(differences: Floats) -> Iterator[int]:
    """The whole periods near each peak of the periodogram, which is computed at finer frequencies there."""
    count = len(differences)
    finer = np.abs(np.fft.rfft(differences, FINER * count))
    for peak in significant_peaks(finer[FINER::FINER] ** 2):  # at 1, 2, … periods in all differences
        around = np.arange(FINER * peak - FINER + 1, min(FINER * peak + FINER, len(finer)))
        period = FINER * count / around[np.argmax(finer[around])]
        reach = period**2 / (2 * FINER * count)  # half a step of the finer frequencies
        yield from range(int(np.floor(period - reach)), int(np.ceil(period + reach)) + 1)


def significant_peaks(power: Floats) -> list[int]:
    """The numbers of periods, from 1 on, at which a periodogram is far above its neighbourhood, the highest first.

    The ordinates of a smooth spectrum are independent and exponentially distributed around it, so that the ratio of
    one to the mean of J others has an F distribution with 2 and 2 J degrees of freedom; M. Priestley, Spectral Analysis
    and Time Series, 1981, section 6.1. The mean is estimated by the median, which other peaks do not change (M. Mann
    and J. Lees, Climatic Change 33, 1996), and the level is divided by the number of frequencies.
    """
    count = len(power)
    background, others = np.zeros(count), np.full(count, 2 * FARTHEST - 2)
    middle = slice(2 * FARTHEST, count - FARTHEST)  # where all have as many neighbours
    if middle.start < middle.stop:
        windows = sliding_window_view(power[FARTHEST:], 2 * FARTHEST + 1)
        neighbours = np.r_[: FARTHEST - 1, FARTHEST + 2 : 2 * FARTHEST + 1]  # without those that a peak leaks into
        background[middle] = np.median(windows[:, neighbours], axis=1)
    for i in range(FEWEST_PERIODS - 1, count):
        if not middle.start <= i < middle.stop:
            reach = min(max(NEAREST, i // 2), FARTHEST)
            around = np.concatenate([power[max(0, i - reach) : i - 1], power[i + 2 : i + reach + 1]])
            background[i], others[i] = np.median(around) if len(around) else np.inf, max(len(around), 1)
    ratios = ratio(power, background / np.log(2), empty=0.0)
    ratios[: FEWEST_PERIODS - 1] = 0.0
    limits = others * ((count / FALSE_ALARMS) ** (1 / others) - 1)
    peaks = np.flatnonzero(ratios > limits)
    return [int(i) + 1 for i in peaks[np.argsort(-ratios[peaks])][:MOST_PEAKS]]


def significant_lags(differences: Floats) -> list[int]:
    """The lags with a significant peak of the autocorrelations of ranks, the highest first.

    A sharp pattern, such as a value once in a season, has many low peaks of the periodogram, and one of these. The
    limit is that of Bartlett, z √((1 + 2 Σ r²) / n) of the autocorrelations r at shorter lags, as in the test of the M4
    competition (S. Makridakis, E. Spiliotis and V. Assimakopoulos, International Journal of Forecasting 36, 2020), with
    the level divided by the number of lags. It must be exceeded by the difference from the median of the lags nearby.
    """
    from scipy.special import ndtri

    count = len(differences)
    _, position, repeats = np.unique(differences, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(repeats) - (repeats - 1) / 2)[position]
    spectrum = np.abs(np.fft.rfft(ranks - ranks.mean(), 2 * count)) ** 2
    products = np.fft.irfft(spectrum, 2 * count)
    correlations = products[1 : count // FEWEST_PERIODS + 1] / products[0]
    if len(correlations) <= 2 * NEAREST:
        return []
    windows = sliding_window_view(np.pad(correlations, NEAREST, mode="reflect"), 2 * NEAREST + 1)
    others = np.r_[: NEAREST - 1, NEAREST + 2 : 2 * NEAREST + 1]
    heights = correlations - np.median(windows[:, others], axis=1)
    squares = np.concatenate([[0.0], np.cumsum(correlations[:-1] ** 2)])
    limits = -ndtri(FALSE_ALARMS / len(correlations)) * np.sqrt((1 + 2 * squares) / count)
    lags = np.flatnonzero(heights > limits)
    return [int(i) + 1 for i in lags[np.argsort(-heights[lags])][:MOST_PEAKS]]


def without_trend(series: Floats, period: int) -> Floats:
    """A series without its centred moving average over a period, of the steps that have one."""
    weights = np.ones(period) if period % 2 else np.concatenate([[0.5], np.ones(period - 1), [0.5]])
    average = np.convolve(series, weights / period, mode="valid")
    first = (len(weights) - 1) // 2
    return series[first : first + len(average)] - average


def _variance_ratio(detrended: Floats, period: int) -> float:
    """The variance between the steps of a season over that within them, as in an analysis of variance."""
    step = np.arange(len(detrended)) % period
    counts = np.bincount(step, minlength=period)
    means = np.bincount(step, weights=detrended, minlength=period) / np.maximum(counts, 1)
    within = float(((detrended - means[step]) ** 2).sum())
    between = float((counts * (means - detrended.mean()) ** 2).sum())
    freedom = max(len(detrended) - period, 1)
    return between / (period - 1) / max(within / freedom, 1e-12)


def is_seasonal(detrended: Floats, period: int) -> bool:
    """Whether the autocorrelation at the lag of a period is significant, and higher than at half of it.

    The test is one-sided at the level of 5 %. That peaks of the periodogram are verified by autocorrelations is due to
    M. Vlachos, P. Yu and V. Castelli, On periodicity detection and structural periodic similarity, SIAM International
    Conference on Data Mining, 2005.
    """
    centred = detrended - detrended.mean()
    if len(centred) < period + SHORTEST:
        return False
    variance = float(centred @ centred) / len(centred)
    at_period, at_half = (float((centred[lag:] * centred[:-lag]).mean()) for lag in (period, period // 2))
    limit = NORMAL_95 / np.sqrt(len(centred) - period)
    return bool(at_period > max(limit * variance, at_half))
