"""The statistical significance of standings: intervals, pairwise tests, ranks, the model confidence set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from harness.analysis.ranking.bootstrap import Bootstrap
from harness.analysis.ranking.error_table import ErrorTable, TaskErrors
from harness.analysis.ranking.pair_tests import MIN_PAIRED, pair_test, second_opinion
from harness.analysis.statistics.confidence_set import MAX_PAIRED, MIN_UNITS, confidence_set_of_replicates
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.statistics.ranks import cliques, critical_difference, friedman
from harness.analysis.statistics.resampling import blocks_of_columns, expanded_interval
from harness.arrays import Floats, Ints
from harness.evaluation.metrics import Metric
from harness.results.standings import Matrix, RankTest, Significance

LEVEL = 0.95
MIN_CROSSED = 5  # independent units for the confidence set where series and cutoffs are units
EFFECTIVE = 0.45  # of a unit, if no less independent: losses are skewed, and units differ in weight; by simulation


def intervals(replicates: Bootstrap, baseline: int) -> dict[str, tuple[Floats, Floats]]:
    """The low and high ends of the interval of each aggregate score, each (forecaster,)."""
    samples, estimates = replicates.aggregates, replicates.estimates
    factors = _shrinkages(replicates, baseline)
    low, high = _interval(samples.logs, estimates.logs, replicates, factors)
    return {
        "skill": (1 - np.exp(high), 1 - np.exp(low)),
        "win_rate": _interval(samples.win_rates, estimates.win_rates, replicates, factors),
        "mean_rank": _interval(samples.mean_ranks, estimates.mean_ranks, replicates, factors),
        "median_relative_error": _interval(samples.medians, estimates.medians, replicates, factors),
    }


def _shrinkages(replicates: Bootstrap, baseline: int) -> Floats:
    """The factor of each forecaster's replicates, (forecaster,): that of its skill; the baseline's is their mean."""
    factors = replicates.shrinkage_from(baseline)
    if len(factors) > 1:
        factors[baseline] = np.delete(factors, baseline).mean()
    return factors


def _interval(
    values: Floats, estimates: Floats, replicates: Bootstrap, factors: Floats | float = 1.0
) -> tuple[Floats, Floats]:
    """The ends, extended to the estimate where replicates of ranks, which tend to the middle, all miss it."""
    factors = np.broadcast_to(factors, estimates.shape)
    ends = []
    for columns in blocks_of_columns(values):
        drawn = values[:, columns]
        if replicates.variances is not None:
            drawn = estimates[columns] + factors[columns] * (drawn - estimates[columns])
        ends.append(expanded_interval(drawn, replicates.min_units, LEVEL, freedom=replicates.units - 1))
    low, high = np.concatenate(ends, axis=1)
    return np.fmin(low, estimates), np.fmax(high, estimates)


def mcs_p_values(table: ErrorTable, replicates: Bootstrap) -> Floats | None:
    """The p-value of each forecaster in the model confidence set, (forecaster,); None with too few units."""
    crossed = replicates.variances is not None
    if table.metric.best != "lowest" or replicates.units < (MIN_CROSSED if crossed else MIN_UNITS):
        return None
    logs, units = replicates.aggregates.logs, replicates.units
    effective = units if crossed else min(units, EFFECTIVE * replicates.counted)
    variances = None
    if replicates.variances is not None:
        everyone = np.arange(replicates.forecasters)
        paired = replicates.forecasters <= MAX_PAIRED
        variances = replicates.variances.among(everyone) if paired else replicates.variances.from_mean()
    return confidence_set_of_replicates(replicates.estimates.logs, logs, effective, replicates.min_units, variances)


def significance(table: ErrorTable, replicates: Bootstrap, names: Sequence[str], order: Ints) -> Significance:
    """Pairwise comparisons of forecasters in the `order` of the board; `names` are theirs by index.

    Of more than `MAX_PAIRED` forecasters only the best are compared, since pairs grow with the square of their number.
    """
    ranked, order = len(order), order[:MAX_PAIRED]
    logs = table.logs(table.errors)[:, order].mean(axis=0)
    low, high = _difference_intervals(replicates, order)
    return Significance(
        method=replicates.method,
        units=math.floor(replicates.units),
        samples=replicates.samples,
        level=LEVEL,
        forecasters=tuple(names[i] for i in order),
        win_rates=_matrix(_pairwise_win_rates(table.errors[:, order])),
        skills=_matrix(1 - np.exp(logs[:, None] - logs[None, :])),
        skill_lows=_matrix(1 - np.exp(high)),
        skill_highs=_matrix(1 - np.exp(low)),
        p_values=_p_values(table, order, pair_test),
        rank_test=_rank_test(replicates.blocks[:, order], [names[i] for i in order]),
        serial_p_values=_p_values(table, order, second_opinion),
        ranked=ranked,
    )


def _pairwise_win_rates(errors: Floats) -> Floats:
    """The share of tasks in which the first beats the second, a tie being half a win, (forecaster, forecaster)."""
    first, second = errors[:, :, None], errors[:, None, :]
    shares: Floats = ((first < second) + 0.5 * (first == second)).mean(axis=0)
    return shares


def _difference_intervals(replicates: Bootstrap, order: Ints) -> tuple[Floats, Floats]:
    """The interval of each difference of mean logarithms, (forecaster, forecaster) each."""
    logs, estimates = np.ascontiguousarray(replicates.aggregates.logs[:, order].T), replicates.estimates.logs[order]
    low, high = np.zeros((2, len(order), len(order)))
    shrinkage = replicates.shrinkage_among(order)
    for i in range(len(order) - 1):
        rest = slice(i + 1, None)
        values = (logs[i] - logs[rest]).T
        low[i, rest], high[i, rest] = _interval(values, estimates[i] - estimates[rest], replicates, shrinkage[i, rest])
    return low - high.T, high - low.T


def _p_values(
    table: ErrorTable, order: Ints, test: Callable[[TaskErrors, Metric, Ints], Floats | None]
) -> Mapping[str, tuple[float, ...]]:
    """By task, the p-value of each pair, Holm-adjusted over the pairs."""
    found = {task.task: test(task, table.metric, order) for task in table.tasks}
    return {task: tuple(np.round(holm(p), 5).tolist()) for task, p in found.items() if p is not None}


def _rank_test(blocks: Floats, names: Sequence[str]) -> RankTest | None:
    if len(blocks) < MIN_PAIRED or len(names) < 2:
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
