"""Several forecasters on several blocks (tasks, series), by their ranks: Friedman's test, Nemenyi's distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from harness.arrays import Floats
from harness.errors import BadInput

ROUNDING = 1e-9  # mean ranks are sums of halves: what is nearer than this is equal


@dataclass(frozen=True, eq=False)
class Friedman:
    """Whether any forecaster ranks better than another; NaN with fewer than two forecasters or blocks."""

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
        raise BadInput("losses without a value have no rank; leave out the blocks in which one is not known")
    if not losses.size:
        return np.empty(losses.shape)
    from scipy.stats import rankdata  # half a second of imports, which boards of few tasks can do without

    ranks: Floats = rankdata(losses, axis=1)
    return ranks


def friedman(losses: Floats) -> Friedman:
    """Friedman's test of (block, forecaster) losses, χ² with forecasters − 1 degrees of freedom.

    The statistic is corrected for ties: Conover (1999), section 5.8, eq. 4. Where all forecasters tie in all
    blocks it is 0 and p is 1.
    """
    ranks = average_ranks(losses)
    blocks, forecasters = ranks.shape
    if blocks < 2 or forecasters < 2:
        unknown = ranks.mean(axis=0) if blocks else np.full(forecasters, math.nan)
        return Friedman(math.nan, math.nan, unknown, blocks)
    middle = (forecasters + 1) / 2
    mean_ranks = ranks.mean(axis=0)
    within = ((ranks - middle) ** 2).sum() / (forecasters - 1)
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
    """Mean ranks further apart than this differ, Nemenyi (1963); Demšar (2006), section 3.2.2.

    The studentised range with infinite degrees of freedom, over √2, times √(k (k + 1) / 6N). NaN with fewer
    than two forecasters or no block.
    """
    if forecasters < 2 or blocks < 1:
        return math.nan
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - level, forecasters, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(forecasters * (forecasters + 1) / (6 * blocks))


def cliques(mean_ranks: Sequence[float] | Floats, difference: float) -> tuple[tuple[int, ...], ...]:
    """The largest groups whose mean ranks lie within the critical difference: the bars of the diagram.

    Places in `mean_ranks`, best first, in each group and of the groups. A forecaster unlike all others is in
    none.
    """
    mean_ranks = np.asarray(mean_ranks, dtype=np.float64)
    order = np.argsort(mean_ranks, kind="stable")
    ordered = mean_ranks[order]
    ends = np.searchsorted(ordered, ordered + difference + ROUNDING, side="right")
    groups, reached = [], 0
    for start, end in enumerate(ends):
        if end - start > 1 and end > reached:
            groups.append(tuple(int(place) for place in order[start:end]))
        reached = max(reached, int(end))
    return tuple(groups)
