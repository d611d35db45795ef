"""What of a board is more than chance: intervals, pairs, ranks, and who may be the best.

Where a board has many sources of data, the sources are drawn again, each with all of its tasks: the board
speaks for further data. Where it has few, its tasks are fixed, and their units are drawn again within each:
it speaks for further series, or cutoffs, of these tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.ranking import Matrix, RankTest, Significance
from harness.ranking.contests import Figures, Ring
from harness.ranking.units import MOST_NUMBERS, Units
from harness.scoring import distances
from harness.statistics.confidence_set import FEWEST_UNITS, confidence_set
from harness.statistics.diebold_mariano import diebold_mariano
from harness.statistics.multiplicity import holm
from harness.statistics.ranks import cliques, critical_difference, friedman
from harness.statistics.resampling import Stratum, counts, expanded_interval, resamples

SAMPLES, LEVEL, SEED = 1000, 0.95, 0
FEWEST_SOURCES = 10  # from so many on, sources are drawn again
FEWEST_PAIRED = 8  # units for a test of a pair, where none overlap
FEWEST_OVERLAPPING = 20  # times the overlap, where they do: with fewer it errs too often (docs/statistics.md)


@dataclass(frozen=True, eq=False)
class Draws:
    """What else might have come out, in words and in numbers."""

    figures: Figures
    units: float  # that count as independent
    fewest: float  # of them in any stratum: the fewer, the less draws vary
    indices: Ints  # (sample, unit)
    losses: Floats  # (unit, forecaster): their mean is the mean logarithm of relative errors, to first order
    blocks: Floats  # (block, forecaster), in each of which forecasters can be ranked
    method: str


def drawn(ring: Ring, samples: int = SAMPLES) -> Draws | str:
    """The board's figures on resamples of what it rests on, or why there are none."""
    sources = list(dict.fromkeys(one.source for one in ring.contests))
    if not ring.contests:
        return "no task counts"
    if not ring.impute:
        return "forecasters are compared on different tasks or windows"
    if len(sources) >= FEWEST_SOURCES:
        return _drawn_sources(ring, sources, samples)
    lacking = [one.task for one in ring.contests if one.stratum is None]
    if lacking:
        return f"{lacking[0]} has fewer than two units that could be drawn again, or its terms are not known"
    return _drawn_units(ring, samples)


def _drawn_sources(ring: Ring, sources: list[str], samples: int) -> Draws:
    """Whole sources drawn again."""
    of_task = np.array([sources.index(one.source) for one in ring.contests])
    indices = resamples([Stratum(len(sources))], samples, SEED)
    weights = counts(indices, len(sources))[:, of_task].astype(np.float64)
    logs, share = ring.logs(ring.errors), np.bincount(of_task)
    member = of_task[None, :] == np.arange(len(sources))[:, None]
    by_source = (member / share[:, None]) @ logs
    losses = (member / (len(of_task) / len(sources))) @ logs  # each source weighs as many tasks as it has
    method = f"{samples:,} resamples of {len(sources)} data sets, each with all of its tasks"
    count = len(sources)
    return Draws(Figures.of(ring, ring.errors, weights), count, count, indices, losses, by_source, method)


