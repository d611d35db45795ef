"""Resamples keep to their strata and blocks; intervals have the tails that Hesterberg gives them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.statistics.clustering import block_sums
from harness.analysis.statistics.resampling import Stratum, block_length, counts, expanded_interval, resamples
from harness.errors import BadInput

STRATA = st.lists(st.builds(Stratum, st.integers(1, 12), st.integers(1, 15)), min_size=1, max_size=5)


@given(STRATA, st.integers(0, 99))
def test_each_stratum_is_resampled_to_its_own_size(strata, seed) -> None:
    indices = resamples(strata, 7, seed)

    owners = np.repeat(np.arange(len(strata)), [stratum.units for stratum in strata])
    np.testing.assert_array_equal(owners[indices], np.tile(owners, (7, 1)))


@given(STRATA, st.integers(0, 99))
def test_units_of_a_block_follow_each_other(strata, seed) -> None:
    indices = resamples(strata, 5, seed)

    first = 0
    for stratum in strata:
        mine = indices[:, first : first + stratum.units] - first
        block = min(stratum.block, stratum.units)
        for place in range(stratum.units):
            if place % block:
                np.testing.assert_array_equal(mine[:, place], (mine[:, place - 1] + 1) % stratum.units)
        first += stratum.units


@pytest.mark.parametrize("block", [1, 4])
def test_every_unit_is_resampled_equally_often(block) -> None:
    indices = resamples([Stratum(10, block), Stratum(3)], 20_000, seed=0)

    np.testing.assert_allclose(counts(indices, 13).mean(axis=0), 1, atol=0.03)


def test_a_seed_determines_the_resamples() -> None:
    strata = [Stratum(9, 2), Stratum(4)]

    np.testing.assert_array_equal(resamples(strata, 5, seed=3), resamples(strata, 5, seed=3))
    assert (resamples(strata, 5, seed=3) != resamples(strata, 5, seed=4)).any()


def test_counts_are_the_weights_of_resamples() -> None:
    losses = np.random.default_rng(0).random((12, 3))
    indices = resamples([Stratum(12, 3)], 50, seed=0)

    np.testing.assert_allclose(counts(indices, 12) @ losses, losses[indices].sum(axis=1))


@pytest.mark.parametrize(("units", "block"), [(0, 1), (3, 0)])
def test_no_stratum(units, block) -> None:
    with pytest.raises(BadInput, match="at least one"):
        Stratum(units, block)


@pytest.mark.parametrize(("stratum", "blocks"), [((20, 1), 20), ((20, 8), 2.5), ((3, 8), 1)])
def test_overlapping_units_are_as_many_as_their_blocks(stratum, blocks) -> None:
    assert Stratum(*stratum).blocks == blocks
    assert Stratum(*stratum, overlapping=True).independent == blocks


@pytest.mark.parametrize("block", [1, 2, 3, 5, 8])
def test_independent_units_estimate_a_variance_as_precisely(block) -> None:
    """The variance over circular blocks of independent units scatters like a χ² of so many degrees of freedom."""
    losses = np.random.default_rng(0).standard_normal((400, 4_000))
    variances = (block_sums(losses - losses.mean(axis=0), block) ** 2).mean(axis=0)

    freedom = 2 * (variances.mean() / variances.std()) ** 2

    assert freedom == pytest.approx(Stratum(400, block).independent, rel=0.06)


@pytest.mark.parametrize(
    ("units", "overlap", "length"),
    [
        (2, 1, 1),
        (9, 1, 1),
        (10, 1, 2),
        (20, 1, 3),
        (200, 1, 6),
        (2, 4, 1),
        (20, 4, 4),
        (50, 4, 10),
        (200, 4, 16),
        (100, 12, 20),
        (1_000, 2, 10),
    ],
)
def test_blocks_are_of_the_cube_root_or_four_overlaps_and_at_least_five(units, overlap, length) -> None:
    assert block_length(units, overlap) == length


@pytest.mark.parametrize(
    ("units", "level", "tail"),
    [(5, 0.95, 0.00095), (10, 0.95, 0.00855), (20, 0.95, 0.01588), (20, 0.90, 0.03803), (1e9, 0.95, 0.025)],
)
def test_tails_worked_out_with_a_table_of_t(units, level, tail) -> None:
    """Φ(−√(n / (n − 1)) t): t is 2.7764, 2.2622, 2.0930 and 1.7291."""
    draws = np.arange(1_000_001.0)[:, None]

    low, high = expanded_interval(draws, units, level)

    assert low[0] / 1e6 == pytest.approx(tail, abs=2e-5)
    assert 1 - high[0] / 1e6 == pytest.approx(tail, abs=2e-5)


def test_fewer_than_two_units_have_no_interval() -> None:
    low, high = expanded_interval(np.ones((9, 2)), 1.5)

    assert np.isnan([low, high]).all()
    assert low.shape == high.shape == (2,)


def test_an_infinite_replicate_is_an_end() -> None:
    draws = np.array([[1.0], [2.0], [math.inf], [math.inf]])

    low, high = expanded_interval(draws, 10)

    assert (low[0], high[0]) == (1, math.inf)


def test_replicates_of_another_shape_are_refused() -> None:
    with pytest.raises(BadInput, match="sample, statistic"):
        expanded_interval(np.ones(9), 10)


@given(st.floats(2, 500), st.floats(0.1, 10))
def test_intervals_follow_the_scale_and_are_wider_than_percentiles(units, scale) -> None:
    draws = np.random.default_rng(0).standard_normal((200, 3))

    low, high = expanded_interval(draws, units)
    scaled_low, scaled_high = expanded_interval(scale * draws, units)

    np.testing.assert_array_equal([scaled_low, scaled_high], [scale * low, scale * high])
    assert (low <= np.quantile(draws, 0.025, axis=0)).all()
    assert (high >= np.quantile(draws, 0.975, axis=0)).all()
