"""Holm's adjustment: by hand, and as statsmodels does it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.multitest import multipletests

from harness.analysis.statistics.multiplicity import holm
from harness.errors import BadInput

P_VALUES = arrays(float, st.integers(1, 30), elements=st.floats(0, 1))


def test_worked_by_hand() -> None:
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.5]))

    np.testing.assert_allclose(adjusted, [0.04, 0.09, 0.09, 0.5])


def test_nan_is_ignored() -> None:
    adjusted = holm(np.array([0.01, np.nan, 0.3, np.nan]))

    np.testing.assert_allclose(adjusted, [0.02, np.nan, 0.3, np.nan])


@pytest.mark.parametrize("p_values", [[], [np.nan, np.nan]])
def test_no_tests(p_values) -> None:
    np.testing.assert_array_equal(holm(np.array(p_values)), p_values)


def test_a_table_is_refused() -> None:
    with pytest.raises(BadInput, match="test"):
        holm(np.ones((2, 2)))


@pytest.mark.parametrize("tests", [1, 7, 300])
def test_as_statsmodels(tests) -> None:
    p_values = np.random.default_rng(0).random(tests).round(2) ** 2  # some are equal

    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


@given(P_VALUES)
def test_adjusted_keep_their_order_and_do_not_shrink(p_values) -> None:
    adjusted = holm(p_values)

    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()
    assert (adjusted >= p_values).all()
    assert (adjusted <= 1).all()


@given(P_VALUES, st.randoms(use_true_random=False))
def test_the_order_of_tests_does_not_matter(p_values, random) -> None:
    order = list(range(len(p_values)))
    random.shuffle(order)

    np.testing.assert_array_equal(holm(p_values[order]), holm(p_values)[order])
