"""Simulated boards with known skills: coverage of intervals, and error rates of tests.

Everything is simulated with fixed seeds; a rate is compared with the 99.9 % interval of the binomial distribution.
The rates here are those of docs/statistics.md, "Boards".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from scipy import stats

from harness.analysis.ranking.bootstrap import Bootstrap, bootstrap
from harness.analysis.ranking.compute import MCS_LEVEL
from harness.analysis.ranking.error_table import ErrorTable, TaskErrors
from harness.analysis.ranking.significance import intervals, mcs_p_values, significance
from harness.analysis.ranking.units import Units, unit_sums
from harness.arrays import Floats
from harness.evaluation.metrics import METRICS
from harness.evaluation.scoring import Terms
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


def panel(
    rng: Rng, errors: Sequence[float], size: tuple[int, int], date: float, effect: float, overlap: int = 1
) -> Losses:
    """One task of many series and cutoffs: shocks by date and effects by series suit forecasters differently."""
    series_count, cutoff_count = size
    hard = rng.lognormal(sigma=0.7, size=(series_count, 1, 1))
    long = cutoff_count + overlap - 1
    dates = moving_sum(rng.standard_normal((1, long, len(errors))), overlap)
    own = rng.standard_normal((series_count, 1, len(errors)))
    noise = moving_sum(rng.gamma(4, 1 / 4, size=(series_count, long, len(errors))) - 1, overlap)
    return [hard * errors * np.exp(date * dates + effect * own) * np.maximum(1 + noise, 0.05)]


def moving_sum(shocks: Floats, overlap: int) -> Floats:
    """Sums over neighbours that share all but one of `overlap` shocks, of the variance of one shock."""
    count = shocks.shape[1] - overlap + 1
    return sum(shocks[:, lag : lag + count] for lag in range(overlap)) / np.sqrt(overlap)


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
    return [losses[None] for losses in np.asarray(errors) * own]


def error_table(losses: Losses, overlap: int = 1, kind: str = "cutoffs") -> ErrorTable:
    """A board on which the first forecaster is the baseline."""
    tasks = []
    for i, of_task in enumerate(losses):
        panel = of_task if of_task.ndim == 3 else of_task[None] if kind == "cutoffs" else of_task[:, None]
        series, cutoffs = (positions.ravel() for positions in np.indices(panel.shape[:2]))
        units = Units("series and cutoffs" if of_task.ndim == 3 else kind, series, cutoffs, overlap)
        numerators = np.moveaxis(panel.reshape(len(series), 1, -1), -1, 0)
        terms = Terms(numerators, np.ones_like(numerators))
        means, owners = panel.mean(axis=(0, 1)), np.arange(panel.shape[2])
        tasks.append(TaskErrors(f"{i}", f"{i}", means, owners, (), units, unit_sums(MAE, terms, units), terms))
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


PANELS: dict[str, Board] = {  # series × cutoffs, shock by date, effect by series
    "200 × 10, 0.1, 0": (lambda rng, errors: panel(rng, errors, (200, 10), 0.1, 0), 1),
    "200 × 20, 0, 0.3": (lambda rng, errors: panel(rng, errors, (200, 20), 0, 0.3), 1),
    "200 × 20, 0.1, 0.3": (lambda rng, errors: panel(rng, errors, (200, 20), 0.1, 0.3), 1),
    "200 × 20, 0.3, 0.3": (lambda rng, errors: panel(rng, errors, (200, 20), 0.3, 0.3), 1),
    "30 × 10, 0.1, 0.3": (lambda rng, errors: panel(rng, errors, (30, 10), 0.1, 0.3), 1),
    "12 × 12, 0.1, 0.3": (lambda rng, errors: panel(rng, errors, (12, 12), 0.1, 0.3), 1),
    "200 × 48, overlap 4, 0.1, 0": (lambda rng, errors: panel(rng, errors, (200, 48), 0.1, 0, 4), 4),
    "200 × 48, overlap 4, 0.1, 0.3": (lambda rng, errors: panel(rng, errors, (200, 48), 0.1, 0.3, 4), 4),
}
ALIKE = {"200 series that move together": (together, 1)}


def boards(
    name: str, errors: Sequence[float], simulations: int, samples: int = SAMPLES
) -> Iterator[tuple[ErrorTable, Bootstrap]]:
    made, overlap = (BOARDS | PANELS | ALIKE)[name]
    rng = np.random.default_rng(SEED)
    for _ in range(simulations):
        table = error_table(made(rng, errors), overlap, "series" if name.startswith("200 series") else "cutoffs")
        replicates = bootstrap(table, samples)
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
        ("50 cutoffs", 0.945),
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
    low, high = bounds(rate, 400)
    assert low <= coverage(name, 400) <= high


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("200 × 10, 0.1, 0", 0.94),
        ("200 × 20, 0, 0.3", 0.97),
        ("200 × 20, 0.1, 0.3", 0.965),
        ("200 × 20, 0.3, 0.3", 0.95),
        ("30 × 10, 0.1, 0.3", 0.965),
        ("12 × 12, 0.1, 0.3", 0.955),
        ("200 × 48, overlap 4, 0.1, 0", 0.95),
        ("200 × 48, overlap 4, 0.1, 0.3", 0.97),
    ],
)
def test_intervals_of_panels_cover_the_true_skill(name, rate) -> None:
    low, high = bounds(rate, 300)
    assert low <= coverage(name, 300, samples=200) <= high


def coverage(name: str, simulations: int, samples: int = SAMPLES) -> float:
    held = []
    for _, replicates in boards(name, (1.0, 0.8), simulations, samples):
        low, high = intervals(replicates, 0)["skill"]
        held.append(low[1] <= 0.2 <= high[1])
    return float(np.mean(held))


@pytest.mark.parametrize("name", BOARDS)
def test_equally_good_forecasters_are_rejected_at_most_at_the_level(name) -> None:
    left_out, pairs, ranked, apart = [], [], [], []
    for table, replicates in boards(name, EQUAL, 120):
        sure, found = mcs_p_values(table, replicates), said(table, replicates)
        if sure is not None:
            left_out.append(sure.min() <= MCS_LEVEL)
        pairs += [min(of_task) < 0.05 for of_task in (*found.p_values.values(), *found.serial_p_values.values())]
        if found.rank_test is not None:
            ranked.append(found.rank_test.p_value < 0.05)
            apart.append(np.ptp(list(found.rank_test.mean_ranks.values())) > found.rank_test.critical_difference)

    for errors in (left_out, pairs, ranked, apart):
        assert np.mean(errors or [0]) <= bounds(0.065 if errors is left_out else 0.06, len(errors) or 1)[1]
    assert bool(left_out) == (name not in ("20 cutoffs, overlap 4", "50 cutoffs, overlap 4"))
    assert bool(pairs) == (name in TESTED)


@pytest.mark.parametrize("name", PANELS)
def test_equally_good_forecasters_on_panels_are_rejected_at_most_at_the_level(name) -> None:
    left_out, pairs = [], []
    for table, replicates in boards(name, EQUAL, 60, samples=200):
        sure, found = mcs_p_values(table, replicates), said(table, replicates)
        assert sure is not None
        assert found.rank_test is None
        left_out.append(sure.min() <= MCS_LEVEL)
        pairs += [min(of_task) < 0.05 for of_task in found.p_values.values()]

    assert len(pairs) == 60
    for errors in (left_out, pairs):
        assert np.mean(errors) <= bounds(0.05, 60)[1]


TESTED = ("200 series", "20 cutoffs", "50 cutoffs", "200 cutoffs, overlap 4", "4 tasks of 12 cutoffs")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("200 series", 0.6),
        ("200 × 20, 0.1, 0.3", 0.6),
        ("30 data sets", 0.6),
        ("50 cutoffs", 0.3),
        ("4 tasks of 12 cutoffs", 0.3),
    ],
)
def test_a_clearly_better_forecaster_is_alone_in_the_confidence_set(name, error) -> None:
    alone = []
    for table, replicates in boards(name, (1.0, error, 1.0, 1.1, 1.2, 1.3), 20):
        sure = mcs_p_values(table, replicates)
        assert sure is not None
        alone.append(sure[1] == 1 and (np.delete(sure, 1) <= MCS_LEVEL).all())

    assert np.mean(alone) >= 0.8
