"""The Diebold–Mariano test of equal expected loss, for many pairs of forecasters at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from harness.arrays import Floats
from harness.errors import BadInput

ROUNDING = 1e-12  # a variance this small relative to the autocovariance at lag 0 is zero


@dataclass(frozen=True, eq=False)
class DieboldMariano:
    """The result of the test for each pair; NaN where it cannot be done."""

    statistic: Floats  # (pair,); positive where the first has the larger loss
    p_value: Floats  # (pair,), two-sided
    p_greater: Floats  # (pair,), one-sided: small where the first is worse


def diebold_mariano(differences: Floats, horizon: int = 1) -> DieboldMariano:
    """The test of equal loss, pair by pair; Diebold & Mariano (1995), eq. 1, by Harvey et al. (1997), eq. 9.

    `differences` is (unit, pair): the loss of the first minus that of the second, in time order. `horizon` consecutive
    units overlap: autocovariances up to lag horizon − 1 are included, with equal weights, and t has units − 1 degrees
    of freedom, as in dm.test of R's package forecast. Where the variance estimate is not positive the pair is tested
    as with horizon 1, as in R.

    Two forecasters whose losses are equal in each unit have statistic 0 and p = 1. A difference that is the same in
    each unit, but not zero, has an infinite statistic and p = 0, the limit of vanishing noise (R refuses it). With
    fewer than two units, or no more units than the horizon, all results are NaN.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if differences.ndim != 2:
        raise BadInput(f"differences must be (unit, pair), not of shape {differences.shape}")
    if horizon < 1:
        raise BadInput(f"horizon must be at least 1, not {horizon}")
    if not np.isfinite(differences).all():
        raise BadInput("differences of losses must be finite; leave out units with a NaN")
    units, pairs = differences.shape
    if units < 2 or horizon >= units:
        unknown = np.full(pairs, math.nan)
        return DieboldMariano(unknown, unknown.copy(), unknown.copy())
    statistic = _statistic(differences, horizon)
    tail: Floats = special.stdtr(units - 1, -np.abs(statistic))
    return DieboldMariano(statistic, 2 * tail, np.where(statistic > 0, tail, 1 - tail))


def harvey_factor(units: int, horizon: int) -> float:
    """The small-sample factor of the statistic; Harvey, Leybourne & Newbold (1997), eq. 9."""
    return math.sqrt(max(units + 1 - 2 * horizon + horizon * (horizon - 1) / units, 0.0) / units)


def _statistic(differences: Floats, horizon: int) -> Floats:
    units = len(differences)
    size = np.abs(differences).max(axis=0)
    scaled = differences / np.where(size > 0, size, 1)  # squares of huge losses would overflow
    mean = scaled.mean(axis=0)
    centred = scaled - mean
    variance_lag_0 = np.einsum("up,up->p", centred, centred) / units
    variance = variance_lag_0.copy()
    for lag in range(1, horizon):
        variance += 2 / units * np.einsum("up,up->p", centred[lag:], centred[:-lag])
    positive = variance > ROUNDING * variance_lag_0
    variance = np.where(positive, variance, variance_lag_0)
    factor = np.where(positive, harvey_factor(units, horizon), harvey_factor(units, 1))
    constant = differences.max(axis=0) == differences.min(axis=0)
    limit = np.where(size > 0, np.copysign(math.inf, mean), 0.0)
    error = np.sqrt(np.where(constant, 1, variance) / units)
    statistic: Floats = np.where(constant, limit, factor * mean / error)
    return statistic
