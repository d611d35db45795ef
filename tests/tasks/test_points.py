"""Points in time of windows, and what is known of other series then."""

from __future__ import annotations

import numpy as np
import pytest

from harness.arrays import Ints
from harness.data.panel import Panel
from harness.tasks.points import points_in_time, rows_known


def panel(starts: list[object], lengths: list[int], freq: str | None) -> Panel:
    return Panel.of([np.arange(length, dtype=float) for length in lengths], start=starts, freq=freq)


def test_windows_with_equal_starts_are_ordered_by_their_cutoffs():
    series, cutoffs = np.array([0, 1, 0, 1]), np.array([5, 3, 3, 9])

    assert points_in_time(panel([0, 0], [10, 10], None), series, cutoffs).tolist() == [1, 0, 0, 2]


def test_without_a_calendar_points_are_starts_and_cutoffs():
    numbered = panel([0, 4], [10, 10], None)

    assert points_in_time(numbered, np.array([0, 1, 1]), np.array([6, 2, 1])).tolist() == [1, 1, 0]
    assert rows_known(numbered, 0, 6).tolist() == [6, 2]
    assert rows_known(numbered, 1, 9).tolist() == [10, 9]
    assert rows_known(numbered, 0, 3).tolist() == [3, 0]


@pytest.mark.parametrize("freq", ["D", "MS", "h", "W-MON", "B"])
def test_with_a_calendar_rows_before_the_time_of_the_cutoff_are_known(freq: str):
    starts = {
        "D": ["2020-01-01", "2020-01-04", "2020-03-01"],
        "MS": ["2020-01-01", "2020-03-01", "2024-01-01"],
        "h": ["2020-01-01T00", "2020-01-01T05", "2021-01-01T00"],
        "W-MON": ["2020-01-06", "2020-01-20", "2023-01-02"],
        "B": ["2020-01-01", "2020-01-06", "2021-01-01"],
    }[freq]
    dated = panel(list(starts), [12, 12, 12], freq)
    steps = {"D": 3, "MS": 2, "h": 5, "W-MON": 2, "B": 3}[freq]  # of the second start after the first

    assert rows_known(dated, 0, 8).tolist() == [8, 8 - steps, 0]
    assert rows_known(dated, 1, 12).tolist() == [12, 12, 0]
    assert points_in_time(dated, np.array([0, 1, 2, 0]), np.array([8, 8 - steps, 1, 7])).tolist() == [1, 1, 2, 0]


def test_a_row_at_a_time_that_is_no_step_of_another_series_is_known_after_it():
    shifted = panel(["2020-01-01T00:00", "2020-01-01T00:30"], [10, 10], "h")

    assert rows_known(shifted, 0, 4).tolist() == [4, 4]
    assert rows_known(shifted, 1, 4).tolist() == [5, 4]


def test_a_window_of_the_same_series_knows_its_own_cutoff():
    dated = panel(["2020-01-31", "2020-02-29"], [30, 30], "ME")
    known: list[Ints] = [rows_known(dated, 1, cutoff) for cutoff in range(1, 30)]

    assert [rows[1] for rows in known] == list(range(1, 30))
    assert [rows[0] for rows in known] == list(range(2, 31))
