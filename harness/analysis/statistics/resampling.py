"""Bootstrap: resamples of units, in blocks where they overlap, and intervals from replicates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from harness.arrays import Floats, Ints
from harness.errors import BadInput

LARGE = 10_000_000  # numbers, from which on positions have 32 bits
BLOCK_NUMBERS = 1_000_000  # of an array of replicates or positions, computed or used at a time


@dataclass(frozen=True)
class Stratum:
    """Units that are resampled among themselves: the windows of a series, the series of a task."""

    units: int
    block: int = 1  # consecutive units that stay together; more than one where they may depend on each other
    overlapping: bool = False  # whether consecutive units overlap, so that they depend on each other for certain

    def __post_init__(self) -> None:
        if self.units < 1 or self.block < 1:
            raise BadInput(f"a stratum has at least one unit and blocks of at least one, unlike {self}")

    @property
    def blocks(self) -> float:
        """The number of blocks, n / b."""
        return self.units / min(self.block, self.units)

    @property
    def independent(self) -> float:
        """The effective number of independent units: the number that estimates a variance as precisely.

        3 b n / (2 b² + 1) for n units in blocks of b, as for Bartlett's kernel, whose estimate that of circular blocks
        is (Künsch 1989); Priestley (1981), section 6.2.4. Where units overlap the estimate is less precise: the blocks.
        """
        block = min(self.block, self.units)
        return self.blocks if self.overlapping else 3 * block * self.units / (2 * block**2 + 1)


def resamples(strata: Sequence[Stratum], samples: int, seed: int) -> Ints:
    """Resamples with replacement, (sample, unit): positions in the concatenated strata.

    Each stratum is resampled to its own size in circular blocks; Politis & Romano (1992). The last block is
    truncated.
    """
    rng = np.random.default_rng(seed)
    total = sum(stratum.units for stratum in strata)
    kind = np.int32 if samples * total > LARGE and total < 2**31 else np.int64
    indices: Ints = np.empty((samples, total), dtype=kind)
    first = 0
    for stratum in strata:
        units = stratum.units
        last = first + units
        if stratum.block == 1:
            for rows in _blocks_of_rows(samples, units):  # the same numbers as all rows at once
                indices[rows, first:last] = rng.integers(first, last, size=(rows.stop - rows.start, units))
        else:
            block = min(stratum.block, units)
            starts = rng.integers(units, size=(samples, math.ceil(units / block), 1))
            blocks = (starts + np.arange(block)).reshape(samples, -1)[:, :units]
            blocks[blocks >= units] -= units
            indices[:, first:last] = blocks + first
        first = last
    return indices


def counts(indices: Ints, units: int) -> Ints:
    """How often each unit is in each resample, (sample, unit); `counts @ losses` is the sum of `losses[indices]`."""
    samples = len(indices)
    flat = indices + units * np.arange(samples)[:, None]
    frequencies: Ints = np.bincount(flat.ravel(), minlength=samples * units).reshape(samples, units)
    return frequencies


def block_length(units: int, overlap: int) -> int:
    """The block length of units in time order, where the forecasts of `overlap` consecutive ones overlap.

    Losses may depend on each other over time even where forecasts do not overlap: n^(1/3) units, the rate that is best
    for estimating a variance (Künsch 1989). With overlap at least four overlaps, since shorter blocks miss too much of
    the dependence. At most a fifth of the units, since fewer blocks estimate the variance too poorly:
    docs/statistics.md.
    """
    length = max(math.ceil(math.cbrt(units) - 0.5), 4 * overlap if overlap > 1 else 1)
    return max(1, min(length, units // 5))


def blocks_of_columns(values: Floats) -> Iterator[slice]:
    """Columns of an array, so many at a time that what is computed from them is small."""
    step = max(1, BLOCK_NUMBERS // max(len(values), 1))
    return (slice(first, first + step) for first in range(0, values.shape[1], step))


def _blocks_of_rows(rows: int, columns: int) -> Iterator[slice]:
    """Rows of an array, so many at a time that they are small."""
    step = max(1, BLOCK_NUMBERS // max(columns, 1))
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def expanded_interval(
    replicates: Floats, units: float, level: float = 0.95, freedom: float | None = None
) -> tuple[Floats, Floats]:
    """The ends, each (statistic,), of an interval from (sample, statistic) bootstrap replicates.

    A percentile interval with tail probabilities reduced for small samples, α′/2 = Φ(−√(n / (n − 1)) t): Hesterberg
    (2015), section 3.3, "expanded percentile". `units` is the effective number n of independent units; with fewer
    than two the ends are NaN. `freedom`, n − 1 by default, are the degrees of freedom of t: with several strata the
    variance of the replicates is too small by the n of each stratum, but it is estimated from all strata together.
    """
    replicates = np.asarray(replicates, dtype=np.float64)
    if replicates.ndim != 2:
        raise BadInput(f"replicates must be (sample, statistic), not of shape {replicates.shape}")
    if units < 2:
        unknown = np.full(replicates.shape[1], math.nan)
        return unknown, unknown.copy()
    t = -special.stdtrit(units - 1 if freedom is None else freedom, (1 - level) / 2)
    tail = float(special.ndtr(-math.sqrt(units / (units - 1)) * t))
    low: Floats = np.quantile(replicates, tail, axis=0, method="lower")
    high: Floats = np.quantile(replicates, 1 - tail, axis=0, method="higher")
    return low, high
