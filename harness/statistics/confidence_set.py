"""The forecasters among which the best one is: the model confidence set."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from scipy import special

from harness.arrays import Floats, Ints
from harness.errors import BadInput

FEWEST_UNITS = 10  # with fewer the best forecaster is left out too often: docs/statistics.md
MOST_PAIRED = 50  # forecasters; of more, comparing each with the mean of all saves time and memory
DITHER = 1e-9  # relative to each forecaster's losses; without it a difference that never varies is 0 / 0


def confidence_set(losses: Floats, indices: Ints, units: float | None = None) -> Floats:
    """The p-value, (forecaster,), of each in the model confidence set; Hansen, Lunde & Nason (2011), section 3.1.2.

    By T_R, which compares each with each; beyond `MOST_PAIRED` forecasters by T_max, which compares each with
    the mean of all, and finds less. The set at level 1 − α holds those with p > α. `losses` is (unit, forecaster),
    `indices` (sample, unit) as `resamples` draws them. Forecasters with the same losses are one and share its
    p-value; the last that is left has p = 1, and who loses by the same amount in each unit has p = 0. With fewer
    than two units everything is NaN; give no verdict below `FEWEST_UNITS`. `units` is the effective number of
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
    from arch.bootstrap import MCS, IIDBootstrap

    class Given(IIDBootstrap):  # type: ignore[misc]
        """Draws that were made before."""

        def update_indices(self) -> Any:
            return next(rows)

    rows = iter(indices)
    method = "R" if losses.shape[1] <= MOST_PAIRED else "max"
    mcs = MCS(losses, size=0.05, reps=len(indices), block_size=1, method=method, seed=0)
    mcs.bootstrap = Given(np.arange(len(losses)))
    with warnings.catch_warnings(), np.errstate(divide="raise", invalid="raise", over="raise"):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            mcs.compute()
        except FloatingPointError as error:  # not raised, 0 / 0 would have it look for the worst without end
            raise BadInput("losses of such different sizes cannot be compared; clip them first") from error
    found: Floats = mcs.pvalues["Pvalue"].sort_index().to_numpy(dtype=np.float64)
    return found
