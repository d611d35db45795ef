"""What else might have come out: units drawn again, and intervals from such draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from harness.arrays import Floats, Ints
from harness.errors import BadInput


@dataclass(frozen=True)
class Stratum:
    """Units that are drawn among themselves: the windows of a series, the series of a task."""

    units: int
    block: int = 1  # consecutive units that stay together; more than one where units overlap

    def __post_init__(self) -> None:
        if self.units < 1 or self.block < 1:
            raise BadInput(f"a stratum has at least one unit and blocks of at least one, unlike {self}")

    @property
    def independent(self) -> float:
        """How many independent units it is worth: its blocks."""
        return self.units / min(self.block, self.units)


def resamples(strata: Sequence[Stratum], samples: int, seed: int) -> Ints:
    """Draws with replacement, (sample, unit): positions into the strata laid end to end.

    Each stratum draws as many units as it has, among its own, in circular blocks; Politis & Romano (1992).
    The last block is cut where the stratum is full.
    """
    rng = np.random.default_rng(seed)
    indices: Ints = np.empty((samples, sum(one.units for one in strata)), dtype=np.int64)
    first = 0
    for one in strata:
        last = first + one.units
        if one.block == 1:
            indices[:, first:last] = rng.integers(first, last, size=(samples, one.units))
        else:
            block = min(one.block, one.units)
            starts = rng.integers(one.units, size=(samples, math.ceil(one.units / block), 1))
            together = (starts + np.arange(block)).reshape(samples, -1)[:, : one.units]
            together[together >= one.units] -= one.units
            indices[:, first:last] = together + first
        first = last
    return indices


def counts(indices: Ints, units: int) -> Ints:
    """How often each unit is drawn, (sample, unit); `counts @ losses` sums what `losses[indices]` would."""
    samples = len(indices)
    flat = indices + units * np.arange(samples)[:, None]
    found: Ints = np.bincount(flat.ravel(), minlength=samples * units).reshape(samples, units)
    return found


def block_length(units: int, overlap: int) -> int:
    """How many consecutive units to keep together where `overlap` of them share what they forecast.

    One where none do; else four overlaps, but no more than a fifth of the units. Shorter blocks miss too much
    of the dependence, fewer blocks know too little of their own spread: docs/statistics.md.
    """
    return 1 if overlap <= 1 else max(1, min(4 * overlap, units // 5))


def expanded_interval(
    draws: Floats, units: float, level: float = 0.95, freedom: float | None = None
) -> tuple[Floats, Floats]:
    """The ends, each (statistic,), of an interval from (sample, statistic) draws of resampled statistics.

    A percentile interval with tails as much smaller as a t-interval is wider than the normal one without its
    correction for small samples, α′/2 = Φ(−√(n / (n − 1)) t): Hesterberg (2015), section 3.3, "expanded
    percentile". `units` is the effective number of independent units; with fewer than two the ends are NaN.
    `freedom`, n − 1 by default, are the degrees of freedom of t: with several strata each one's draws vary too
    little by its own n, but all of them together say how well the variance is known.
    """
    draws = np.asarray(draws, dtype=np.float64)
    if draws.ndim != 2:
        raise BadInput(f"draws must be (sample, statistic), not of shape {draws.shape}")
    if units < 2:
        unknown = np.full(draws.shape[1], math.nan)
        return unknown, unknown.copy()
    t = -special.stdtrit(units - 1 if freedom is None else freedom, (1 - level) / 2)
    tail = float(special.ndtr(-math.sqrt(units / (units - 1)) * t))
    low: Floats = np.quantile(draws, tail, axis=0, method="lower")
    high: Floats = np.quantile(draws, 1 - tail, axis=0, method="higher")
    return low, high
