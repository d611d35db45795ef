"""The forecasters among which the best one is: the model confidence set."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from harness.arrays import Floats, Ints
from harness.errors import BadInput

MIN_UNITS = 10  # with fewer the best forecaster is left out too often: docs/statistics.md
MAX_PAIRED = 50  # forecasters; of more, comparing each with the mean of all saves time and memory
DITHER = 1e-9  # relative to each forecaster's losses; without it a difference that never varies is 0 / 0


def confidence_set(losses: Floats, indices: Ints, units: float | None = None) -> Floats:
    """The p-value, (forecaster,), of each in the model confidence set; Hansen, Lunde & Nason (2011), section 3.1.2.

    By T_R, which compares each with each; beyond `MAX_PAIRED` forecasters by T_max, which compares each with
    the mean of all, and finds less. The set at level 1 − α holds those with p > α. `losses` is (unit, forecaster),
    `indices` (sample, unit) as `resamples` draws them. Forecasters with the same losses are one and share its
    p-value; the last that is left has p = 1, and who loses by the same amount in each unit has p = 0. With fewer
    than two units everything is NaN; give no verdict below `MIN_UNITS`. `units` is the effective number of
    independent units, all by default: with few of them losses are drawn out by `expansion`.
    """
    losses = np.asarray(losses, dtype=np.float64)
    if losses.ndim != 2 or indices.ndim != 2 or indices.shape[1] != len(losses) or not len(indices):
        raise BadInput(f"losses {losses.shape} must be (unit, forecaster), indices {indices.shape} (sample, unit)")
    if not np.isfinite(losses).all():
        raise BadInput("losses must be finite; leave out the units in which one is not known")
    if len(losses) < 2 or not losses.shape[1]:
        return np.full(losses.shape[1], math.nan)
    distinct, places = np.unique(losses, axis=1, return_inverse=True)
    if distinct.shape[1] == 1:
        return np.ones(losses.shape[1])
    means, count = distinct.mean(axis=0), distinct.shape[1]
    wider = expansion(len(losses) if units is None else units, count)
    p_values = _p_values(_dithered(means + wider * (distinct - means)), indices)
    return p_values[places.ravel()]


def expansion(units: float, forecasters: int, level: float = 0.05) -> float:
    """How much too small deviations of resampled means are in so many units, where the largest of many is judged.

    √(n / (n − 1)) t / z at the tail of each difference: what Hesterberg (2015) does to percentile intervals, done
    to a maximum. Two forecasters have two differences, which share `level`. Of more, those are the largest whose
    deviations happen to be small; that a fourth of their share makes up for it was found by simulation.
    """
    tail = level / 2 if forecasters <= 2 else level / (4 * forecasters * (forecasters - 1))
    return float(math.sqrt(units / (units - 1)) * special.stdtrit(units - 1, 1 - tail) / special.ndtri(1 - tail))


def _dithered(losses: Floats) -> Floats:
    size = np.abs(losses).max(axis=0)
    noise = np.random.default_rng(0).standard_normal(losses.shape)
    dithered: Floats = (losses + DITHER * size * noise) / size.max()
    return dithered


def _p_values(losses: Floats, indices: Ints) -> Floats:
    """Of those left the worst goes, until one is left; no p-value is below that of who went before."""
    means, (units, count) = losses.mean(axis=0), losses.shape
    centred = losses - means
    noise = np.stack([np.bincount(rows, minlength=units) @ centred for rows in indices]) / units
    left, p_value, found = np.arange(count), 0.0, np.ones(count)
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        try:
            judge = _by_pairs(means, noise) if count <= MAX_PAIRED else _by_mean(means, noise)
            while len(left) > 1:
                statistics, largest = judge(left)
                worst = int(statistics.argmax())
                p_value = max(p_value, float((largest > statistics[worst]).mean()))
                found[left[worst]] = p_value
                left = np.delete(left, worst)
        except FloatingPointError as error:
            raise BadInput("losses of such different sizes cannot be compared; clip them first") from error
    return found


Judge = Callable[[Ints], tuple[Floats, Floats]]  # those left → how bad each is; in each sample, the largest by chance


def _by_pairs(means: Floats, noise: Floats) -> Judge:
    """T_R: how much worse each is than the one that it is worst against."""
    count = len(means)
    apart, by_chance = np.zeros((count, count)), np.zeros((count, count, len(noise)))
    for i, j in zip(*np.triu_indices(count, 1), strict=True):
        drawn = noise[:, i] - noise[:, j]
        deviation = np.sqrt((drawn**2).mean())
        apart[i, j] = (means[i] - means[j]) / deviation
        by_chance[i, j] = np.abs(drawn) / deviation

    def judge(left: Ints) -> tuple[Floats, Floats]:
        among = np.ix_(left, left)
        return (apart - apart.T)[among].max(axis=1), by_chance[among].max(axis=(0, 1))

    return judge


def _by_mean(means: Floats, noise: Floats) -> Judge:
    """T_max: how much worse each is than the mean of those left."""

    def judge(left: Ints) -> tuple[Floats, Floats]:
        drawn = noise[:, left] - noise[:, left].mean(axis=1, keepdims=True)
        deviations = np.sqrt((drawn**2).mean(axis=0))
        return (means[left] - means[left].mean()) / deviations, (drawn / deviations).max(axis=1)

    return judge
