"""Percentiles, and intervals from order statistics: against the binomial distribution and by drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from harness.efficiency.percentiles import BINS, histogram, interval_ranks, percentile


@given(st.integers(1, 3000), st.sampled_from([0.5, 0.9, 0.99]))
def test_each_end_misses_with_at_most_half_and_no_closer_rank_would_do(count, share) -> None:
    low, high = interval_ranks(count, share)

    assert low == 0 or binom.cdf(low - 1, count, share) <= 0.025
    assert binom.cdf(low, count, share) > 0.025
    if high is None:
        assert binom.sf(count - 1, count, share) > 0.025
    else:
        assert binom.sf(high - 1, count, share) <= 0.025 + 1e-9
        assert binom.sf(high - 2, count, share) > 0.025


@pytest.mark.parametrize(("share", "least"), [(0.99, 368), (0.9, 36), (0.5, 6)])
def test_how_many_times_a_percentile_needs(share, least) -> None:
    assert interval_ranks(least, share)[1] is not None
    assert interval_ranks(least - 1, share)[1] is None


def test_the_interval_covers_the_quantile_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(0), 0
    truth = -np.log(0.1)  # of an exponential distribution, p90

    for _ in range(2000):
        found = percentile(rng.exponential(size=200), 0.9)
        covered += found.low <= truth <= (np.inf if found.high is None else found.high)

    assert binomtest(covered, 2000, 0.95).pvalue > 1e-4 or covered > 1900


def test_a_percentile_is_a_time_that_was_measured() -> None:
    times = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))

    assert [percentile(times, share).seconds for share in (0.5, 0.9, 0.99)] == [50.0, 90.0, 99.0]


def test_one_time_is_every_percentile_and_bounds_none() -> None:
    found = percentile([0.25], 0.99)

    assert (found.seconds, found.low, found.high) == (0.25, 0.25, None)
    assert not found.has_upper_bound


def test_a_histogram_counts_all_times_in_bins_even_in_their_logarithms() -> None:
    found = histogram([0.001, 0.0011, 0.1, 1.0])

    assert (found.low, found.high) == (0.001, 1.0)
    assert len(found.counts) == BINS
    assert (found.counts[0], found.counts[40], found.counts[-1], sum(found.counts)) == (2, 1, 1, 4)


def test_times_that_are_all_alike_are_one_bin() -> None:
    assert histogram([0.5, 0.5]).counts == (2,)
