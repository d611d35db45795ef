"""The statistical significance of standings: intervals, pairwise tests, ranks, the model confidence set.

Where a board has many datasets, the datasets are resampled, each with all of its tasks: conclusions extend to
further datasets. Where it has few, its tasks are fixed and their units are resampled within each task: conclusions
extend to further series, or cutoffs, of these tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.ranking.error_table import Aggregates, ErrorTable, TaskErrors
from harness.analysis.ranking.units import MAX_NUMBERS
from harness.analysis.statistics.confidence_set import MIN_UNITS, confidence_set
from harness.analysis.statistics.diebold_mariano import diebold_mariano
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.statistics.ranks import cliques, critical_difference, friedman
from harness.analysis.statistics.resampling import Stratum, counts, expanded_interval, resamples
from harness.arrays import Floats, Ints
from harness.evaluation.scoring import distances
from harness.results.standings import Matrix, RankTest, Significance

SAMPLES, LEVEL, SEED = 1000, 0.95, 0
BATCH_NUMBERS = 200_000  # of replicates that are aggregated together
MIN_SOURCES = 10  # from so many datasets on, datasets are resampled
MIN_RESAMPLED = 5  # independent units, over all tasks: with fewer, resamples vary too little
EFFECTIVE = 0.6  # of a normal unit: real losses are skewed, and units differ in weight; found by simulation
MIN_PAIRED = 8  # units for a test of a pair, where none overlap; blocks for one of ranks
MIN_OVERLAPPING = 20  # times the overlap, where they do: with fewer it errs too often (docs/statistics.md)


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Bootstrap replicates of a board's aggregate scores."""

    aggregates: Aggregates  # of each replicate, (sample, forecaster)
    estimates: Aggregates  # of the data themselves, (forecaster,)
    units: float  # effective number of independent units
    min_units: float  # of them in any stratum: the fewer, the less resamples vary
    indices: Ints  # (sample, unit)
    losses: Floats  # (unit, forecaster): their mean is the mean logarithm of relative errors, to first order
    blocks: Floats  # (block, forecaster), in each of which forecasters can be ranked
    method: str  # in words


def bootstrap(table: ErrorTable, samples: int = SAMPLES) -> Bootstrap | str:
    """Replicates of the board's aggregates on resamples of its datasets or units, or why there are none."""
    sources = list(dict.fromkeys(task.source for task in table.tasks))
    if not table.tasks:
        return "the baseline has a score on no task"
    if not table.impute:
        return "forecasters are compared on different tasks or windows"
    if len(sources) >= MIN_SOURCES:
        return _resample_sources(table, sources, samples)
    for task in table.tasks:
        if task.stratum is None:
            return f"task {task.task} has fewer than two series or cutoffs to resample, or no stored per-window losses"
    units = _independent_units([task.stratum for task in table.tasks if task.stratum is not None])
    if units < MIN_RESAMPLED:
        return f"with {units:.3g} independent units, fewer than {MIN_RESAMPLED}, intervals would be too narrow"
    return _resample_units(table, samples)


def _resample_sources(table: ErrorTable, sources: list[str], samples: int) -> Bootstrap:
    """Replicates on resamples of whole datasets."""
    source_index, count = np.array([sources.index(task.source) for task in table.tasks]), len(sources)
    indices = resamples([Stratum(count)], samples, SEED)
    weights = counts(indices, count)[:, source_index].astype(np.float64)
    logs, tasks_of_source = table.logs(table.errors), np.bincount(source_index)
    member = source_index[None, :] == np.arange(count)[:, None]
    by_source = (member / tasks_of_source[:, None]) @ logs
    mean = logs.mean(axis=0)
    losses = mean + member @ (logs - mean) * (count / len(source_index))  # a dataset is weighted by its tasks
    method = f"{samples:,} resamples of {count} datasets, each with all of its tasks"
    aggregates, estimates = Aggregates.of(table, table.errors, weights), Aggregates.of(table, table.errors)
    return Bootstrap(aggregates, estimates, count, count, indices, losses, by_source, method)


