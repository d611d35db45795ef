"""Simulated boards with known skills: coverage of intervals, and error rates of tests.

Everything is simulated with fixed seeds; a rate is compared with the 99.9 % interval of the binomial distribution.
The rates here are those of docs/statistics.md, "Boards".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from scipy import stats

from harness.analysis.ranking.compute import MCS_LEVEL
from harness.analysis.ranking.error_table import ErrorTable, TaskErrors
from harness.analysis.ranking.significance import Bootstrap, bootstrap, intervals, mcs_p_values, significance
from harness.analysis.ranking.units import Units, UnitSums
from harness.arrays import Floats
from harness.evaluation.metrics import METRICS
from harness.results.standings import Significance

SEED, SAMPLES = 20_261_121, 300
MAE = METRICS[0]
EQUAL = (1.0,) * 6
Rng = np.random.Generator
Losses = Sequence[Floats]  # of each task, (unit, forecaster)


def series(rng: Rng, errors: Sequence[float], count: int = 200) -> Losses:
    """One task of many series, of which some are harder for everybody."""
    hard = rng.lognormal(sigma=0.7, size=(count, 1))
    return [hard * errors * rng.gamma(4, 1 / 4, size=(count, len(errors)))]


def together(rng: Rng, errors: Sequence[float]) -> Losses:
    """Many series at the same dates, which suit or do not suit a forecaster by a tenth, all at once."""
    return [series(rng, errors)[0] * rng.lognormal(sigma=0.1, size=len(errors))]


def cutoffs(rng: Rng, errors: Sequence[float], count: int, overlap: int = 1) -> Losses:
    """One task of few series: neighbours share all but one of `overlap` surprises."""
    size = (count + overlap - 1, len(errors))
    surprises = rng.gamma(2, 1 / 2, size=(size[0], 1)) * rng.gamma(2, 1 / 2, size=size)
    return [np.asarray(errors) * sum(surprises[lag : lag + count] for lag in range(overlap)) / overlap]


def tasks(rng: Rng, errors: Sequence[float], count: int = 4, windows: int = 12) -> Losses:
    """Few tasks of few cutoffs each, on scales of their own."""
    return [10.0**task * cutoffs(rng, errors, windows)[0] for task in range(count)]


def sources(rng: Rng, errors: Sequence[float], count: int = 30) -> Losses:
    """Many data sets on which forecasters are differently good, as they are in all that these are drawn from."""
    own = rng.lognormal(sigma=0.3, size=(count, len(errors)))
    return [np.asarray([one]) for one in np.asarray(errors) * own]


def error_table(losses: Losses, overlap: int = 1, kind: str = "cutoffs") -> ErrorTable:
    """A board on which the first forecaster is the baseline."""
    tasks = []
    for i, each in enumerate(losses):
        units = Units(kind, np.arange(len(each)), len(each), overlap)
        sums = UnitSums(each[:, None, None], np.ones_like(each)[:, None, None], root=False)
        tasks.append(TaskErrors(f"{i}", f"{i}", each.mean(axis=0), np.arange(each.shape[1]), (), units, sums))
    return ErrorTable(tuple(tasks), 0, (0.01, 100.0), MAE)


Board = tuple[Callable[[Rng, Sequence[float]], Losses], int]
BOARDS: dict[str, Board] = {
    "200 series": (series, 1),
    "20 cutoffs": (lambda rng, errors: cutoffs(rng, errors, 20), 1),
    "50 cutoffs": (lambda rng, errors: cutoffs(rng, errors, 50), 1),
    "20 cutoffs, overlap 4": (lambda rng, errors: cutoffs(rng, errors, 20, 4), 4),
    "50 cutoffs, overlap 4": (lambda rng, errors: cutoffs(rng, errors, 50, 4), 4),
    "200 cutoffs, overlap 4": (lambda rng, errors: cutoffs(rng, errors, 200, 4), 4),
    "4 tasks of 12 cutoffs": (tasks, 1),
    "9 tasks of 2 cutoffs": (lambda rng, errors: tasks(rng, errors, 9, 2), 1),
    "30 data sets": (sources, 1),
}


ALIKE = {"200 series that move together": (together, 1)}


def boards(name: str, errors: Sequence[float], simulations: int) -> Iterator[tuple[ErrorTable, Bootstrap]]:
    made, overlap = (BOARDS | ALIKE)[name]
    rng = np.random.default_rng(SEED)
    for _ in range(simulations):
        table = error_table(made(rng, errors), overlap)
        replicates = bootstrap(table, SAMPLES)
        assert isinstance(replicates, Bootstrap)
        yield table, replicates


def said(table: ErrorTable, replicates: Bootstrap) -> Significance:
    count = len(table.errors[0])
    return significance(table, replicates, [f"{i}" for i in range(count)], np.arange(count))


def bounds(rate: float, simulations: int) -> tuple[float, float]:
    """Where 99.9 % of simulated rates lie."""
    low, high = stats.binom.interval(0.999, simulations, rate)
    return low / simulations, high / simulations


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("200 series", 0.945),
        ("20 cutoffs", 0.935),
        ("50 cutoffs", 0.94),
        ("20 cutoffs, overlap 4", 0.88),
        ("50 cutoffs, overlap 4", 0.935),
        ("200 cutoffs, overlap 4", 0.945),
        ("4 tasks of 12 cutoffs", 0.94),
        ("9 tasks of 2 cutoffs", 0.91),
        ("30 data sets", 0.95),
        ("200 series that move together", 0.58),
    ],
)
def test_intervals_cover_the_true_skill(name, rate) -> None:
    held = []
    for _, replicates in boards(name, (1.0, 0.8), 400):
        low, high = intervals(replicates)["skill"]
        held.append(low[1] <= 0.2 <= high[1])

    low, high = bounds(rate, len(held))
    assert low <= np.mean(held) <= high


@pytest.mark.parametrize("name", BOARDS)
def test_equally_good_forecasters_are_rejected_at_most_at_the_level(name) -> None:
    left_out, pairs, ranked, apart = [], [], [], []
    for table, replicates in boards(name, EQUAL, 120):
        sure, found = mcs_p_values(table, replicates), said(table, replicates)
        if sure is not None:
            left_out.append(sure.min() <= MCS_LEVEL)
        pairs += [min(of_task) < 0.05 for of_task in found.p_values.values()]
        if found.rank_test is not None:
            ranked.append(found.rank_test.p_value < 0.05)
            apart.append(np.ptp(list(found.rank_test.mean_ranks.values())) > found.rank_test.critical_difference)

    for errors in (left_out, pairs, ranked, apart):
        assert np.mean(errors or [0]) <= bounds(0.065 if errors is left_out else 0.06, len(errors) or 1)[1]
    assert bool(left_out) == (name not in ("20 cutoffs, overlap 4", "50 cutoffs, overlap 4"))
    assert bool(pairs) == (name in TESTED)


TESTED = ("200 series", "20 cutoffs", "50 cutoffs", "200 cutoffs, overlap 4", "4 tasks of 12 cutoffs")


@pytest.mark.parametrize(
    ("name", "error"), [("200 series", 0.6), ("30 data sets", 0.6), ("50 cutoffs", 0.3), ("4 tasks of 12 cutoffs", 0.3)]
)
def test_a_clearly_better_forecaster_is_alone_in_the_confidence_set(name, error) -> None:
    alone = []
    for table, replicates in boards(name, (1.0, error, 1.0, 1.1, 1.2, 1.3), 20):
        sure = mcs_p_values(table, replicates)
        assert sure is not None
        alone.append(sure[1] == 1 and (np.delete(sure, 1) <= MCS_LEVEL).all())

    assert np.mean(alone) >= 0.8
