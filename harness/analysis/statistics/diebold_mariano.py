"""Are two forecasters equally good? The test of Diebold and Mariano, for many pairs at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from harness.arrays import Floats
from harness.errors import BadInput

ROUNDING = 1e-12  # a variance this small beside the first autocovariance is zero


@dataclass(frozen=True, eq=False)
class DieboldMariano:
    """What the test says of each pair; NaN where it says nothing."""

    statistic: Floats  # (pair,); positive where the first lost more
    p_value: Floats  # (pair,), two-sided
    p_greater: Floats  # (pair,), one-sided: small where the first is worse


def diebold_mariano(differences: Floats, horizon: int = 1) -> DieboldMariano:
    """The test of equal loss, pair by pair; Diebold & Mariano (1995), eq. 1, by Harvey et al. (1997), eq. 9.

    `differences` is (unit, pair): the loss of the first minus that of the second, in time order. So many
    consecutive units as `horizon` says overlap: autocovariances up to horizon − 1 count, all alike, and t has
    units − 1 degrees of freedom, as in dm.test of R's package forecast. Where the variance is not positive
    the pair is tested as with horizon 1, as R does.

    Two forecasters whose losses are equal in each unit have statistic 0 and p = 1. A difference that is the
    same in each unit, but not zero, has an infinite statistic and p = 0: the limit of ever less noise (R
    refuses it). With fewer than two units, or a horizon that leaves none, everything is NaN.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if differences.ndim != 2:
        raise BadInput(f"differences must be (unit, pair), not of shape {differences.shape}")
    if horizon < 1:
        raise BadInput(f"horizon must be at least 1, not {horizon}")
    if not np.isfinite(differences).all():
        raise BadInput("differences of losses must be finite; leave out the units in which one is not known")
    units, pairs = differences.shape
    if units < 2 or horizon >= units:
        unknown = np.full(pairs, math.nan)
        return DieboldMariano(unknown, unknown.copy(), unknown.copy())
    statistic = _statistic(differences, horizon)
    tail: Floats = special.stdtr(units - 1, -np.abs(statistic))
    return DieboldMariano(statistic, 2 * tail, np.where(statistic > 0, tail, 1 - tail))


def harvey_factor(units: int, horizon: int) -> float:
    """What the statistic is multiplied by in small samples; Harvey, Leybourne & Newbold (1997), eq. 9."""
    return math.sqrt(max(units + 1 - 2 * horizon + horizon * (horizon - 1) / units, 0.0) / units)


def _statistic(differences: Floats, horizon: int) -> Floats:
    units = len(differences)
    size = np.abs(differences).max(axis=0)
    scaled = differences / np.where(size > 0, size, 1)  # squares of huge losses would overflow
    mean = scaled.mean(axis=0)
    centred = scaled - mean
    at_once = np.einsum("up,up->p", centred, centred) / units
    variance = at_once.copy()
    for lag in range(1, horizon):
        variance += 2 / units * np.einsum("up,up->p", centred[lag:], centred[:-lag])
    overlapping = variance > ROUNDING * at_once
    variance = np.where(overlapping, variance, at_once)
    factor = np.where(overlapping, harvey_factor(units, horizon), harvey_factor(units, 1))
    constant = differences.max(axis=0) == differences.min(axis=0)
    certain = np.where(size > 0, np.copysign(math.inf, mean), 0.0)
    error = np.sqrt(np.where(constant, 1, variance) / units)
    statistic: Floats = np.where(constant, certain, factor * mean / error)
    return statistic
