"""Ranks, Friedman's test and Nemenyi's distance: Demšar's example, SciPy, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from harness.analysis.statistics.ranks import (
    average_ranks,
    cliques,
    critical_difference,
    friedman,
    friedman_from_mean_ranks,
)
from harness.errors import BadInput

DEMSAR = np.array([3.143, 2.000, 2.893, 1.964])  # C4.5, with m, with cf, with both; on 14 data sets
LOSSES = arrays(float, st.tuples(st.integers(2, 12), st.integers(2, 6)), elements=st.integers(0, 9).map(float))


def test_ranks_by_hand() -> None:
    ranks = average_ranks(np.array([[0.3, 0.1, 0.2], [5.0, 5.0, math.inf], [1.0, 1.0, 1.0]]))

    np.testing.assert_array_equal(ranks, [[3, 1, 2], [1.5, 1.5, 3], [2, 2, 2]])


@pytest.mark.parametrize("losses", [np.array([[1.0, math.nan]]), np.ones(3)])
def test_what_has_no_rank_is_refused(losses) -> None:
    with pytest.raises(BadInput):
        average_ranks(losses)


def test_friedman_of_published_mean_ranks() -> None:
    found = friedman_from_mean_ranks(DEMSAR, blocks=14)

    assert found.statistic == pytest.approx(9.28, abs=0.005)
    assert found.p_value == pytest.approx(stats.chi2.sf(9.28, 3), abs=1e-4)


@pytest.mark.parametrize(("level", "published"), [(0.05, 1.25), (0.10, 1.12)])
def test_published_critical_difference(level, published) -> None:
    assert critical_difference(4, 14, level) == pytest.approx(published, abs=0.005)


@pytest.mark.parametrize(
    ("level", "published"),
    [
        (0.05, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.10, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_published_quantiles(level, published) -> None:
    """Demšar (2006), table 5a: two to ten forecasters."""
    found = [critical_difference(k, 1, level) / math.sqrt(k * (k + 1) / 6) for k in range(2, 11)]

    np.testing.assert_allclose(found, published, atol=1.1e-3)


@pytest.mark.parametrize("forecasters", [3, 30, 100])
def test_the_range_of_normal_ranks_is_above_the_quantile_as_often_as_the_level_says(forecasters) -> None:
    difference = critical_difference(forecasters, 1) / math.sqrt(forecasters * (forecasters + 1) / 6)
    grid, step = np.linspace(-9, 9, 20_001, retstep=True)
    between = stats.norm.cdf(grid) - stats.norm.cdf(grid - difference * math.sqrt(2))

    below = forecasters * step * (stats.norm.pdf(grid) * between ** (forecasters - 1)).sum()

    assert 1 - below == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("level", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("forecasters", [2, 5, 40, 300])
def test_critical_difference_is_that_of_scipys_studentised_range(forecasters, level) -> None:
    quantile = stats.studentized_range.ppf(1 - level, forecasters, math.inf) / math.sqrt(2)

    found = critical_difference(forecasters, 7, level)

    assert found == pytest.approx(quantile * math.sqrt(forecasters * (forecasters + 1) / 42), rel=1e-12)


def test_published_groups() -> None:
    """Demšar (2006), section 3.2.2: at 0.05 nothing differs, at 0.10 C4.5 is worse than both with m."""
    assert cliques(DEMSAR, critical_difference(4, 14)) == ((3, 1, 2, 0),)
    assert cliques(DEMSAR, critical_difference(4, 14, 0.10)) == ((3, 1, 2), (2, 0))


def test_two_forecasters_are_compared_by_wins() -> None:
    losses = np.array([[1.0, 2.0]] * 9 + [[2.0, 1.0]])

    found = friedman(losses)

    assert found.statistic == pytest.approx((9 - 1) ** 2 / 10)  # McNemar's, of 9 wins against 1
    np.testing.assert_allclose(found.mean_ranks, [1.1, 1.9])
    assert found.blocks == 10


def test_all_tied() -> None:
    found = friedman(np.ones((5, 3)))

    assert (found.statistic, found.p_value) == (0, 1)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (5, 1), (5, 0)])
def test_too_few_give_nan(shape) -> None:
    found = friedman(np.ones(shape))

    assert math.isnan(found.p_value)
    assert found.mean_ranks.shape == shape[1:]


@pytest.mark.parametrize(("forecasters", "blocks"), [(1, 5), (3, 0)])
def test_no_critical_difference(forecasters, blocks) -> None:
    assert math.isnan(critical_difference(forecasters, blocks))


@pytest.mark.parametrize(
    ("mean_ranks", "groups"),
    [
        ([], ()),
        ([1.0, 3.0, 5.0], ()),
        ([5.0, 1.0, 1.5, 4.8], ((1, 2), (3, 0))),
        ([1.0, 2.0, 3.0], ((0, 1), (1, 2))),
        ([2.0, 2.0, 2.0], ((0, 1, 2),)),
    ],
)
def test_groups_by_hand(mean_ranks, groups) -> None:
    assert cliques(mean_ranks, 1.0) == groups


@given(LOSSES.filter(lambda losses: losses.shape[1] > 2 and np.ptp(losses, axis=1).any()))
def test_as_scipy(losses) -> None:
    expected = stats.friedmanchisquare(*losses.T)

    found = friedman(losses)

    assert found.statistic == pytest.approx(expected.statistic, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-9)


@given(arrays(float, (7, 5), elements=st.floats(0, 1), unique=True))
def test_without_ties_mean_ranks_are_enough(losses) -> None:
    found = friedman(losses)

    assert friedman_from_mean_ranks(found.mean_ranks, 7).statistic == pytest.approx(found.statistic, abs=1e-9)


@given(LOSSES, st.integers(-3, 3), st.randoms(use_true_random=False))
def test_scale_and_order_do_not_matter(losses, power, random) -> None:
    order = list(range(losses.shape[1]))
    random.shuffle(order)

    found, other = friedman(losses), friedman(2.0**power * losses[:, order])

    assert other.statistic == pytest.approx(found.statistic, abs=1e-9)
    np.testing.assert_allclose(other.mean_ranks, found.mean_ranks[order])


@given(st.lists(st.integers(2, 40).map(lambda number: number / 2), min_size=1, max_size=12), st.floats(0.1, 10))
def test_groups_are_all_that_lie_together_and_none_within_another(mean_ranks, difference) -> None:
    ranks = np.array(mean_ranks)

    groups = [set(clique) for clique in cliques(ranks, difference)]

    together = {frozenset(np.flatnonzero((ranks >= low) & (ranks <= low + difference + 1e-9))) for low in ranks}
    largest = {each for each in together if len(each) > 1 and not any(each < other for other in together)}
    assert {frozenset(group) for group in groups} == largest
    assert len(groups) == len(largest)
