"""Rank tests of several forecasters on several blocks (tasks, series): Friedman's, and Nemenyi's post-hoc test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from harness.analysis.aggregation import ranks
from harness.arrays import Floats
from harness.errors import BadInput

ROUNDING = 1e-9  # mean ranks are means of halves: those closer than this are equal


@dataclass(frozen=True, eq=False)
class Friedman:
    """The result of Friedman's test of equal mean ranks; NaN with fewer than two forecasters or blocks."""

    statistic: float
    p_value: float
    mean_ranks: Floats  # (forecaster,)
    blocks: int


def average_ranks(losses: Floats) -> Floats:
    """The rank of each forecaster in each block, (block, forecaster): 1 has the lowest loss, ties share the mean."""
    losses = np.asarray(losses, dtype=np.float64)
    if losses.ndim != 2:
        raise BadInput(f"losses must be (block, forecaster), not of shape {losses.shape}")
    if np.isnan(losses).any():
        raise BadInput("a NaN has no rank; leave out blocks with one")
    return ranks(losses) if losses.size else np.empty(losses.shape)


def friedman(losses: Floats) -> Friedman:
    """Friedman's test of (block, forecaster) losses, χ² with forecasters − 1 degrees of freedom.

    The statistic is corrected for ties: Conover (1999), section 5.8, eq. 4. Where all forecasters tie in all
    blocks it is 0 and p is 1.
    """
    ranked = average_ranks(losses)
    blocks, forecasters = ranked.shape
    if blocks < 2 or forecasters < 2:
        unknown = ranked.mean(axis=0) if blocks else np.full(forecasters, math.nan)
        return Friedman(math.nan, math.nan, unknown, blocks)
    middle = (forecasters + 1) / 2
    mean_ranks = ranked.mean(axis=0)
    within = ((ranked - middle) ** 2).sum() / (forecasters - 1)
    between = blocks**2 * ((mean_ranks - middle) ** 2).sum()
    statistic = float(between / within) if within > 0 else 0.0
    return Friedman(statistic, float(special.chdtrc(forecasters - 1, statistic)), mean_ranks, blocks)


def friedman_from_mean_ranks(mean_ranks: Floats, blocks: int) -> Friedman:
    """Friedman's test of published mean ranks, as if there were no ties; Demšar (2006), section 3.2.2."""
    mean_ranks = np.asarray(mean_ranks, dtype=np.float64)
    forecasters = len(mean_ranks)
    if blocks < 2 or forecasters < 2:
        return Friedman(math.nan, math.nan, mean_ranks, blocks)
    squares = float((mean_ranks**2).sum())
    statistic = 12 * blocks / (forecasters * (forecasters + 1)) * (squares - forecasters * (forecasters + 1) ** 2 / 4)
    return Friedman(statistic, float(special.chdtrc(forecasters - 1, max(statistic, 0))), mean_ranks, blocks)


@lru_cache(maxsize=256)
def critical_difference(forecasters: int, blocks: int, level: float = 0.05) -> float:
    """The difference from which on two mean ranks differ significantly, Nemenyi (1963); Demšar (2006), section 3.2.2.

    The studentised range with infinite degrees of freedom, over √2, times √(k (k + 1) / 6N). NaN with fewer
    than two forecasters or no block.
    """
    if forecasters < 2 or blocks < 1:
        return math.nan
    return studentized_range(1 - level, forecasters) * math.sqrt(forecasters * (forecasters + 1) / (12 * blocks))


def studentized_range(probability: float, count: int) -> float:
    """The quantile, at that probability, of the range of `count` standard normal numbers.

    Its distribution function is k ∫ φ(z) (Φ(z + range) − Φ(z))^(k − 1) dz, which a sum over a grid gives to all
    digits, since the integrand is smooth and vanishes at both ends. SciPy's studentized_range, with infinite degrees
    of freedom, gives the same digits but takes half a second to import.
    """
    smallest, step = np.linspace(-9, 9, 361, retstep=True)
    density, below = np.exp(-(smallest**2) / 2) / math.sqrt(2 * math.pi), special.ndtr(smallest)
    low, high = 0.0, 40.0
    while (middle := (low + high) / 2) not in (low, high):
        others = (special.ndtr(smallest + middle) - below) ** (count - 1)
        within = count * step * float((density * others).sum())
        low, high = (middle, high) if within < probability else (low, middle)
    return high


def cliques(mean_ranks: Sequence[float] | Floats, difference: float) -> tuple[tuple[int, ...], ...]:
    """The largest groups whose mean ranks lie within the critical difference: the bars of the diagram.

    Each holds positions in `mean_ranks`, best first, and so are the groups ordered. A forecaster that differs from
    all others is in none.
    """
    mean_ranks = np.asarray(mean_ranks, dtype=np.float64)
    order = np.argsort(mean_ranks, kind="stable")
    ordered = mean_ranks[order]
    ends = np.searchsorted(ordered, ordered + difference + ROUNDING, side="right")
    groups, reached = [], 0
    for start, end in enumerate(ends):
        if end - start > 1 and end > reached:
            groups.append(tuple(int(position) for position in order[start:end]))
        reached = max(reached, int(end))
    return tuple(groups)
