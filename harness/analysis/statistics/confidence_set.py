"""The model confidence set: the forecasters that are not significantly worse than the best."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator

import numpy as np
from scipy import special

from harness.arrays import Floats, Ints
from harness.errors import BadInput

Test = Callable[[Ints], tuple[Floats, Floats]]  # remaining forecasters → statistics; their maximum in each resample
MIN_UNITS = 9  # with fewer, the best forecaster is left out too often: docs/statistics.md
MAX_PAIRED = 50  # forecasters; more are compared with the mean of all: the cost grows with them, not with their pairs
MAX_SINGLE = 100  # forecasters that are eliminated one by one; of more, all with one p-value at once
RESOLUTION = 100  # of the p-values of so many: hundredths, rounded up
BLOCK_NUMBERS = 1_000_000  # deviations that are compared with their mean together
SMALLEST = 1e-100  # relative size of losses whose squares are still numbers
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
    scaled = _add_jitter(distinct)
    means, count = scaled.mean(axis=0), len(scaled)
    noise = np.stack([np.bincount(rows, minlength=count) @ (scaled - means) for rows in indices]) / count
    factor = expansion(count if units is None else units, len(means))
    return _p_values(means, _test(means, noise), factor)[positions.ravel()]


def confidence_set_of_replicates(
    estimates: Floats, replicates: Floats, units: float, blocks: float, variances: Floats | None = None
) -> Floats:
    """The p-value, (forecaster,), of each in the model confidence set, as `confidence_set`, from bootstrap replicates.

    `estimates` is (forecaster,), lower is better, `replicates` is (sample, forecaster). `units` is the effective number
    of independent units, `blocks` that of the blocks that were resampled, in the stratum that has the fewest.
    `variances` are those of differences of estimates where the replicates vary too much, by default the replicates'
    own: of each two, (forecaster, forecaster), or, beyond `MAX_PAIRED` forecasters, of each and the mean of all,
    (forecaster,).
    """
    if not (np.isfinite(estimates).all() and np.isfinite(replicates).all()):
        raise BadInput("estimates and replicates must be finite")
    first, positions = _distinct(estimates, replicates)
    if len(first) == 1:
        return np.ones(len(estimates))
    factor, noise = expansion(units, len(first), blocks), replicates[:, first]
    if variances is not None and variances.ndim == 1:
        factor, variances = factor * _excess(replicates, variances), None
    noise -= noise.mean(axis=0)
    own = None if variances is None else variances[np.ix_(first, first)]
    return _p_values(estimates[first], _test(estimates[first], noise, own), factor)[positions]


def _distinct(estimates: Floats, replicates: Floats) -> tuple[Ints, Ints]:
    """One of all forecasters with the same numbers, and the position there of each, (forecaster,)."""
    if len(estimates) <= MAX_PAIRED:
        both = np.concatenate([estimates[None], replicates])
        _, first, positions = np.unique(both, axis=1, return_index=True, return_inverse=True)
        return first, positions.ravel()
    columns = (np.append(replicates[:, i], estimates[i]) for i in range(len(estimates)))
    hashes = [hashlib.sha256(column.tobytes()).digest() for column in columns]
    places = {digest: k for k, digest in enumerate(dict.fromkeys(hashes))}
    positions = np.array([places[digest] for digest in hashes])
    return np.unique(positions, return_index=True)[1], positions


def _excess(replicates: Floats, variances: Floats) -> float:
    """By how much the standard errors of differences from the mean of all exceed those of the replicates."""
    own, step = 0.0, _rows(replicates.shape[1])
    means = replicates.mean(axis=0)
    for start in range(0, len(replicates), step):
        deviations = replicates[start : start + step] - means
        own += float(((deviations - deviations.mean(axis=1, keepdims=True)) ** 2).sum())
    return math.sqrt(float(variances.sum()) * (len(replicates) - 1) / own) if own > 0 else 1.0


def expansion(units: float, forecasters: int, blocks: float | None = None, level: float = 0.05) -> float:
    """The factor by which deviations of resampled means are too small, where the maximum of many is tested.

    √(n / (n − 1)) t / z at the tail of each difference: the correction of Hesterberg (2015) for percentile intervals,
    applied to a maximum. Two forecasters have two differences, which share `level`. Of more, the maximum tends to be
    a difference whose variance is underestimated; a fourth of their share corrects for it, found by simulation.
    `blocks` is the n of the first factor where it is another number than the `units` of t.
    """
    tail = level / 2 if forecasters <= 2 else level / (4 * forecasters * (forecasters - 1))
    resampled = units if blocks is None else blocks
    return float(
        math.sqrt(resampled / (resampled - 1)) * special.stdtrit(units - 1, 1 - tail) / special.ndtri(1 - tail)
    )


def _add_jitter(losses: Floats) -> Floats:
    size = np.abs(losses).max(axis=0)
    if size.min(where=size > 0, initial=np.inf) < SMALLEST * size.max():
        raise BadInput("losses of such different sizes cannot be compared; clip them first")
    noise = np.random.default_rng(0).standard_normal(losses.shape)
    dithered: Floats = (losses + DITHER * size * noise) / size.max()
    return dithered


def _p_values(means: Floats, test: Test, factor: float) -> Floats:
    """Eliminate the worst forecaster until one remains; p-values do not decrease along the way.

    Differences have standard errors that are larger by the `factor`. Of many forecasters, all whose p-value in a test
    is no larger than that of the worst, rounded up, are eliminated at once, which approximates one by one.
    """
    together = len(means) > MAX_SINGLE
    remaining, p_value, p_values = np.arange(len(means)), 0.0, np.ones(len(means))
    while len(remaining) > 1:
        statistics, largest = test(remaining)
        if together:
            larger = len(largest) - np.searchsorted(np.sort(largest), statistics / factor, side="right")
            hundredths = -(-larger * RESOLUTION // len(largest))  # rounded up; of whole numbers, so that it is exact
            p_value = max(p_value, int(hundredths.min()) / RESOLUTION)
            worst = np.flatnonzero((hundredths <= round(p_value * RESOLUTION)) & (statistics > statistics.min()))
            worst = worst if len(worst) else np.arange(1, len(remaining))  # all are equal
        else:
            worst = np.array([statistics.argmax()])
            p_value = max(p_value, float((largest > statistics[worst] / factor).mean()))
        p_values[remaining[worst]] = p_value
        remaining = np.delete(remaining, worst)
    return p_values


def _test(means: Floats, noise: Floats, variances: Floats | None = None) -> Test:
    """The test for so many forecasters; `noise` is (sample, forecaster), deviations of replicates from their mean."""
    return _pairwise_test(means, noise, variances) if len(means) <= MAX_PAIRED else _mean_test(means, noise)


def _pairwise_test(means: Floats, noise: Floats, variances: Floats | None) -> Test:
    """T_R: the largest studentised difference of each forecaster from any other."""
    first, second = np.triu_indices(len(means), 1)
    observed, resampled = np.zeros((len(means), len(means))), np.empty((len(first), len(noise)))
    for k, (i, j) in enumerate(zip(first, second, strict=True)):
        difference = np.abs(noise[:, i] - noise[:, j])
        deviation = math.sqrt(float((difference**2).mean()))
        error = deviation if variances is None else math.sqrt(variances[i, j])
        observed[i, j] = _studentised(means[i] - means[j], error)
        resampled[k] = difference / deviation if deviation > 0 else 0.0

    def test(remaining: Ints) -> tuple[Floats, Floats]:
        pairs = np.isin(first, remaining) & np.isin(second, remaining)
        among = np.ix_(remaining, remaining)
        return (observed - observed.T)[among].max(axis=1), resampled[pairs].max(axis=0)

    return test


def _mean_test(means: Floats, noise: Floats) -> Test:
    """T_max: the studentised difference of each forecaster from the mean of those remaining."""

    def differences(remaining: Ints) -> Iterator[Floats]:
        """The deviations of some resamples from their mean, block by block."""
        step = _rows(len(remaining))
        for start in range(0, len(noise), step):
            block = noise[start : start + step, remaining]
            yield block - block.mean(axis=1, keepdims=True)

    def test(remaining: Ints) -> tuple[Floats, Floats]:
        squares = np.sum([(block**2).sum(axis=0) for block in differences(remaining)], axis=0)
        deviations = np.sqrt(squares / len(noise))
        observed = means[remaining] - means[remaining].mean()
        statistics = [_studentised(*pair) for pair in zip(observed, deviations, strict=True)]
        known = np.where(deviations > 0, deviations, 1.0)
        return np.array(statistics), np.concatenate([(block / known).max(axis=1) for block in differences(remaining)])

    return test


def _rows(forecasters: int) -> int:
    """The number of replicates in a block."""
    return max(1, BLOCK_NUMBERS // forecasters)


def _studentised(difference: float, error: float) -> float:
    """The difference over its standard error; infinite for one that is the same in all replicates."""
    if difference == 0:
        return 0.0
    return float(difference / error) if error > 1e-12 * abs(difference) else math.copysign(math.inf, difference)
