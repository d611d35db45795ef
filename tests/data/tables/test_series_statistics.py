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


def opening_hours(days: int, variation: float, seed: int = 0) -> np.ndarray:
    """Hourly sales of a shop that opens from 8 to 20, from Monday to Saturday, with log-normal sales."""
    hour = np.arange(24 * days)
    sales = 50 * np.exp(variation * np.random.default_rng(seed).normal(size=24 * days))
    return np.where((hour % 24 >= 8) & (hour % 24 < 20) & (hour // 24 % 7 < 6), sales, 0.0)


class TestClosedPositionsOfASeason:
    @pytest.mark.parametrize(("variation", "name"), [(0.1, "smooth"), (1.0, "erratic")])
    @pytest.mark.parametrize("days", [18, 56])  # less and more than three weeks
    def test_closed_nights_are_not_intermittent(self, days: int, variation: float, name: str) -> None:
        sales = opening_hours(days, variation)
        offsets = np.array([0, len(sales)])

        assert demand_classes(sales, offsets, (24, 168)) == [name]
        assert demand_classes(sales, offsets)[0] in ("intermittent", "lumpy")

    def test_rare_sales_in_opening_hours_are_intermittent(self) -> None:
        sales = opening_hours(56, 0.1) * (np.random.default_rng(1).random(24 * 56) < 0.3)

        assert demand_classes(sales, np.array([0, len(sales)]), (24, 168)) == ["intermittent"]

    @pytest.mark.parametrize("rate", [0.02, 0.1, 0.6])
    @pytest.mark.parametrize("days", [4, 21, 70])
    def test_rare_sales_at_any_hour_are_intermittent(self, days: int, rate: float) -> None:
        rng = np.random.default_rng(2)
        series = [5.0 * (rng.random(24 * days) < rate) for _ in range(50)]
        values, offsets = joined([each for each in series if each.any()])

        assert set(demand_classes(values, offsets, (24, 168))) == {"intermittent"}

    def test_days_with_a_closed_weekend_are_not_intermittent(self) -> None:
        days = np.arange(100)
        sales = np.random.default_rng(3).poisson(20, size=100).astype(float)

        for closed in (6, 5):  # Sundays; Saturdays and Sundays, whose interval is 7 / 5 = 1.4 days
            shop = np.where(days % 7 >= closed, 0.0, sales)

            assert demand_classes(shop, np.array([0, 100]), (7,)) == ["smooth"]

    def test_a_position_needs_three_values_of_which_95_percent_are_zero(self) -> None:
        twice = np.array([0.0, 4, 0, 4])
        often, rarely = np.tile([0.0, 4], 20), np.tile([0.0, 4], 20)
        rarely[[0]], often[[0, 2, 4]] = 9, 9  # 1 and 3 of 20

        values, offsets = joined([twice, often, rarely, np.array([0.0, 4, 0, 4, 0, 4])])

        assert demand_classes(values, offsets, (2,)) == ["intermittent", "intermittent", "smooth", "smooth"]

    def test_series_without_other_positive_values_keep_their_zeros(self) -> None:
        once = np.zeros(100)
        once[50] = 3

        assert demand_classes(once, np.array([0, 100]), (7,)) == ["intermittent"]


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
