"""Times: steps of a frequency, and dates as cutoffs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.calendar import advance, iso_time, period
from harness.data.panel import Panel
from harness.errors import BadData, BadTask
from harness.tasks.cutoffs import are_aligned, observations_until

STARTS = {
    "h": "2016-07-01T00:00",
    "15min": "2016-07-01T00:15",
    "D": "2016-02-28",
    "2D": "2016-02-28",
    "W-SAT": "1958-03-29",
    "B": "2020-01-03",
    "MS": "2020-01-01",
    "ME": "2020-01-31",
    "QS": "1959-01-01",
    "YS": "1700-01-01",
}


WINDOWS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 150), st.integers(0, 30)), min_size=1, max_size=6)


def day(*dates: str) -> np.ndarray:
    return np.array(dates, "M8[ns]")


class TestPeriod:
    @given(st.sampled_from(sorted(STARTS)), WINDOWS)
    def test_it_spans_the_times_of_all_windows(self, freq: str, windows: list[tuple[int, int, int]]) -> None:
        times = pd.date_range(STARTS[freq], periods=201, freq=freq).to_numpy(dtype="M8[ns]")
        starts, firsts, lengths = (np.array(column) for column in zip(*windows, strict=True))

        found = period(times[starts], freq, firsts, firsts + lengths)

        steps = [times[start + first : start + first + length + 1] for start, first, length in windows]
        assert found == (np.concatenate(steps).min(), np.concatenate(steps).max())

    def test_times_are_iso_and_midnight_is_a_date(self) -> None:
        assert iso_time(np.datetime64("2016-07-01T00:15", "ns")) == "2016-07-01T00:15:00"
        assert iso_time(np.datetime64("2016-07-01T00:00", "ns")) == "2016-07-01"


class TestAdvancing:
    @given(st.sampled_from(sorted(STARTS)), st.lists(st.integers(0, 200), min_size=1, max_size=6))
    def test_steps_are_those_of_pandas(self, freq: str, steps: list[int]) -> None:
        expected = pd.date_range(STARTS[freq], periods=201, freq=freq).to_numpy(dtype="M8[ns]")[steps]

        times = advance(day(STARTS[freq]), freq, np.array([steps]))

        assert times.dtype == np.dtype("M8[ns]")
        np.testing.assert_array_equal(times[0], expected)

    def test_every_series_starts_at_its_own_time(self) -> None:
        times = advance(day("2020-01-01", "2021-06-01", "2020-01-01"), "MS", np.array([[0, 1], [1, 2], [12, 13]]))

        assert times.astype("M8[M]").astype(str).tolist() == [
            ["2020-01", "2020-02"],
            ["2021-07", "2021-08"],
            ["2021-01", "2021-02"],
        ]

    @given(st.integers(-100, 100), st.lists(st.integers(0, 100), min_size=1))
    def test_numbered_time_counts(self, start: int, steps: list[int]) -> None:
        assert advance(np.array([start]), None, np.array([steps]))[0].tolist() == [start + step for step in steps]

    @pytest.mark.parametrize("freq", ["D", "MS"])
    def test_no_step_leads_nowhere(self, freq: str) -> None:
        assert advance(day("2020-01-01", "2020-02-01"), freq, np.array([0, 0])).tolist() == (
            day("2020-01-01", "2020-02-01").tolist()
        )

    def test_fixed_steps_may_go_back(self) -> None:
        assert advance(day("2020-01-01"), "h", np.array([-1]))[0] == np.datetime64("2019-12-31T23:00")

    def test_steps_of_a_calendar_are_not_negative(self) -> None:
        with pytest.raises(ValueError, match="must not be negative"):
            advance(day("2020-01-01"), "MS", np.array([-1]))

    @pytest.mark.parametrize("freq", ["fortnight", "foo"])
    def test_an_unknown_frequency_is_named(self, freq: str) -> None:
        with pytest.raises(BadData, match=f"'{freq}' is not a frequency; use a pandas offset alias"):
            advance(day("2020-01-01"), freq, np.array([1]))

    def test_a_start_off_the_calendar_is_refused_rather_than_moved(self) -> None:
        with pytest.raises(BadData, match=r"starts at 2020-01-15T\S+, which is not a time of frequency 'MS'"):
            advance(day("2020-01-15"), "MS", np.array([1]))


class TestDates:
    @pytest.mark.parametrize(
        ("date", "count"),
        [
            ("2020-01-01T00", 1),
            ("2020-01-01T22:59", 23),
            ("2020-01-01T23:00", 24),
            ("2020-01-01", 24),  # the whole day
            ("2020-01-02", 48),
            ("2020-01", 31 * 24),
            ("2020", 1000),
            ("2019-12-31", 0),
            ("2021-01-01", 1000),
        ],
    )
    def test_a_date_is_counted_to_its_end(self, date: str, count: int) -> None:
        panel = Panel.of([np.zeros(1000)], start="2020-01-01", freq="h")

        assert observations_until(panel, date).tolist() == [count]

    def test_every_series_is_counted_from_its_own_start(self) -> None:
        panel = Panel.of([np.zeros(10)] * 3, start=["2020-01-01", "2020-06-01", "2021-01-01"], freq="MS")

        assert observations_until(panel, "2020-07-15").tolist() == [7, 2, 0]

    @pytest.mark.parametrize("text", ["", "NaT", "today", "now", "soon", "2020-13-01", "20-20-20"])
    def test_what_is_no_date_is_refused(self, text: str) -> None:
        panel = Panel.of([np.zeros(3)], start="2020-01-01", freq="D")

        with pytest.raises(BadTask, match=f"'{text}' is not a date; write it as 2017-10-01"):
            observations_until(panel, text)

    @pytest.mark.parametrize("text", ["1066-10-14", "9999-12-31"])
    def test_dates_that_timestamps_cannot_hold_are_refused(self, text: str) -> None:
        panel = Panel.of([np.zeros(3)], start="2020-01-01", freq="D")

        with pytest.raises(BadTask, match="outside of the range of timestamps, 1678 to 2261"):
            observations_until(panel, text)

    def test_numbered_series_know_no_dates(self) -> None:
        with pytest.raises(BadTask, match="the series are numbered, not dated; give a row count"):
            observations_until(Panel.of([[1.0]]), "2020-01-01")


class TestAlignment:
    def test_cutoffs_at_one_moment_are_aligned(self) -> None:
        panel = Panel.of([np.zeros(10)] * 2, start=["2020-01-01", "2020-03-01"], freq="MS")

        assert are_aligned(panel, np.array([0, 1]), np.array([5, 3]))
        assert not are_aligned(panel, np.array([0, 1]), np.array([5, 5]))

    def test_numbered_time_counts_too(self) -> None:
        panel = Panel.of([np.zeros(10)] * 2, start=[0, 2])

        assert are_aligned(panel, np.array([0, 1]), np.array([5, 3]))
        assert not are_aligned(panel, np.array([0, 1]), np.array([5, 5]))

    def test_a_single_series_is_aligned(self) -> None:
        assert are_aligned(Panel.of([[1.0]]), np.array([0]), np.array([1]))
