"""Statistics of many series at once are those of each series alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from statsmodels.stats.diagnostic import acorr_ljungbox

from harness.data.tables.series_statistics import demand_classes, ljung_box, lower_and_upper_quartile


def joined(series: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate(series), np.concatenate([[0], np.cumsum([len(values) for values in series])])


class TestLjungBox:
    @pytest.mark.parametrize("lags", [1, 10, 14])
    def test_it_is_that_of_statsmodels(self, lags: int) -> None:
        rng = np.random.default_rng(3)
        series = [rng.normal(size=80), np.cumsum(rng.normal(size=120)), rng.poisson(2, size=71).astype(float)]
        values, offsets = joined(series)

        expected = [acorr_ljungbox(each, lags=[lags])["lb_stat"].iloc[0] for each in series]

        np.testing.assert_allclose(ljung_box(values, offsets, lags), expected, rtol=1e-10)


class TestDemandClasses:
    @pytest.mark.parametrize(
        ("series", "name"),
        [
            ([4.0, 5, 4, 5], "smooth"),
            ([0.0, 4, 0, 5], "intermittent"),  # an interval of 2, CV² = (0.5 / 4.5)²
            ([1.0, 9, 1, 1], "erratic"),  # a mean of 3 and a variance of 12: CV² = 1.33
            ([0.0, 1, 0, 9, 0, 1, 0, 1], "lumpy"),
            ([1.0, 1, 1, np.nan, np.nan], "smooth"),  # missing values are left out: an interval of 1
            ([0.0, 0, 0], ""),
            ([-1.0, 0, 3], ""),
            ([np.nan, np.nan], ""),
        ],
    )
    def test_examples_worked_by_hand(self, series: list[float], name: str) -> None:
        assert demand_classes(np.array(series), np.array([0, len(series)])) == [name]

    @pytest.mark.parametrize(
        ("zeros", "name"),
        [(7, "smooth"), (8, "intermittent")],  # of 25 positive values: intervals of 1.28 and 1.32
    )
    def test_the_border_of_intervals_is_1_32(self, zeros: int, name: str) -> None:
        series = np.array([2.0] * 25 + [0.0] * zeros)

        assert demand_classes(series, np.array([0, len(series)])) == [name]

    @pytest.mark.parametrize(("high", "name"), [(1.69, "smooth"), (1.71, "erratic")])
    def test_the_border_of_the_squared_variation_is_0_49(self, high: float, name: str) -> None:
        series = np.array([2 - high, high] * 20)  # a mean of 1 and CV² = (high − 1)²

        assert demand_classes(series, np.array([0, 40])) == [name]

    def test_several_series_are_independent(self) -> None:
        values, offsets = joined([np.array([4.0, 5, 4]), np.array([0.0, 0, 4]), np.array([np.nan]), np.array([3.0])])

        assert demand_classes(values, offsets) == ["smooth", "intermittent", "", "smooth"]


class TestQuartiles:
    @hypothesis_settings(max_examples=50)
    @given(
        st.lists(
            st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=1, max_size=12),
            min_size=1,
            max_size=4,
        )
    )
    def test_they_are_those_of_numpy(self, series: list[list[float]]) -> None:
        values, offsets = joined([np.array(each) for each in series])

        low, high, counts = lower_and_upper_quartile(values, offsets)

        for i, each in enumerate(series):
            known = np.array(each)[~np.isnan(each)]
            assert counts[i] == len(known)
            if len(known):
                np.testing.assert_allclose([low[i], high[i]], np.quantile(known, [0.25, 0.75]), rtol=1e-9, atol=1e-9)
