"""Calendar covariates: their values against those of pandas, also ahead of the data, and tables that have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness import Panel
from harness.data.ahead import with_calendar_ahead, with_rows_ahead
from harness.data.table_dataset import TableDataset
from harness.data.tables.frame_reading import read_frame
from harness.data.tables.options import TableOptions
from harness.errors import BadInput

DAY = [f"time of day {wave} {k}" for k in (1, 2) for wave in ("sin", "cos")]
WEEK = [f"time of week {wave} {k}" for k in (1, 2) for wave in ("sin", "cos")]
CHANGES = ["2024-03-28", "2024-10-25"]  # the clocks of Berlin change in the days after them


def frame_of(times: pd.DatetimeIndex, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"time": times, "y": np.random.default_rng(0).normal(size=len(times)), **columns})


def expected(times: pd.DatetimeIndex, names: list[str]) -> np.ndarray:
    """The terms, from the hours, minutes and weekdays that pandas has for these times, (time, term)."""
    hours = times.hour.to_numpy() + times.minute.to_numpy() / 60
    shares = {"day": hours / 24, "week": (times.dayofweek.to_numpy() + hours / 24) / 7}
    columns = []
    for name in names:
        _, _, period, wave, k = name.split()
        columns.append(getattr(np, wave)(2 * np.pi * int(k) * shares[period]))
    return np.stack(columns, axis=1)


def covariates(panel: Panel) -> list[str]:
    return [channel.name for channel in panel.channels if channel.role == "known covariate"]


@pytest.mark.parametrize(
    ("freq", "names"),
    [("h", DAY + WEEK), ("15min", DAY + WEEK), ("6h", DAY[:2] + WEEK), ("12h", WEEK), ("D", WEEK), ("B", WEEK)],
)
def test_their_values_are_those_of_the_hours_and_weekdays_of_pandas(freq: str, names: list[str]) -> None:
    times = pd.date_range("2024-02-26", periods=200, freq=freq)

    panel = Panel.from_frame(frame_of(times), calendar=True)

    assert covariates(panel) == names
    np.testing.assert_allclose(panel.values[:, 1:], expected(times, names), atol=1e-12)


@pytest.mark.parametrize("start", CHANGES)
def test_they_are_of_the_clocks_of_the_zone_also_where_these_change(start: str) -> None:
    times = pd.date_range(start, periods=24 * 7, freq="h", tz="Europe/Berlin")
    local = frame_of(times).assign(time=times.tz_localize(None))

    of_timestamps = Panel.from_frame(frame_of(times), calendar=True)
    of_clocks = Panel.from_frame(local, time_zone="Europe/Berlin", calendar=True)

    np.testing.assert_allclose(of_timestamps.values[:, 1:], expected(times, DAY + WEEK), atol=1e-12)
    np.testing.assert_array_equal(of_clocks.values, of_timestamps.values)


@pytest.mark.parametrize("start", CHANGES)
def test_the_steps_ahead_have_the_values_of_later_data(start: str) -> None:
    times = pd.date_range(start, periods=24 * 4, freq="h", tz="Europe/Berlin")
    later = Panel.from_frame(frame_of(times), calendar=True)
    reading = read_frame(frame_of(times[:50]), TableOptions(calendar=True))
    panel = Panel(**reading.panel_fields())
    assert reading.rows is not None

    ahead = with_calendar_ahead(with_rows_ahead(panel, 46), reading.calendar, reading.rows.zone)

    np.testing.assert_array_equal(ahead.values[:, 1:], later.values[:, 1:])
    assert np.isnan(ahead.values[50:, 0]).all()


def test_series_of_several_starts_and_covariates_of_the_table_keep_theirs() -> None:
    first, second = pd.date_range("2024-01-01", periods=30, freq="h"), pd.date_range("2024-01-03", periods=20, freq="h")
    frames = [frame_of(first, id="a", promo=1.0), frame_of(second, id="b", promo=2.0)]

    panel = Panel.from_frame(pd.concat(frames), id="id", target="y", known="promo", calendar=True)

    assert covariates(panel) == ["promo", *DAY, *WEEK]
    np.testing.assert_array_equal(panel.values[:, 1], [1.0] * 30 + [2.0] * 20)
    np.testing.assert_allclose(panel.values[:, 2:], expected(first.append(second), DAY + WEEK), atol=1e-12)


@pytest.mark.parametrize("calendar", [None, False])
def test_there_are_none_unless_asked_for(calendar: bool | None) -> None:
    panel = Panel.from_frame(frame_of(pd.date_range("2024-01-01", periods=600, freq="h")), calendar=calendar)

    assert covariates(panel) == []


def test_a_dataset_without_the_option_is_stored_as_before() -> None:
    assert "calendar" not in TableDataset(file="a.csv").spec().settings
    assert "calendar" in TableDataset(file="a.csv", calendar=True).spec().settings


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            frame_of(pd.date_range("2024-01-01", periods=60, freq="W-MON")),
            "for steps shorter than half a week.*'W-MON'",
        ),
        (frame_of(pd.date_range("2024-01-01", periods=60, freq="MS")), "for steps shorter than half a week.*'MS'"),
        (pd.DataFrame({"y": np.arange(60.0)}), "need times, and the table has none; .*`time=`"),
        (
            frame_of(pd.date_range("2024-01-01", periods=60, freq="h")).assign(y=["a", "b", "c"] * 20),
            "'y' has classes; leave out `calendar=True`",
        ),
    ],
)
def test_a_table_that_can_have_none_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Panel.from_frame(frame, target="y", calendar=True)


def test_a_column_of_the_same_name_is_refused() -> None:
    frame = Panel.from_frame(frame_of(pd.date_range("2024-01-01", periods=60, freq="h")), calendar=True).to_frame()

    again = Panel.from_frame(frame, target="y", known=[*DAY, *WEEK])

    assert covariates(again) == [*DAY, *WEEK]
    with pytest.raises(BadInput, match="a column is called 'time of day sin 1', which is the name of a calendar cov"):
        Panel.from_frame(frame, target="y", known=[*DAY, *WEEK], calendar=True)


def test_checks_are_of_the_columns_of_the_table() -> None:
    times = pd.date_range("2024-01-01", periods=24 * 30, freq="h")
    wave = frame_of(times).assign(y=expected(times, DAY[:1]).ravel())  # a linear function of a calendar covariate

    checks = [finding.check for finding in harness.check_data(wave, calendar=True)]

    assert "target among covariates" not in checks
    assert "known covariates" not in checks
