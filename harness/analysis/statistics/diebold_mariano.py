"""The Diebold–Mariano test of equal expected loss, for many pairs of forecasters at once.

Three estimates of the variance of a mean difference: from autocovariances up to the overlap, from cosines, which allow
for any serial dependence, and clustered by series and cutoff, for panels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from harness.analysis.statistics.clustering import two_way_covariance
from harness.analysis.statistics.resampling import Stratum
from harness.arrays import Floats
from harness.errors import BadInput

ROUNDING = 1e-12  # a variance this small relative to the autocovariance at lag 0 is zero


@dataclass(frozen=True, eq=False)
class DieboldMariano:
    """The result of the test for each pair; NaN where it cannot be done."""

    statistic: Floats  # (pair,); positive where the first has the larger loss
    p_value: Floats  # (pair,), two-sided
    p_greater: Floats  # (pair,), one-sided: small where the first is worse
    standard_error: Floats  # (pair,), of the mean difference; zero where all differences are equal
    freedom: float  # degrees of freedom of t

    @classmethod
    def of(cls, statistic: Floats, standard_error: Floats, freedom: float) -> DieboldMariano:
        """The result from statistics that have the t distribution under equal loss."""
        tail: Floats = special.stdtr(freedom, -np.abs(statistic))
        return cls(statistic, 2 * tail, np.where(statistic > 0, tail, 1 - tail), standard_error, freedom)

    @classmethod
    def unknown(cls, pairs: int) -> DieboldMariano:
        """The result of tests that cannot be done."""
        nothing = np.full(pairs, math.nan)
        return cls(nothing, nothing.copy(), nothing.copy(), nothing.copy(), math.nan)


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
    differences = _checked(differences)
    if horizon < 1:
        raise BadInput(f"horizon must be at least 1, not {horizon}")
    units, pairs = differences.shape
    if units < 2 or horizon >= units:
        return DieboldMariano.unknown(pairs)
    size, scaled = _scaled(differences)
    centred = scaled - scaled.mean(axis=0)
    variance_lag_0 = np.einsum("up,up->p", centred, centred) / units
    variance = variance_lag_0.copy()
    for lag in range(1, horizon):
        variance += 2 / units * np.einsum("up,up->p", centred[lag:], centred[:-lag])
    positive = variance > ROUNDING * variance_lag_0
    variance = np.where(positive, variance, variance_lag_0)
    factor = np.where(positive, harvey_factor(units, horizon), harvey_factor(units, 1))
    return _result(differences, size, np.sqrt(variance / units) / factor, units - 1)


def cosine_diebold_mariano(differences: Floats) -> DieboldMariano:
    """The test with a variance from equal-weighted cosines, which allows for serial dependence of any kind.

    Lazarus, Lewis, Stock & Watson (2018), section 4: the mean square of the first ν = ⌊0.4 n^(2/3)⌋ cosine transforms
    estimates the long-run variance, and the statistic has the t distribution with ν degrees of freedom. `differences`
    is (unit, pair), in time order, as for `diebold_mariano`, and special cases are treated as there. With few units
    the test has little power.
    """
    differences = _checked(differences)
    units, pairs = differences.shape
    if units < 2:
        return DieboldMariano.unknown(pairs)
    count = max(1, math.floor(0.4 * units ** (2 / 3)))
    frequencies, times = np.arange(1, count + 1), (np.arange(units) + 0.5) / units
    size, scaled = _scaled(differences)
    transforms = math.sqrt(2 / units) * np.cos(np.pi * np.outer(frequencies, times)) @ (scaled - scaled.mean(axis=0))
    return _result(differences, size, np.sqrt((transforms**2).mean(axis=0) / units), count)


def panel_diebold_mariano(deviations: Floats, differences: Floats, series: Stratum, cutoffs: Stratum) -> DieboldMariano:
    """The test of all pairs of forecasters on a panel, with a variance clustered by series and by cutoff.

    `differences` is (forecaster, forecaster), the mean loss of the first minus that of the second; `deviations` is
    (series, cutoff, forecaster), as for `two_way_covariance`. Pairs are in the order of `np.triu_indices`. t has
    as many degrees of freedom as the fewer of series and independent cutoffs, minus one.
    """
    pairs = np.triu_indices(len(differences), 1)
    variances = two_way_covariance(deviations, series, cutoffs).variances_of_differences[pairs]
    mean, error = differences[pairs], np.sqrt(variances)
    known = error > ROUNDING * np.abs(mean)
    limit = np.where(mean == 0, 0.0, np.copysign(math.inf, mean))
    statistic = np.where(known, mean / np.where(known, error, 1.0), limit)
    return DieboldMariano.of(statistic, error, min(series.independent, cutoffs.independent) - 1)


def harvey_factor(units: int, horizon: int) -> float:
    """The small-sample factor of the statistic; Harvey, Leybourne & Newbold (1997), eq. 9."""
    return math.sqrt(max(units + 1 - 2 * horizon + horizon * (horizon - 1) / units, 0.0) / units)


def _checked(differences: Floats) -> Floats:
    differences = np.asarray(differences, dtype=np.float64)
    if differences.ndim != 2:
        raise BadInput(f"differences must be (unit, pair), not of shape {differences.shape}")
    if not np.isfinite(differences).all():
        raise BadInput("differences of losses must be finite; leave out units with a NaN")
    return differences


def _scaled(differences: Floats) -> tuple[Floats, Floats]:
    """The largest difference of each pair, and all divided by it: squares of huge losses would overflow."""
    size = np.abs(differences).max(axis=0)
    return size, differences / np.where(size > 0, size, 1)


def _result(differences: Floats, size: Floats, error: Floats, freedom: float) -> DieboldMariano:
    """The result from standard errors of scaled differences."""
    mean = (differences / np.where(size > 0, size, 1)).mean(axis=0)
    constant = differences.max(axis=0) == differences.min(axis=0)
    limit = np.where(size > 0, np.copysign(math.inf, mean), 0.0)
    statistic: Floats = np.where(constant, limit, mean / np.where(constant, 1, error))
    return DieboldMariano.of(statistic, np.where(constant, 0.0, error * size), freedom)
