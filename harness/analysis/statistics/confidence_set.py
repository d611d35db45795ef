"""The model confidence set: the forecasters that are not significantly worse than the best."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from harness.arrays import Floats, Ints
from harness.errors import BadInput

MIN_UNITS = 10  # with fewer, the best forecaster is left out too often: docs/statistics.md
MAX_PAIRED = 50  # forecasters; more are compared with the mean of all, which saves time and memory
DITHER = 1e-9  # noise relative to each forecaster's losses; without it a constant difference is 0 / 0


def confidence_set(losses: Floats, indices: Ints, units: float | None = None) -> Floats:
    """The p-value, (forecaster,), of each in the model confidence set; Hansen, Lunde & Nason (2011), section 3.1.2.

    By T_R, which compares all pairs; beyond `MAX_PAIRED` forecasters by T_max, which compares each with the mean of
    all, and has less power. The set at level 1 − α holds those with p > α. `losses` is (unit, forecaster), `indices`
    (sample, unit) are those of `resamples`. Forecasters with the same losses are treated as one and share its
    p-value; the last one remaining has p = 1, and one that is worse by the same amount in each unit has p = 0. With
    fewer than two units all p-values are NaN; do not use them below `MIN_UNITS`. `units` is the effective number of
    independent units, by default all: with few of them deviations of losses are multiplied by `expansion`.
    """
    losses = np.asarray(losses, dtype=np.float64)
    if losses.ndim != 2 or indices.ndim != 2 or indices.shape[1] != len(losses) or not len(indices):
        raise BadInput(f"losses {losses.shape} must be (unit, forecaster), indices {indices.shape} (sample, unit)")
    if not np.isfinite(losses).all():
        raise BadInput("losses must be finite; leave out units with a NaN")
    if len(losses) < 2 or not losses.shape[1]:
        return np.full(losses.shape[1], math.nan)
    distinct, positions = np.unique(losses, axis=1, return_inverse=True)
    if distinct.shape[1] == 1:
        return np.ones(losses.shape[1])
    means, count = distinct.mean(axis=0), distinct.shape[1]
    factor = expansion(len(losses) if units is None else units, count)
    p_values = _p_values(_add_jitter(means + factor * (distinct - means)), indices)
    return p_values[positions.ravel()]


def expansion(units: float, forecasters: int, level: float = 0.05) -> float:
    """The factor by which deviations of resampled means are too small, where the maximum of many is tested.

    √(n / (n − 1)) t / z at the tail of each difference: the correction of Hesterberg (2015) for percentile intervals,
    applied to a maximum. Two forecasters have two differences, which share `level`. Of more, the maximum tends to be
    a difference whose variance is underestimated; a fourth of their share corrects for it, found by simulation.
    """
    tail = level / 2 if forecasters <= 2 else level / (4 * forecasters * (forecasters - 1))
    return float(math.sqrt(units / (units - 1)) * special.stdtrit(units - 1, 1 - tail) / special.ndtri(1 - tail))


def _add_jitter(losses: Floats) -> Floats:
    size = np.abs(losses).max(axis=0)
    noise = np.random.default_rng(0).standard_normal(losses.shape)
    dithered: Floats = (losses + DITHER * size * noise) / size.max()
    return dithered


def _p_values(losses: Floats, indices: Ints) -> Floats:
    """Eliminate the worst forecaster until one remains; p-values do not decrease along the way."""
    means, (units, count) = losses.mean(axis=0), losses.shape
    centred = losses - means
    noise = np.stack([np.bincount(rows, minlength=units) @ centred for rows in indices]) / units
    remaining, p_value, p_values = np.arange(count), 0.0, np.ones(count)
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        try:
            test = _pairwise_test(means, noise) if count <= MAX_PAIRED else _mean_test(means, noise)
            while len(remaining) > 1:
                statistics, largest = test(remaining)
                worst = int(statistics.argmax())
                p_value = max(p_value, float((largest > statistics[worst]).mean()))
                p_values[remaining[worst]] = p_value
                remaining = np.delete(remaining, worst)
        except FloatingPointError as error:
            raise BadInput("losses of such different sizes cannot be compared; clip them first") from error
    return p_values


Test = Callable[[Ints], tuple[Floats, Floats]]  # remaining forecasters → statistics; their maximum in each resample


def _pairwise_test(means: Floats, noise: Floats) -> Test:
    """T_R: the largest studentised difference of each forecaster from any other."""
    count = len(means)
    observed, resampled = np.zeros((count, count)), np.zeros((count, count, len(noise)))
    for i, j in zip(*np.triu_indices(count, 1), strict=True):
        difference = noise[:, i] - noise[:, j]
        deviation = np.sqrt((difference**2).mean())
        observed[i, j] = (means[i] - means[j]) / deviation
        resampled[i, j] = np.abs(difference) / deviation

    def test(remaining: Ints) -> tuple[Floats, Floats]:
        among = np.ix_(remaining, remaining)
        return (observed - observed.T)[among].max(axis=1), resampled[among].max(axis=(0, 1))

    return test


def _mean_test(means: Floats, noise: Floats) -> Test:
    """T_max: the studentised difference of each forecaster from the mean of those remaining."""

    def test(remaining: Ints) -> tuple[Floats, Floats]:
        differences = noise[:, remaining] - noise[:, remaining].mean(axis=1, keepdims=True)
        deviations = np.sqrt((differences**2).mean(axis=0))
        statistics = (means[remaining] - means[remaining].mean()) / deviations
        return statistics, (differences / deviations).max(axis=1)

    return test
