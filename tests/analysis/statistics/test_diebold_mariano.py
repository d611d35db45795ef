"""The test of Diebold and Mariano: published values, slow loops, and what may not matter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.tsa.stattools import acovf

from harness.analysis.statistics.diebold_mariano import diebold_mariano, harvey_factor
from harness.errors import BadInput

ETS = """0.002241270 -0.000661906 -1.200002613 -4.000218178 3.799373533 3.401005111 -1.199692125 -0.800490048
    -1.200048999 3.399847229 7.000708948 2.200989241 -4.800165569 -1.201043375 3.400167556 3.000709085 0.400267950
    -6.800169207 -2.401259050 1.200112198"""
ARIMA = """0.1209998 8.0622269 -0.9189429 -1.7952436 5.3431277 2.0459823 -0.6073261 0.5516816 -0.7633238 4.1229472
    5.8785333 1.2828331 -3.4854233 1.1971370 3.1709314 2.3408457 0.4962286 -5.9841362 0.1537114 0.4207951"""
ERRORS = np.array([ETS.split(), ARIMA.split()], dtype=float)  # (forecaster, unit)

DIFFERENCES = arrays(float, (9, 4), elements=st.integers(-50, 50).map(lambda number: number / 4))


@pytest.mark.parametrize(
    ("power", "horizon", "statistic", "p_value"),
    [(2, 1, -0.143918, 0.887081), (2, 10, -0.081126, 0.936190), (1, 1, 0.280963, 0.781776)],
)
def test_published_values(power, horizon, statistic, p_value) -> None:
    losses = np.abs(ERRORS) ** power

    found = diebold_mariano((losses[0] - losses[1])[:, None], horizon)

    assert found.statistic == pytest.approx(statistic, abs=1e-6)
    assert found.p_value == pytest.approx(p_value, abs=1e-6)


@pytest.mark.parametrize(
    ("units", "horizon", "factor"), [(50, 1, 0.98995), (100, 4, 0.96499), (100, 12, 0.88499), (10, 10, 0)]
)
def test_harvey_factor(units, horizon, factor) -> None:
    assert harvey_factor(units, horizon) == pytest.approx(factor, abs=1e-5)


@pytest.mark.parametrize("horizon", [1, 2, 5, 12])
def test_many_pairs_are_tested_as_one_by_one(horizon) -> None:
    differences = np.random.default_rng(0).standard_normal((40, 30)).cumsum(axis=0)

    found = diebold_mariano(differences, horizon)

    for pair, statistic in enumerate(found.statistic):
        mine = differences[:, pair]
        covariance = acovf(mine, adjusted=False, fft=False)
        variance = covariance[0] + 2 * covariance[1:horizon].sum()
        used = horizon if variance > 0 else 1
        variance = variance if variance > 0 else covariance[0]
        slow = harvey_factor(40, used) * mine.mean() / math.sqrt(variance / 40)
        assert statistic == pytest.approx(slow)
        assert found.p_value[pair] == pytest.approx(2 * stats.t.sf(abs(slow), 39))


@pytest.mark.parametrize(("alternative", "field"), [("two-sided", "p_value"), ("greater", "p_greater")])
def test_without_overlap_it_is_the_t_test(alternative, field) -> None:
    differences = np.random.default_rng(0).standard_normal((12, 50)) + 0.3

    found = diebold_mariano(differences)

    expected = stats.ttest_1samp(differences, 0, alternative=alternative)
    np.testing.assert_allclose(found.statistic, expected.statistic)
    np.testing.assert_allclose(getattr(found, field), expected.pvalue)


def test_a_variance_below_zero_is_taken_without_overlap() -> None:
    differences = np.array([1.1, -0.9] * 5)[:, None]

    overlapping, alone = diebold_mariano(differences, 2), diebold_mariano(differences, 1)

    np.testing.assert_array_equal(overlapping.statistic, alone.statistic)
    np.testing.assert_array_equal(overlapping.p_value, alone.p_value)


@pytest.mark.parametrize("horizon", [1, 3])
def test_same_losses_are_equally_good(horizon) -> None:
    found = diebold_mariano(np.zeros((5, 1)), horizon)

    assert (found.statistic, found.p_value, found.p_greater) == (0, 1, 0.5)


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_constant_difference_has_p_zero(horizon) -> None:
    found = diebold_mariano(np.full((5, 2), 0.1) * [1, -1], horizon)

    np.testing.assert_array_equal(found.statistic, [math.inf, -math.inf])
    np.testing.assert_array_equal(found.p_value, [0, 0])
    np.testing.assert_array_equal(found.p_greater, [0, 1])


@pytest.mark.parametrize(("units", "horizon"), [(0, 1), (1, 1), (4, 4), (4, 5)])
def test_too_few_units_give_nan(units, horizon) -> None:
    found = diebold_mariano(np.ones((units, 3)), horizon)

    assert np.isnan([found.statistic, found.p_value, found.p_greater]).all()


def test_huge_losses_do_not_overflow() -> None:
    differences = np.array([[3.0], [1.0], [2.0], [-1.0]])

    assert diebold_mariano(1e300 * differences).p_value == pytest.approx(diebold_mariano(differences).p_value)


@pytest.mark.parametrize(
    ("differences", "horizon", "wrong"),
    [
        (np.array([[1.0], [np.nan]]), 1, "finite"),
        (np.array([[1.0], [np.inf]]), 1, "finite"),
        (np.ones(3), 1, "unit, pair"),
        (np.ones((3, 1)), 0, "at least 1"),
    ],
)
def test_what_cannot_be_tested_is_refused(differences, horizon, wrong) -> None:
    with pytest.raises(BadInput, match=wrong):
        diebold_mariano(differences, horizon)


@given(DIFFERENCES, st.integers(1, 8))
def test_the_other_way_round_is_the_opposite(differences, horizon) -> None:
    found, other = diebold_mariano(differences, horizon), diebold_mariano(-differences, horizon)

    np.testing.assert_allclose(other.statistic, -found.statistic)
    np.testing.assert_allclose(other.p_value, found.p_value)
    np.testing.assert_allclose(other.p_greater, 1 - found.p_greater, atol=1e-12)


@given(DIFFERENCES, st.integers(1, 8), st.floats(1e-3, 1e3), st.permutations(range(4)))
def test_scale_and_order_of_pairs_do_not_matter(differences, horizon, scale, order) -> None:
    found, other = diebold_mariano(differences, horizon), diebold_mariano(scale * differences[:, order], horizon)

    np.testing.assert_allclose(other.statistic, found.statistic[order], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other.p_value, found.p_value[order], rtol=1e-6, atol=1e-9)


@given(DIFFERENCES, st.permutations(range(9)))
def test_without_overlap_the_order_of_units_does_not_matter(differences, order) -> None:
    found, other = diebold_mariano(differences), diebold_mariano(differences[order])

    np.testing.assert_allclose(other.p_value, found.p_value, atol=1e-12)


@given(DIFFERENCES, st.integers(1, 8))
def test_p_values_are_probabilities(differences, horizon) -> None:
    found = diebold_mariano(differences, horizon)

    for p_values in (found.p_value, found.p_greater):
        assert ((p_values >= 0) & (p_values <= 1)).all()
