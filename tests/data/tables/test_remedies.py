"""Lines of pandas in remedies: what they must not change, and dates with the day first."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

import harness

DAYS = pd.date_range("2024-01-01", periods=60, freq="D")


def sales() -> pd.DataFrame:
    """Two shops, 60 days, and a plan for five more, which has no sales."""
    times = pd.date_range(DAYS[0], periods=65, freq="D")
    frames = []
    for shop in ("north", "south"):
        values = np.where(np.arange(65) < 60, 10.0 + np.arange(65) % 7, np.nan)
        frames.append(pd.DataFrame({"time": times, "shop": shop, "y": values, "promo": np.arange(65) % 2}))
    return pd.concat(frames, ignore_index=True)


def mended(frame: pd.DataFrame, check: str) -> pd.DataFrame:
    """The frame after the lines of pandas in the remedy of a finding."""
    (finding,) = (found for found in harness.check_data(frame, target="y", known="promo") if found.check == check)
    match = re.search(r"in pandas: (.*)", finding.remedy)
    assert match is not None
    names = {"frame": frame.copy(), "pd": pd}
    exec(match[1], names)
    result = names["frame"]
    assert isinstance(result, pd.DataFrame)
    return result


def test_filled_gaps_leave_the_rows_ahead_without_actuals() -> None:
    frame = sales()
    frame.loc[5, "y"] = np.nan

    filled = mended(frame, "missing values")

    assert filled.loc[5, "y"] == filled.loc[4, "y"]
    assert filled["y"].isna().sum() == 10
    assert harness.Panel.from_frame(filled, target="y", known="promo").lengths.tolist() == [60, 60]


def test_combined_rows_leave_missing_values_and_flags_as_they_are() -> None:
    frame = sales()
    frame = pd.concat([frame, frame.iloc[3:6].assign(y=99.0)], ignore_index=True)

    combined = mended(frame, "repeated times")

    assert len(combined) == 130
    assert combined["y"].isna().sum() == 10
    assert combined["promo"].max() == 1


def test_dates_with_the_day_first_stay_what_they_are() -> None:
    frame = sales()
    frame["time"] = frame["time"] + pd.to_timedelta(np.where(np.arange(130) % 65 % 9 == 4, 7, 0), "h")
    frame["time"] = frame["time"].dt.strftime("%d.%m.%Y %H:%M")

    steps = mended(frame, "irregular steps")

    assert steps["time"].min() == DAYS[0]
    assert steps["time"].max() == DAYS[0] + pd.Timedelta(days=64)


def test_a_wrong_year_is_an_error_that_names_its_row() -> None:
    frame = sales()
    frame["time"] = frame["time"].where(frame.index != 30, frame["time"] + pd.DateOffset(years=10))

    (finding,) = (found for found in harness.check_data(frame, target="y", known="promo") if found.level == "error")

    assert finding.check == "gaps"
    assert "where 2034-01-31 follows 2024-03-05" in finding.problem
    assert 'say `fill="zero"`' in finding.remedy
