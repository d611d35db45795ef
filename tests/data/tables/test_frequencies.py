"""The frequency that is found is that which made the dates; positions are those of pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.data.tables.frequencies import find_frequency, is_frequency, positions, season_length

ALIASES = (
    *("D", "B", "h", "min", "s", "ms", "us", "2h", "6h", "15min", "30min", "10s", "2D", "10D"),
    *("W-MON", "W-TUE", "W-WED", "W-THU", "W-FRI", "W-SAT", "W-SUN", "2W-TUE"),
    *("MS", "ME", "2MS", "2ME", "6MS", "QS", "QE", "QS-FEB", "QS-MAR", "QE-OCT", "QE-NOV"),
    *("YS", "YE", "YS-APR", "YE-JUN", "YS-OCT", "YE-MAR"),
)
ONE = np.array([0, 60])


def dates_of(alias: str, periods: int = 60, start: str = "2019-01-03") -> np.ndarray:
    return pd.date_range(start, periods=periods, freq=alias).to_numpy(dtype="M8[ns]")


class TestFindFrequency:
    @pytest.mark.parametrize("alias", ALIASES)
    def test_it_is_the_one_of_the_dates(self, alias: str) -> None:
        assert find_frequency(dates_of(alias), ONE) == alias

    @pytest.mark.parametrize("alias", ALIASES)
    @hypothesis_settings(max_examples=5)
    @given(seed=st.integers(0, 10_000))
    @example(seed=341)  # in which less than half of the business days are followed by the next day
    def test_gaps_do_not_change_it(self, alias: str, seed: int) -> None:
        rng = np.random.default_rng(seed)
        dates = dates_of(alias)
        kept = np.sort(rng.choice(60, size=42, replace=False))

        found = find_frequency(dates[kept], np.array([0, 42]))

        steps = np.diff(kept)
        if (steps == 1).mean() >= 0.5:
            assert found == alias

    def test_series_with_other_starts_have_the_same(self) -> None:
        dates = dates_of("MS", 20)
        times = np.concatenate([dates[:15], dates[9:], dates[3:4]])

        assert find_frequency(times, np.array([0, 15, 26, 27])) == "MS"

    def test_weeks_of_several_days_are_of_seven_days(self) -> None:
        times = np.concatenate([dates_of("W-MON", 10), dates_of("W-THU", 10)])

        assert find_frequency(times, np.array([0, 10, 20])) == "7D"

    @pytest.mark.parametrize(
        ("alias", "months"), [("12MS", (1, 7)), ("3MS", (1, 2)), ("2MS", (3, 4)), ("12ME", (6, 12))]
    )
    def test_series_from_other_months_keep_their_steps(self, alias: str, months: tuple[int, int]) -> None:
        first, second = (dates_of(alias, 10, f"2012-{month:02}-01") for month in months)

        assert find_frequency(np.concatenate([first, second]), np.array([0, 10, 20])) == alias

    @pytest.mark.parametrize(
        "times",
        [
            ["2024-01-01", "2024-01-02", "2024-01-05T07:00", "2024-01-20", "2024-02-28"],
            ["2024-01-30", "2024-02-29", "2024-03-30", "2024-05-01"],
        ],
    )
    def test_irregular_times_have_none(self, times: list[str]) -> None:
        assert find_frequency(np.array(times, "M8[ns]"), np.array([0, len(times)])) is None

    def test_single_times_have_none(self) -> None:
        assert find_frequency(dates_of("D", 3), np.array([0, 1, 2, 3])) is None


class TestPositions:
    @pytest.mark.parametrize("alias", ALIASES)
    def test_they_are_those_of_a_date_range(self, alias: str) -> None:
        first, second = np.array([0, 1, 5, 6, 20]), np.array([0, 7, 8])
        dates = dates_of(alias)
        times = np.concatenate([dates[first + 3], dates[second]])

        steps, between, start = positions(times, np.array([0, 5, 8]), alias)

        assert steps.tolist() == [*first, *second]
        assert not between.any()
        assert start.tolist() == [dates[3], dates[0]] or (start == dates[[3, 0]]).all()

    @pytest.mark.parametrize(
        ("alias", "starts"),
        [
            ("12MS", ("2012-01-01", "2012-07-01")),
            ("3MS", ("2012-01-01", "2012-02-01")),
            ("2ME", ("2012-01-31", "2012-04-30")),
            ("2W-MON", ("2024-01-01", "2024-01-08")),
            ("2B", ("2024-01-01", "2024-01-02")),
        ],
    )
    def test_each_series_has_its_own_steps(self, alias: str, starts: tuple[str, str]) -> None:
        kept = np.array([0, 1, 4, 5])
        first, second = (dates_of(alias, 6, start)[kept] for start in starts)
        aside = dates_of(alias.lstrip("0123456789"), 2, starts[0])[1:]  # after one month, week or day
        times = np.concatenate([first, second, dates_of(alias, 1, starts[0]), aside])

        steps, between, start = positions(times, np.array([0, 4, 8, 10]), alias)

        assert steps.tolist() == [*kept, *kept, 0, 0]
        assert between.tolist() == [False] * 9 + [True]
        assert (start == np.array([*starts, starts[0]], "M8[ns]")).all()

    @pytest.mark.parametrize("alias", ["MS", "W-SUN", "B", "QE"])
    def test_other_times_are_between_steps(self, alias: str) -> None:
        dates = dates_of(alias, 5)
        times = np.concatenate([dates, dates[-1:] + np.timedelta64(5, "h")])

        _, between, _ = positions(times, np.array([0, 6]), alias)

        assert between.tolist() == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("freq", "season"),
    [
        ("h", 24),
        ("D", 7),
        ("B", 5),
        ("W-SUN", 1),
        ("MS", 12),
        ("ME", 12),
        ("QS", 4),
        ("QE-NOV", 4),
        ("YS", 1),
        ("15min", 96),
        ("2h", 12),
        ("10s", 6),
        ("3MS", 4),
        ("7h", 1),
        (None, 1),
    ],
)
def test_season_lengths_are_those_of_a_day_a_week_or_a_year(freq: str | None, season: int) -> None:
    assert season_length(freq) == season


def test_only_aliases_of_pandas_are_frequencies() -> None:
    assert is_frequency("W-SAT")
    assert not is_frequency("monthly")