def _resample_units(table: ErrorTable, samples: int) -> Bootstrap:
    """Replicates on resamples of the units within each task."""
    strata = [task.stratum for task in table.tasks if task.stratum is not None]
    indices = resamples(strata, samples, SEED)
    aggregates = _replicate_aggregates(table, strata, indices)
    lowest = table.metric.best == "lowest"
    losses = _linearise(table, strata) if lowest else np.empty((0, aggregates.logs.shape[1]))
    blocks = np.concatenate([_blocks(task) for task in table.tasks]) if lowest else losses
    min_units, method = min(stratum.independent for stratum in strata), _method(table, samples, strata)
    estimates = Aggregates.of(table, table.errors)
    return Bootstrap(aggregates, estimates, _independent_units(strata), min_units, indices, losses, blocks, method)


def _replicate_aggregates(table: ErrorTable, strata: Sequence[Stratum], indices: Ints) -> Aggregates:
    """The aggregates on each resample of units, (sample, forecaster)."""
    ends, samples = np.cumsum([0, *(stratum.units for stratum in strata)]), len(indices)
    replicates = np.empty((samples, len(table.tasks), len(table.tasks[0].distances)))
    for i, task in enumerate(table.tasks):
        assert task.sums is not None
        weights = counts(indices[:, ends[i] : ends[i + 1]] - ends[i], strata[i].units).astype(np.float64)
        scores = distances(table.metric, task.sums.scores(weights), task.quantile_levels)
        replicates[:, i] = task.of_forecasters(scores)
    step = max(1, BATCH_NUMBERS // replicates[0].size)
    batches = [replicates[i : i + step] for i in range(0, samples, step)]
    parts = [Aggregates.of(table, table.relative_errors(batch)) for batch in batches]
    return Aggregates(
        np.concatenate([part.logs for part in parts]),
        np.concatenate([part.win_rates for part in parts]),
        np.concatenate([part.mean_ranks for part in parts]),
        np.concatenate([part.medians for part in parts]),
    )


def _independent_units(strata: Sequence[Stratum]) -> float:
    """The number of independent units of a single stratum that would estimate the variance as well."""
    return sum(stratum.independent for stratum in strata) - len(strata) + 1


def _blocks(task: TaskErrors) -> Floats:
    """Losses in units that do not overlap, (unit, forecaster); a forecaster without losses has the worst."""
    assert task.units is not None
    losses = task.losses[:: task.units.overlap]
    return np.where(np.isnan(losses), np.fmax.reduce(losses, axis=1, keepdims=True), losses)


def _method(table: ErrorTable, samples: int, strata: Sequence[Stratum]) -> str:
    kinds = {task.units.kind for task in table.tasks if task.units is not None}
    count = sum(stratum.units for stratum in strata)
    within = "" if len(strata) == 1 else f" in all, resampled within each of {len(strata)} tasks"
    longest = max(stratum.block for stratum in strata)
    blocks = f", overlapping ones in blocks of up to {longest}" if longest > 1 else ""
    caveat = "; too narrow where series are correlated" if "series" in kinds else ""
    return f"{samples:,} resamples of {count:,} {' and '.join(sorted(kinds))}{within}{blocks}{caveat}"


def _linearise(table: ErrorTable, strata: Sequence[Stratum]) -> Floats:
    """Losses whose mean over all units is the mean log relative error, and which vary with it to first order.

    They are the jackknife's pseudo-values (Efron & Stein 1981), whose variance is not below the true one where few
    units carry much weight. Resamples within strata of few units vary too little; `confidence_set` corrects for
    that as if all units were one stratum, and the correction is completed here to what each stratum needs.
    """
    total, whole, rows = sum(stratum.units for stratum in strata), _correction(_independent_units(strata)), []
    for task, stratum, errors in zip(table.tasks, strata, table.errors, strict=True):
        assert task.sums is not None
        scores = task.of_forecasters(task.sums.leave_one_out_scores())
        without = table.logs(table.relative_errors(scores))
        pseudo = (stratum.units - 1) * (without.mean(axis=0) - without)
        losses = table.logs(errors) + pseudo * (_correction(stratum.independent) / whole)
        rows.append(losses * (total / (len(strata) * stratum.units)))
    return np.concatenate(rows)


def _correction(units: float) -> float:
    """The factor by which resamples of so many units have too small a standard deviation."""
    return math.sqrt(units / (units - 1))


def intervals(replicates: Bootstrap) -> dict[str, tuple[Floats, Floats]]:
    """The low and high ends of the interval of each aggregate score, each (forecaster,)."""
    samples, estimates = replicates.aggregates, replicates.estimates
    low, high = _interval(samples.logs, estimates.logs, replicates)
    return {
        "skill": (1 - np.exp(high), 1 - np.exp(low)),
        "win_rate": _interval(samples.win_rates, estimates.win_rates, replicates),
        "mean_rank": _interval(samples.mean_ranks, estimates.mean_ranks, replicates),
        "median_relative_error": _interval(samples.medians, estimates.medians, replicates),
    }


def _interval(values: Floats, estimates: Floats, replicates: Bootstrap) -> tuple[Floats, Floats]:
    """The ends, extended to the estimate where replicates of ranks, which tend to the middle, all miss it."""
    low, high = expanded_interval(values, replicates.min_units, LEVEL, freedom=replicates.units - 1)
    return np.fmin(low, estimates), np.fmax(high, estimates)


def mcs_p_values(table: ErrorTable, replicates: Bootstrap) -> Floats | None:
    """The p-value of each forecaster in the model confidence set, (forecaster,); None with too few units."""
    if table.metric.best != "lowest" or replicates.units < MIN_UNITS:
        return None
    return confidence_set(replicates.losses, replicates.indices, EFFECTIVE * replicates.units)


def significance(table: ErrorTable, replicates: Bootstrap, names: Sequence[str], order: Ints) -> Significance:
    """Pairwise comparisons of forecasters in the `order` of the board; `names` are theirs by index."""
    logs = table.logs(table.errors)[:, order].mean(axis=0)
    low, high = _difference_intervals(replicates, order)
    return Significance(
        method=replicates.method,
        units=math.floor(replicates.units),
        samples=len(replicates.indices),
        level=LEVEL,
        forecasters=tuple(names[i] for i in order),
        win_rates=_matrix(_pairwise_win_rates(table.errors[:, order])),
        skills=_matrix(1 - np.exp(logs[:, None] - logs[None, :])),
        skill_lows=_matrix(1 - np.exp(high)),
        skill_highs=_matrix(1 - np.exp(low)),
        p_values=_p_values(table, order),
        rank_test=_rank_test(table, replicates.blocks[:, order], [names[i] for i in order]),
    )


def _pairwise_win_rates(errors: Floats) -> Floats:
    """The share of tasks in which the first beats the second, a tie being half a win, (forecaster, forecaster)."""
    first, second = errors[:, :, None], errors[:, None, :]
    shares: Floats = ((first < second) + 0.5 * (first == second)).mean(axis=0)
    return shares


def _difference_intervals(replicates: Bootstrap, order: Ints) -> tuple[Floats, Floats]:
    """The interval of each difference of mean logarithms, (forecaster, forecaster) each."""
    logs, estimates = np.ascontiguousarray(replicates.aggregates.logs.T)[order], replicates.estimates.logs[order]
    low, high = np.zeros((2, len(order), len(order)))
    for i in range(len(order) - 1):
        rest = slice(i + 1, None)
        low[i, rest], high[i, rest] = _interval((logs[i] - logs[rest]).T, estimates[i] - estimates[rest], replicates)
    return low - high.T, high - low.T


def _p_values(table: ErrorTable, order: Ints) -> Mapping[str, tuple[float, ...]]:
    """By task, the Diebold–Mariano p-value of each pair, Holm-adjusted over the pairs."""
    first, second = np.triu_indices(len(order), 1)
    adjusted = {}
    for task in table.tasks:
        if table.metric.best != "lowest" or task.units is None or not _testable(task):
            continue
        losses, p_values = task.losses[:, order], np.full(len(first), np.nan)
        scored = ~np.isnan(task.distances[order])
        known = np.flatnonzero(scored[first] & scored[second])
        for pairs in np.array_split(known, math.ceil(len(known) * len(losses) / MAX_NUMBERS) or 1):
            differences = losses[:, first[pairs]] - losses[:, second[pairs]]
            p_values[pairs] = diebold_mariano(differences, task.units.overlap).p_value
        adjusted[task.task] = tuple(np.round(holm(p_values), 5).tolist())
    return adjusted


def _testable(task: TaskErrors) -> bool:
    return task.units is not None and task.sums is not None and testable(len(task.sums), task.units.overlap)


def testable(units: int, overlap: int) -> bool:
    """Whether there are enough units to test a pair; `overlap` consecutive ones overlap."""
    return units >= (MIN_PAIRED if overlap == 1 else MIN_OVERLAPPING * overlap)


def _rank_test(table: ErrorTable, blocks: Floats, names: Sequence[str]) -> RankTest | None:
    if table.metric.best != "lowest" or len(blocks) < MIN_PAIRED or len(names) < 2:
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
