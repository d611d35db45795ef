"""Intervals from repetitions: worked by hand, and how often they contain the true value, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t

from harness.efficiency.percentiles import percentile
from harness.efficiency.variation import estimate, runs_differ

CALLS = 400
BETWEEN, WITHIN = 0.15, 0.2  # standard deviations of the logarithm: of repetitions, and of calls in one
Z99 = norm.ppf(0.99)


def simulated_p99s(rng: np.random.Generator, count: int, between: float = BETWEEN) -> list:
    """The p99 of each repetition, with its interval: log-normal times, shifted by an effect of the repetition."""
    effects = between * rng.standard_normal(count)
    return [percentile(np.exp(effect + WITHIN * rng.standard_normal(CALLS)), 0.99) for effect in effects]


def test_the_estimate_is_the_geometric_mean_with_the_t_interval_of_its_logarithm() -> None:
    found = estimate([[1.0, 2.0, 4.0]])

    half = t.ppf(0.975, 2) * math.log(2) / math.sqrt(3)
    assert found.value == pytest.approx(2.0)
    assert (found.low, found.high) == pytest.approx((2 * math.exp(-half), 2 * math.exp(half)))


def test_one_repetition_has_no_interval() -> None:
    found = estimate([[0.5]])

    assert (found.value, found.low, found.high) == (pytest.approx(0.5), None, None)


def test_equal_repetitions_have_an_interval_without_width() -> None:
    found = estimate([[2.0, 2.0], [2.0, 2.0]])

    assert (found.low, found.value, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_runs_that_disagree_widen_the_interval() -> None:
    agreeing = estimate([[1.0, 1.1, 1.2], [1.0, 1.1, 1.2]])
    disagreeing = estimate([[1.0, 1.1, 1.2], [2.0, 2.2, 2.4]])

    assert math.log(disagreeing.high / disagreeing.low) > 3 * math.log(agreeing.high / agreeing.low)


@pytest.mark.parametrize(
    ("runs", "differ"),
    [
        ([[1.0, 1.1, 1.2], [1.0, 1.1, 1.2]], False),
        ([[1.0, 1.1, 1.2], [2.0, 2.2, 2.4]], True),
        ([[1.0, 2.0]], False),
        ([[1.0], [2.0]], False),  # unknown
    ],
)
def test_whether_runs_differ_by_more_than_their_repetitions(runs, differ) -> None:
    assert runs_differ(runs) is differ


def test_one_repetition_a_run_is_the_t_interval_of_the_runs() -> None:
    apart, together = estimate([[1.0], [2.0], [4.0]]), estimate([[1.0, 2.0, 4.0]])

    assert (apart.low, apart.high) == pytest.approx((together.low, together.high))


def test_runs_of_unequal_size_by_hand() -> None:
    """Logarithms 0, 2 | 5: mean squares within 2 and between 32/3; the size of a run is (3 − 5/3) / 1 = 4/3."""
    found = estimate([[1.0, math.exp(2)], [math.exp(5)]])

    share = 5 / (3 * 4 / 3)
    variance = share * 32 / 3 + (1 - share) * 2
    half = t.ppf(0.975, 1) * math.sqrt(variance / 3)  # Satterthwaite's degrees of freedom would be below 1
    assert (math.log(found.low), math.log(found.high)) == pytest.approx((7 / 3 - half, 7 / 3 + half))


def test_a_value_of_zero_gives_no_interval() -> None:
    found = estimate([[0.0, 1.0], [2.0]])

    assert (found.value, found.low, found.high) == (0.0, None, None)


class TestCoverage:
    """How often the interval contains the p99 of a typical repetition: the exponential of the mean logarithm."""

    REPLICATES = 1500

    def test_five_repetitions_contain_it_as_often_as_stated_and_one_does_not(self) -> None:
        rng, truth = np.random.default_rng(0), math.exp(WITHIN * Z99)
        covered = covered_within = 0
        for _ in range(self.REPLICATES):
            repetitions = simulated_p99s(rng, 5)
            found = estimate([[repetition.seconds for repetition in repetitions]])
            covered += found.low <= truth <= found.high
            covered_within += repetitions[0].low <= truth <= repetitions[0].high

        assert covered / self.REPLICATES >= 0.93
        assert covered_within / self.REPLICATES < 0.5  # the calls of one process say nothing about another

    @pytest.mark.parametrize("runs", [2, 4])
    @pytest.mark.parametrize("ratio", [0.0, 0.5])
    def test_several_runs_contain_it_even_if_runs_differ(self, runs, ratio) -> None:
        """`ratio` is the standard deviation between runs, relative to that between repetitions."""
        rng, covered = np.random.default_rng(1), 0
        for _ in range(self.REPLICATES):
            effects = ratio * rng.standard_normal((runs, 1)) + rng.standard_normal((runs, 5))
            found = estimate(np.exp(BETWEEN * effects).tolist())
            covered += found.low <= 1 <= found.high

        assert covered / self.REPLICATES >= (0.94 if ratio == 0 else 0.9)

    @pytest.mark.parametrize(
        ("sizes", "ratio", "least"),
        [
            ((5, 20), 0.0, 0.95),
            ((5, 20), 0.5, 0.83),
            ((5, 20), 1.0, 0.82),
            ((5, 95), 0.0, 0.95),
            ((5, 95), 0.5, 0.71),
            ((5, 95), 1.0, 0.77),
            ((1, 5), 0.0, 0.95),
            ((1, 5), 0.5, 0.93),
            ((1, 5), 1.0, 0.88),
        ],
    )
    def test_two_runs_of_unequal_size_contain_it_as_often_as_stated(self, sizes, ratio, least) -> None:
        """Two runs are one difference, which is often small by chance where runs differ."""
        rng, covered = np.random.default_rng(3), 0
        for _ in range(self.REPLICATES):
            runs = [BETWEEN * (ratio * rng.standard_normal() + rng.standard_normal(size)) for size in sizes]
            found = estimate([np.exp(run).tolist() for run in runs])
            covered += found.low <= 1 <= found.high

        assert covered / self.REPLICATES >= least

    def test_intervals_of_four_runs_overlap(self) -> None:
        rng, overlapping = np.random.default_rng(2), 0
        for _ in range(300):
            intervals = [estimate([[p99.seconds for p99 in simulated_p99s(rng, 5)]]) for _ in range(4)]
            overlapping += max(interval.low for interval in intervals) <= min(interval.high for interval in intervals)

        assert overlapping / 300 > 0.9