def _drawn_units(ring: Ring, samples: int) -> Draws:
    """Tasks fixed, units drawn again within each."""
    strata = [one.stratum for one in ring.contests if one.stratum is not None]
    indices = resamples(strata, samples, SEED)
    ends = np.cumsum([0, *(one.units for one in strata)])
    apart = np.empty((samples, len(ring.contests), len(ring.contests[0].distances)))
    for i, one in enumerate(ring.contests):
        assert one.sums is not None
        weights = counts(indices[:, ends[i] : ends[i + 1]] - ends[i], strata[i].units).astype(np.float64)
        scores = distances(ring.metric, one.sums.scores(weights), one.quantile_levels)
        apart[:, i] = one.of_forecasters(scores)
    step = max(1, MOST_NUMBERS // 4 // apart[0].size)
    parts = [Figures.of(ring, ring.imputed(apart[i : i + step])) for i in range(0, samples, step)]
    figures = Figures(
        np.concatenate([one.logs for one in parts]),
        np.concatenate([one.win_rates for one in parts]),
        np.concatenate([one.mean_ranks for one in parts]),
        np.concatenate([one.medians for one in parts]),
    )
    independent = sum(one.independent for one in strata) - len(strata) + 1
    blocks = [np.nan_to_num(one.losses, nan=np.inf)[:: one.units.overlap] for one in ring.contests if one.units]
    losses = _linearised(ring, strata) if ring.metric.best == "lowest" else np.empty((0, apart.shape[2]))
    fewest = min(one.independent for one in strata)
    said = _said(ring, samples, strata)
    return Draws(figures, independent, fewest, indices, losses, np.concatenate(blocks), said)


def _said(ring: Ring, samples: int, strata: Sequence[Stratum]) -> str:
    kinds = {one.units.kind for one in ring.contests if one.units is not None}
    what = " and ".join(sorted(kinds))
    count = sum(one.units for one in strata)
    tasks = "the task" if len(strata) == 1 else f"each of {len(strata)} tasks"
    longest = max(one.block for one in strata)
    blocks = f", overlapping ones in blocks of up to {longest}" if longest > 1 else ""
    return f"{samples:,} resamples of the {count:,} {what} within {tasks}{blocks}"


def _linearised(ring: Ring, strata: Sequence[Stratum]) -> Floats:
    """Losses whose mean over all units is the mean log relative error, and which vary with it to first order."""
    total, rows = sum(one.units for one in strata), []
    for i, one in enumerate(ring.contests):
        log = ring.logs(ring.errors[i])
        losses = one.losses
        mean = losses.mean(axis=0)
        low, high = ring.clip
        free = (mean > 0) & (ring.errors[i] > low) & (ring.errors[i] < high)
        with np.errstate(all="ignore"):
            slope = (0.5 if one.sums is not None and one.sums.root else 1.0) * (losses - mean) / mean
        each = log + np.where(free, slope, 0.0)
        if len(each) < strata[i].units:  # units in which nothing counts vary with nothing
            each = np.concatenate([each, np.tile(log, (strata[i].units - len(each), 1))])
        rows.append(each * (total / (len(strata) * strata[i].units)))
    return np.concatenate(rows)


def intervals(draws: Draws) -> dict[str, tuple[Floats, Floats]]:
    """Low and high ends, each (forecaster,), of a board's figures."""
    figures = draws.figures
    low, high = _interval(figures.logs, draws)
    found = {"skill": (1 - np.exp(high), 1 - np.exp(low))}
    for name, values in (
        ("win_rate", figures.win_rates),
        ("mean_rank", figures.mean_ranks),
        ("median_relative_error", figures.medians),
    ):
        found[name] = _interval(values, draws)
    return found


def _interval(values: Floats, draws: Draws) -> tuple[Floats, Floats]:
    return expanded_interval(values, draws.fewest, LEVEL, freedom=draws.units - 1)


def confidence(ring: Ring, draws: Draws) -> Floats | None:
    """Each forecaster's p-value of being among the best, (forecaster,); None where too little is known."""
    if ring.metric.best != "lowest" or draws.units < FEWEST_UNITS:
        return None
    return confidence_set(draws.losses, draws.indices, draws.units)


def significance(ring: Ring, draws: Draws, names: Sequence[str], order: Ints) -> Significance:
    """All that can be said of pairs, for forecasters in the `order` of the board; `names` are theirs by index."""
    logs = ring.logs(ring.errors)[:, order].mean(axis=0)
    low, high = _differences(draws, order)
    return Significance(
        method=draws.method,
        units=math.floor(draws.units),
        samples=len(draws.indices),
        level=LEVEL,
        forecasters=tuple(names[i] for i in order),
        win_rates=_matrix(_beaten(ring.errors[:, order])),
        skills=_matrix(1 - np.exp(logs[:, None] - logs[None, :])),
        skill_lows=_matrix(1 - np.exp(high)),
        skill_highs=_matrix(1 - np.exp(low)),
        p_values=_p_values(ring, order),
        rank_test=_rank_test(ring, draws.blocks[:, order], [names[i] for i in order]),
    )


def _beaten(errors: Floats) -> Floats:
    """The share of tasks in which one beats another, ties one half, (forecaster, forecaster)."""
    first, second = errors[:, :, None], errors[:, None, :]
    shares: Floats = ((first < second) + 0.5 * (first == second)).mean(axis=0)
    return shares


def _differences(draws: Draws, order: Ints) -> tuple[Floats, Floats]:
    """The interval of each difference of mean logarithms, (forecaster, forecaster) each."""
    logs = draws.figures.logs[:, order]
    first, second = np.triu_indices(len(order), 1)
    low, high = np.zeros((2, len(order), len(order)))
    low[first, second], high[first, second] = _interval(logs[:, first] - logs[:, second], draws)
    return low - high.T, high - low.T


def _p_values(ring: Ring, order: Ints) -> Mapping[str, tuple[float, ...]]:
    """By task, Diebold–Mariano's p-value of each pair, after Holm's correction over the pairs."""
    first, second = np.triu_indices(len(order), 1)
    found = {}
    for one in ring.contests:
        if ring.metric.best != "lowest" or one.units is None or not _testable(one.units):
            continue
        losses = one.losses[:, order]
        differences = losses[:, first] - losses[:, second]
        known = ~np.isnan(differences).any(axis=0)
        p_values = np.full(len(first), np.nan)
        p_values[known] = diebold_mariano(differences[:, known], one.units.overlap).p_value
        found[one.task] = tuple(np.round(holm(p_values), 5).tolist())
    return found


def _testable(units: Units) -> bool:
    return units.count >= (FEWEST_PAIRED if units.overlap == 1 else FEWEST_OVERLAPPING * units.overlap)


def _rank_test(ring: Ring, blocks: Floats, names: Sequence[str]) -> RankTest | None:
    if ring.metric.best != "lowest" or len(blocks) < FEWEST_PAIRED or len(names) < 2:
        return None
    test, difference = friedman(blocks), critical_difference(len(names), len(blocks))
    best_first = np.argsort(test.mean_ranks, kind="stable")
    groups = cliques(test.mean_ranks, difference)
    return RankTest(
        test.statistic,
        test.p_value,
        test.blocks,
        difference,
        {names[i]: float(test.mean_ranks[i]) for i in best_first},
        tuple(tuple(names[i] for i in group) for group in groups),
    )


def _matrix(values: Floats) -> Matrix:
    return tuple(tuple(row) for row in np.round(values, 6).tolist())
