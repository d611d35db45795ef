"""The model confidence set: as by arch and by a slow loop, and where these would divide by zero."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from arch.bootstrap import MCS
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from harness.analysis.statistics.confidence_set import confidence_set, expansion
from harness.analysis.statistics.resampling import Stratum, resamples
from harness.errors import BadInput

MANY = 1e12  # units: nothing is drawn out
INDICES = resamples([Stratum(12)], 60, seed=0)
LOSSES = arrays(float, (12, 4), elements=st.integers(-8, 8).map(float))


def losses_of(units: int, forecasters: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((units, forecasters)) + np.linspace(0, 0.5, forecasters)


def slowly(losses: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Hansen, Lunde & Nason (2011), T_R, as one reads it."""
    left, p_value, found = list(range(losses.shape[1])), 0.0, np.ones(losses.shape[1])
    while len(left) > 1:
        statistics, drawn = {}, {}
        for i in left:
            for j in left:
                if i != j:
                    apart = losses[:, i] - losses[:, j]
                    means = np.array([apart[rows].mean() for rows in indices]) - apart.mean()
                    deviation = np.sqrt((means**2).mean())
                    statistics[i, j], drawn[i, j] = apart.mean() / deviation, means / deviation
        worst = max(statistics, key=statistics.__getitem__)
        p_value = max(p_value, (np.max(list(drawn.values()), axis=0) > statistics[worst]).mean())
        found[worst[0]] = p_value
        left.remove(worst[0])
    return found


@pytest.mark.parametrize(("forecasters", "method"), [(2, "R"), (3, "R"), (8, "R"), (51, "max")])
def test_as_arch_with_its_own_resamples(forecasters, method) -> None:
    losses = losses_of(40, forecasters)
    theirs = MCS(losses, size=0.1, reps=200, block_size=4, method=method, bootstrap="cbb", seed=1)
    theirs.compute()
    indices = np.array(theirs._bootstrap_indices)

    found = confidence_set(losses, indices, units=MANY)

    np.testing.assert_array_equal(found, theirs.pvalues["Pvalue"].sort_index())


@pytest.mark.parametrize("seed", range(5))
def test_as_a_slow_loop(seed) -> None:
    losses = losses_of(12, 5, seed)

    np.testing.assert_array_equal(confidence_set(losses, INDICES, units=MANY), slowly(losses, INDICES))


def test_the_best_is_in_and_the_clearly_worse_are_out() -> None:
    losses = losses_of(50, 3) + np.array([0, 0, 5])

    p_values = confidence_set(losses, resamples([Stratum(50)], 500, seed=0))

    assert p_values[0] == 1
    assert p_values[2] == 0


def test_few_units_leave_out_fewer() -> None:
    losses = losses_of(12, 5, seed=3)

    assert (confidence_set(losses, INDICES) >= confidence_set(losses, INDICES, units=MANY)).all()


@pytest.mark.parametrize(("forecasters", "tail"), [(2, 0.025), (5, 0.05 / 80)])
def test_expansion_is_that_of_t_over_normal_tails(forecasters, tail) -> None:
    wanted = np.sqrt(10 / 9) * stats.t.isf(tail, 9) / stats.norm.isf(tail)

    assert expansion(10, forecasters) == pytest.approx(wanted)


def test_same_losses_share_a_p_value() -> None:
    losses = losses_of(12, 3)

    found = confidence_set(losses[:, [0, 1, 0, 2, 1]], INDICES)

    np.testing.assert_array_equal(found, confidence_set(losses, INDICES)[[0, 1, 0, 2, 1]])


@pytest.mark.parametrize("forecasters", [1, 3])
def test_nothing_to_compare_is_all_in(forecasters) -> None:
    losses = np.tile(losses_of(12, 1), (1, forecasters))

    np.testing.assert_array_equal(confidence_set(losses, INDICES), np.ones(forecasters))


@pytest.mark.parametrize("losses", [losses_of(12, 1), np.ones((12, 1)), np.zeros((12, 1))])
def test_a_constant_difference_leaves_a_forecaster_out(losses) -> None:
    found = confidence_set(losses + np.array([0.2, 0, 0.1]), INDICES)

    np.testing.assert_array_equal(found, [0, 1, 0])


def test_the_mean_of_the_others_has_a_p_value() -> None:
    losses = np.random.default_rng(0).integers(0, 9, (12, 2)) * 2.0

    found = confidence_set(np.column_stack([losses, losses.mean(axis=1)]), INDICES)

    assert np.isfinite(found).all()
    assert found.max() == 1


@pytest.mark.parametrize("units", [0, 1])
def test_too_few_units_give_nan(units) -> None:
    assert np.isnan(confidence_set(np.ones((units, 3)), np.zeros((9, units), dtype=np.int64))).all()


@pytest.mark.parametrize(
    ("losses", "indices"),
    [
        (np.ones(12), INDICES),
        (np.ones((11, 2)), INDICES),
        (np.ones((12, 2)), INDICES[:0]),
        (np.full((12, 2), np.nan), INDICES),
        (np.full((12, 2), np.inf), INDICES),
        (losses_of(12, 3) * [1, 1e-200, 1e-200], INDICES),
    ],
)
def test_what_cannot_be_compared_is_refused(losses, indices) -> None:
    with pytest.raises(BadInput):
        confidence_set(losses, indices)


def test_huge_losses_do_not_overflow() -> None:
    losses = losses_of(12, 3)

    np.testing.assert_array_equal(confidence_set(1e300 * losses, INDICES), confidence_set(losses, INDICES))


@settings(max_examples=40, deadline=None)
@given(LOSSES, st.permutations(range(4)), st.integers(-3, 3))
def test_scale_and_order_of_forecasters_do_not_matter(losses, order, power) -> None:
    found = confidence_set(losses, INDICES)

    assert found.max() == 1
    np.testing.assert_array_equal(confidence_set(2.0**power * losses[:, order], INDICES), found[order])


def test_needs_no_heavy_library() -> None:
    code = """
import sys
import numpy as np
from harness.analysis.statistics.confidence_set import confidence_set
from harness.analysis.statistics.ranks import critical_difference, friedman
losses, rows = np.random.default_rng(0).random((12, 3)), np.arange(12)
confidence_set(losses, np.tile(rows, (9, 1)) // 2), friedman(losses), critical_difference(3, 12)
sys.exit(len({"arch", "pandas", "scipy.stats", "scipy.optimize"} & set(sys.modules)))
"""

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
