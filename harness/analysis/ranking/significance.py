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

from harness.analysis.ranking.error_table import Aggregates, ErrorTable, TaskErrors
from harness.analysis.ranking.units import MOST_NUMBERS
from harness.analysis.statistics.confidence_set import FEWEST_UNITS, confidence_set
from harness.analysis.statistics.diebold_mariano import diebold_mariano
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.statistics.ranks import cliques, critical_difference, friedman
from harness.analysis.statistics.resampling import Stratum, counts, expanded_interval, resamples
from harness.arrays import Floats, Ints
from harness.evaluation.scoring import distances
from harness.results.standings import Matrix, RankTest, Significance

SAMPLES, LEVEL, SEED = 1000, 0.95, 0
CACHED = 200_000  # numbers of draws that are looked at together
FEWEST_SOURCES = 10  # from so many on, sources are drawn again
FEWEST_DRAWN = 5  # independent units, over all tasks: draws of fewer never leave the little that was seen
WORTH = 0.6  # of a normal unit: real losses are skewed, and units differ in weight; found by simulation
FEWEST_PAIRED = 8  # units for a test of a pair, where none overlap; blocks for one of ranks
FEWEST_OVERLAPPING = 20  # times the overlap, where they do: with fewer it errs too often (docs/statistics.md)


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """What else might have come out, in words and in numbers."""

    figures: Aggregates
    estimates: Aggregates  # what did come out
    units: float  # that count as independent
    fewest: float  # of them in any stratum: the fewer, the less draws vary
    indices: Ints  # (sample, unit)
    losses: Floats  # (unit, forecaster): their mean is the mean logarithm of relative errors, to first order
    blocks: Floats  # (block, forecaster), in each of which forecasters can be ranked
    method: str


def bootstrap(table: ErrorTable, samples: int = SAMPLES) -> Bootstrap | str:
    """The board's figures on resamples of what it rests on, or why there are none."""
    sources = list(dict.fromkeys(one.source for one in table.tasks))
    if not table.tasks:
        return "no task counts"
    if not table.impute:
        return "forecasters are compared on different tasks or windows"
    if len(sources) >= FEWEST_SOURCES:
        return _drawn_sources(table, sources, samples)
    lacking = [one.task for one in table.tasks if one.stratum is None]
    if lacking:
        return f"{lacking[0]} has fewer than two units that could be drawn again, or its terms are not known"
    independent = _independent([one.stratum for one in table.tasks if one.stratum is not None])
    if independent < FEWEST_DRAWN:
        return (
            f"with fewer than {FEWEST_DRAWN} independent units, here {independent:.3g}, intervals would be too narrow"
        )
    return _drawn_units(table, samples)


def _drawn_sources(table: ErrorTable, sources: list[str], samples: int) -> Bootstrap:
    """Whole sources drawn again."""
    of_task = np.array([sources.index(one.source) for one in table.tasks])
    indices = resamples([Stratum(len(sources))], samples, SEED)
    weights = counts(indices, len(sources))[:, of_task].astype(np.float64)
    logs, share = table.logs(table.errors), np.bincount(of_task)
    member = of_task[None, :] == np.arange(len(sources))[:, None]
    by_source = (member / share[:, None]) @ logs
    mean = logs.mean(axis=0)
    losses = mean + member @ (logs - mean) * (len(sources) / len(of_task))  # a source weighs as its tasks do
    method = f"{samples:,} resamples of {len(sources)} data sets, each with all of its tasks"
    figures, came, count = Aggregates.of(table, table.errors, weights), Aggregates.of(table, table.errors), len(sources)
    return Bootstrap(figures, came, count, count, indices, losses, by_source, method)


def _drawn_units(table: ErrorTable, samples: int) -> Bootstrap:
    """Tasks fixed, units drawn again within each."""
    strata = [one.stratum for one in table.tasks if one.stratum is not None]
    indices = resamples(strata, samples, SEED)
    ends = np.cumsum([0, *(one.units for one in strata)])
    apart = np.empty((samples, len(table.tasks), len(table.tasks[0].distances)))
    for i, one in enumerate(table.tasks):
        assert one.sums is not None
        weights = counts(indices[:, ends[i] : ends[i + 1]] - ends[i], strata[i].units).astype(np.float64)
        scores = distances(table.metric, one.sums.scores(weights), one.quantile_levels)
        apart[:, i] = one.of_forecasters(scores)
    step = max(1, CACHED // apart[0].size)
    parts = [Aggregates.of(table, table.imputed(apart[i : i + step])) for i in range(0, samples, step)]
    figures = Aggregates(
        np.concatenate([one.logs for one in parts]),
        np.concatenate([one.win_rates for one in parts]),
        np.concatenate([one.mean_ranks for one in parts]),
        np.concatenate([one.medians for one in parts]),
    )
    lowest = table.metric.best == "lowest"
    losses = _linearised(table, strata) if lowest else np.empty((0, apart.shape[2]))
    blocks = np.concatenate([_blocks(one) for one in table.tasks]) if lowest else losses
    fewest, said = min(one.independent for one in strata), _said(table, samples, strata)
    came = Aggregates.of(table, table.errors)
    return Bootstrap(figures, came, _independent(strata), fewest, indices, losses, blocks, said)


def _independent(strata: Sequence[Stratum]) -> float:
    """How many independent units of a single stratum would know the spread as well."""
    return sum(one.independent for one in strata) - len(strata) + 1


def _blocks(task_errors: TaskErrors) -> Floats:
    """Losses in units that do not overlap, (unit, forecaster); who has none is as bad as the worst."""
    assert task_errors.units is not None
    losses = task_errors.losses[:: task_errors.units.overlap]
    return np.where(np.isnan(losses), np.fmax.reduce(losses, axis=1, keepdims=True), losses)


def _said(table: ErrorTable, samples: int, strata: Sequence[Stratum]) -> str:
    kinds = {one.units.kind for one in table.tasks if one.units is not None}
    what = " and ".join(sorted(kinds))
    count = sum(one.units for one in strata)
    tasks = "" if len(strata) == 1 else f" in all, drawn within each of {len(strata)} tasks"
    longest = max(one.block for one in strata)
    blocks = f", overlapping ones in blocks of up to {longest}" if longest > 1 else ""
    together = "; too narrow where series move together" if "series" in kinds else ""
    return f"{samples:,} resamples of {count:,} {what}{tasks}{blocks}{together}"


def _linearised(table: ErrorTable, strata: Sequence[Stratum]) -> Floats:
    """Losses whose mean over all units is the mean log relative error, and which vary with it to first order.

    They are the jackknife's pseudo-values (Efron & Stein 1981), which vary no less than the truth where few units
    carry much. Draws within strata of few units vary too little; what `confidence_set` does about that for all
    units, as if they were one stratum, is made up to what each stratum needs.
    """
    total, together, rows = sum(one.units for one in strata), _narrow(_independent(strata)), []
    for one, stratum, errors in zip(table.tasks, strata, table.errors, strict=True):
        assert one.sums is not None
        without = table.logs(table.imputed(one.of_forecasters(one.sums.without())))
        pseudo = (stratum.units - 1) * (without.mean(axis=0) - without)
        each = table.logs(errors) + pseudo * (_narrow(stratum.independent) / together)
        rows.append(each * (total / (len(strata) * stratum.units)))
    return np.concatenate(rows)


def _narrow(units: float) -> float:
    """By what draws of so many units vary too little."""
    return math.sqrt(units / (units - 1))


def intervals(draws: Bootstrap) -> dict[str, tuple[Floats, Floats]]:
    """Low and high ends, each (forecaster,), of a board's figures."""
    figures, came = draws.figures, draws.estimates
    low, high = _interval(figures.logs, came.logs, draws)
    return {
        "skill": (1 - np.exp(high), 1 - np.exp(low)),
        "win_rate": _interval(figures.win_rates, came.win_rates, draws),
        "mean_rank": _interval(figures.mean_ranks, came.mean_ranks, draws),
        "median_relative_error": _interval(figures.medians, came.medians, draws),
    }


def _interval(values: Floats, estimates: Floats, draws: Bootstrap) -> tuple[Floats, Floats]:
    """The ends, moved out to the estimate where draws of ranks, drawn to the middle, have left it outside."""
    low, high = expanded_interval(values, draws.fewest, LEVEL, freedom=draws.units - 1)
    return np.fmin(low, estimates), np.fmax(high, estimates)


def confidence(table: ErrorTable, draws: Bootstrap) -> Floats | None:
    """Each forecaster's p-value of being among the best, (forecaster,); None where too little is known."""
    if table.metric.best != "lowest" or draws.units < FEWEST_UNITS:
        return None
    return confidence_set(draws.losses, draws.indices, WORTH * draws.units)


def significance(table: ErrorTable, draws: Bootstrap, names: Sequence[str], order: Ints) -> Significance:
    """All that can be said of pairs, for forecasters in the `order` of the board; `names` are theirs by index."""
    logs = table.logs(table.errors)[:, order].mean(axis=0)
    low, high = _differences(draws, order)
    return Significance(
        method=draws.method,
        units=math.floor(draws.units),
        samples=len(draws.indices),
        level=LEVEL,
        forecasters=tuple(names[i] for i in order),
        win_rates=_matrix(_beaten(table.errors[:, order])),
        skills=_matrix(1 - np.exp(logs[:, None] - logs[None, :])),
        skill_lows=_matrix(1 - np.exp(high)),
        skill_highs=_matrix(1 - np.exp(low)),
        p_values=_p_values(table, order),
        rank_test=_rank_test(table, draws.blocks[:, order], [names[i] for i in order]),
    )


def _beaten(errors: Floats) -> Floats:
    """The share of tasks in which one beats another, ties one half, (forecaster, forecaster)."""
    first, second = errors[:, :, None], errors[:, None, :]
    shares: Floats = ((first < second) + 0.5 * (first == second)).mean(axis=0)
    return shares


def _differences(draws: Bootstrap, order: Ints) -> tuple[Floats, Floats]:
    """The interval of each difference of mean logarithms, (forecaster, forecaster) each."""
    logs, came = np.ascontiguousarray(draws.figures.logs.T)[order], draws.estimates.logs[order]
    low, high = np.zeros((2, len(order), len(order)))
    for i in range(len(order) - 1):
        rest = slice(i + 1, None)
        low[i, rest], high[i, rest] = _interval((logs[i] - logs[rest]).T, came[i] - came[rest], draws)
    return low - high.T, high - low.T


def _p_values(table: ErrorTable, order: Ints) -> Mapping[str, tuple[float, ...]]:
    """By task, Diebold–Mariano's p-value of each pair, after Holm's correction over the pairs."""
    first, second = np.triu_indices(len(order), 1)
    found = {}
    for one in table.tasks:
        if table.metric.best != "lowest" or one.units is None or not _testable(one):
            continue
        losses, p_values = one.losses[:, order], np.full(len(first), np.nan)
        scored = ~np.isnan(one.distances[order])
        known = np.flatnonzero(scored[first] & scored[second])
        for pairs in np.array_split(known, math.ceil(len(known) * len(losses) / MOST_NUMBERS) or 1):
            differences = losses[:, first[pairs]] - losses[:, second[pairs]]
            p_values[pairs] = diebold_mariano(differences, one.units.overlap).p_value
        found[one.task] = tuple(np.round(holm(p_values), 5).tolist())
    return found


def _testable(task_errors: TaskErrors) -> bool:
    if task_errors.units is None or task_errors.sums is None:
        return False
    return testable(len(task_errors.sums), task_errors.units.overlap)


def testable(units: int, overlap: int) -> bool:
    """Whether a pair can be tested on so many units, of which so many consecutive ones overlap."""
    return units >= (FEWEST_PAIRED if overlap == 1 else FEWEST_OVERLAPPING * overlap)


def _rank_test(table: ErrorTable, blocks: Floats, names: Sequence[str]) -> RankTest | None:
    if table.metric.best != "lowest" or len(blocks) < FEWEST_PAIRED or len(names) < 2:
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
