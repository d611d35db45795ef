"""What the checks of awkward files find, each once, with a remedy that mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness import Finding, Panel
from harness.data.tables.findings import BadTable

Write = Callable[[pd.DataFrame], Path]
RNG = np.random.default_rng(8)
LENGTH = 60
WALK = np.cumsum(RNG.normal(size=LENGTH)).round(3)  # autocorrelated, without outliers


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def path_of(frame: pd.DataFrame) -> Path:
        frame.to_csv(tmp_path / "sales.csv", index=False)
        return tmp_path / "sales.csv"

    return path_of


def series(freq: str = "D", length: int = LENGTH, start: str = "2024-01-01", **columns: Any) -> pd.DataFrame:
    """A table of one regular series, in which the checks find nothing."""
    times = pd.date_range(start, periods=length, freq=freq)
    return pd.DataFrame({"time": times, "y": np.resize(WALK, length), **columns})


def panel_of(frame: pd.DataFrame, **parts: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame.assign(id="a"), *(part.assign(id=name) for name, part in parts.items())])


def found(path: Path, check: str, **options: Any) -> Finding:
    """The finding of a check, of which there is one."""
    findings = harness.check_data(path, **options)
    of_check = [finding for finding in findings if finding.check == check]
    assert len(of_check) == 1, findings
    return of_check[0]


def checks(path: Path, **options: Any) -> list[str]:
    return [finding.check for finding in harness.check_data(path, **options)]


def test_nothing_is_found_in_a_regular_series(write: Write) -> None:
    assert harness.check_data(write(series())) == ()


class TestRows:
    def test_repeated_rows(self, write: Write) -> None:
        frame = series()

        finding = found(write(pd.concat([frame.iloc[:3], frame.iloc[2:]])), "repeated rows")

        assert finding.level == "changed"
        assert "sales.csv, line 5: series '0' has two rows for 2024-01-03, which are the same; 1" in finding.problem

    def test_repeated_times(self, write: Write) -> None:
        frame = series()
        path = write(pd.concat([frame.iloc[:3], frame.iloc[2:3].assign(y=9), frame.iloc[3:]]))

        finding = found(path, "repeated times")

        assert (finding.level, finding.remedy[:33]) == ("error", 'combine them by `aggregate="mean"')
        assert "sales.csv, line 5: series '0' has two rows for 2024-01-03, with other values" in finding.problem
        assert found(path, "repeated times", aggregate="mean").level == "changed"

    def test_unsorted_rows(self, write: Write) -> None:
        frame = series()

        finding = found(write(pd.concat([frame.iloc[3:], frame.iloc[:3]])), "unsorted rows")

        assert (finding.level, finding.effect) == ("changed", "rows were sorted by time")
        assert "in series '0', 2024-01-01 follows 2024-02-29" in finding.problem

    def test_gaps(self, write: Write) -> None:
        path = write(series().drop(index=[4, 5, 20]))

        finding = found(path, "gaps")

        assert finding.level == "changed"
        assert "3 of 60 steps (5.0%) have no row, in 1 of 1 series" in finding.problem
        assert "the longest gap, of 2 steps, is in series '0' after 2024-01-04" in finding.problem
        assert 'fill="zero"' in finding.remedy

    def test_gaps_that_were_filled(self, write: Write) -> None:
        finding = found(write(series().drop(index=[4])), "gaps", fill="zero")

        assert (finding.effect, finding.remedy) == ('they were inserted, with targets by `fill="zero"`', "")

    def test_times_that_are_too_far_apart(self, write: Write) -> None:
        frame = series("s")
        frame.loc[59, "time"] = pd.Timestamp("2204-01-01")

        finding = found(write(frame), "gaps")

        assert finding.level == "error"
        assert "steps of frequency 's' would be needed for 60 rows" in finding.problem

    def test_series_of_other_lengths(self, write: Write) -> None:
        finding = found(write(panel_of(series(), b=series(length=20, start="2024-02-10"))), "lengths of series")

        assert finding.problem == "the series have 20 to 60 times, with a median of 40"

    def test_series_that_end_at_other_times(self, write: Write) -> None:
        other = series(start="2023-12-25")
        later = series(length=70).assign(y=lambda table: table["y"].where(table.index < LENGTH))  # known ahead

        finding = found(write(panel_of(series(), b=other, c=later)), "ends of series")

        assert finding.level == "note"
        assert finding.problem == (
            "1 of 3 series ends before 2024-02-29, the last actual of the others: 'b'; the earliest end is 2024-02-22"
        )

    def test_short_series(self, write: Write) -> None:
        finding = found(write(panel_of(series(), b=series(length=2))), "short series")

        assert (finding.level, finding.problem) == ("note", "1 of 2 series has fewer than 3 times: 'b'")

    def test_only_short_series(self, write: Write) -> None:
        assert found(write(series(length=2)), "short series").level == "error"

    def test_series_shorter_than_a_season(self, write: Write) -> None:
        finding = found(write(panel_of(series(), b=series(length=8))), "short series")

        assert finding.problem == "1 of 2 series has no more times than a season of 7 and one step: 'b'"


class TestSteps:
    def test_numbers_that_are_several_apart(self, write: Write) -> None:
        frame = series().assign(time=np.arange(100, 400, 5))
        frame.loc[7, "y"] = 1e6

        finding = found(write(frame), "numbers of steps")

        assert finding.level == "changed"
        assert finding.problem == "the times are numbers that are 5 apart, such as 100 and 105 in series '0'"
        assert "1e+06 in series '0' at 135" in found(write(frame), "outliers").problem
        assert "numbers of steps" not in checks(write(series().assign(time=np.arange(60))))

    def test_irregular_steps(self, write: Write) -> None:
        frame = series("h")
        frame["time"] += pd.to_timedelta(RNG.integers(0, 59, LENGTH), unit="min")
        path = write(frame)

        finding = found(path, "irregular steps")

        assert finding.level == "error"
        assert finding.remedy.startswith('combine the rows of each step, such as `freq="h", aggregate="mean"`, or')
        assert checks(path, freq="h", aggregate="mean") == ["aggregation"]

    def test_times_between_the_steps_of_a_named_frequency(self, write: Write) -> None:
        frame = series("h")
        frame.loc[3, "time"] += pd.Timedelta("7min")

        finding = found(write(frame), "irregular steps", freq="h")

        assert "sales.csv, line 5: 2024-01-01T03:07:00 in series '0' is not on the steps" in finding.problem

    def test_ends_of_months_are_regular(self, write: Write) -> None:
        assert checks(write(series("ME"))) == []

    def test_the_same_day_of_each_month(self, write: Write) -> None:
        frame = series("MS")
        frame["time"] += pd.Timedelta("14D")

        finding = found(write(frame), "days of months")

        assert finding.problem == "all times are on day 15 of a month, such as 2024-01-15"
        assert Panel.from_frame(frame, freq="MS").fingerprint() == Panel.from_frame(series("MS")).fingerprint()

    def test_weeks_of_other_days(self, write: Write) -> None:
        finding = found(write(panel_of(series("W-MON"), b=series("W-THU"))), "weeks")

        assert "those of series 'a' on Monday, those of 'b' on Thursday" in finding.problem

    def test_holidays_of_business_days(self, write: Write) -> None:
        finding = found(write(series("B").drop(index=[10])), "gaps")

        assert finding.remedy.startswith("holidays have no row")

    def test_the_hour_that_clocks_show_twice(self, write: Write) -> None:
        local = pd.date_range("2024-10-26", periods=LENGTH, freq="h", tz="Europe/Berlin").tz_localize(None)
        path = write(series().assign(time=local))

        finding = found(path, "daylight saving time")

        assert (finding.level, 'time_zone="Europe/Berlin"' in finding.remedy) == ("error", True)
        assert checks(path, time_zone="Europe/Berlin") == ["time zone"]

    def test_the_hour_that_clocks_skip(self, write: Write) -> None:
        local = pd.date_range("2024-03-30", periods=LENGTH, freq="h", tz="Europe/Berlin").tz_localize(None)
        path = write(series().assign(time=local))

        finding = found(path, "daylight saving time")

        assert (finding.level, 'time_zone="Europe/Berlin"' in finding.remedy) == ("changed", True)
        assert checks(path, time_zone="Europe/Berlin") == ["time zone"]

    def test_times_with_offsets(self, write: Write) -> None:
        times = pd.date_range("2024-10-26", periods=LENGTH, freq="h", tz="Europe/Berlin")

        assert "offsets from UTC" in found(write(series().assign(time=times)), "time zone").problem

    def test_dates_as_numbers(self, write: Write) -> None:
        frame = series()
        frame["time"] = frame["time"].dt.strftime("%Y%m%d")

        assert "20240101 is 2024-01-01" in found(write(frame), "dates as numbers").problem

    def test_dates_with_the_day_first(self, write: Write) -> None:
        frame = series()
        frame["time"] = frame["time"].dt.strftime("%d/%m/%Y")

        problem = found(write(frame), "order of dates").problem
        assert problem == "the dates of column 'time' have the day first, as '13/01/2024' shows"

    def test_no_times(self, write: Write) -> None:
        assert found(write(series()[["y"]]), "no time").level == "note"


class TestNumbers:
    def test_thousands_separators(self, write: Write) -> None:
        frame = series()
        frame["y"] = [f"{5000 + value:,.3f}" for value in WALK]
        path = write(frame)

        finding = found(path, "numbers as texts")

        assert (finding.level, finding.problem.partition(":")[0]) == (
            "changed",
            "the texts of column 'y' are read as numbers",
        )
        assert f"{frame['y'][0]!r} is {5000 + WALK[0]:g}" in finding.problem

    def test_decimal_commas(self, write: Write) -> None:
        frame = series()
        frame["y"] = [f"{value:.2f}".replace(".", ",") for value in WALK]

        finding = found(write(frame), "numbers as texts")

        assert f"{frame['y'][0]!r} is {WALK[0]:.2f}" in finding.problem

    def test_signs_of_missing_values(self, write: Write) -> None:
        frame = series()
        frame["y"] = ["-" if i == 30 else str(value) for i, value in enumerate(WALK)]

        finding = found(write(frame), "numbers as texts")

        assert finding.problem == "the texts of column 'y' are read as numbers: '-' is a missing value"

    def test_numbers_that_may_be_thousands(self, write: Write) -> None:
        frame = series()
        frame["y"] = [f"{i + 1},234" for i in range(LENGTH)]

        with pytest.raises(harness.BadData, match=r"may have the decimal mark '\.' or ','; say which by `decimal=`"):
            harness.check_data(write(frame))

    def test_other_texts(self, write: Write) -> None:
        frame = series()
        frame["y"] = ["about 3" if i == 30 else str(value) for i, value in enumerate(WALK)]

        with pytest.raises(harness.BadData, match="line 32: 'about 3' in column 'y' is not a number; correct it"):
            harness.check_data(write(frame))

    @pytest.mark.parametrize("sign", ["%", " €", "$"])
    def test_signs_of_units(self, write: Write, sign: str) -> None:
        frame = series()
        frame["y"] = [f"{value}{sign}" for value in WALK]

        with pytest.raises(harness.BadData, match=r"line 2: .* has a sign of a unit; write numbers alone"):
            harness.check_data(write(frame), target="y")

    def test_infinities_are_refused(self, write: Write) -> None:
        frame = series()
        frame.loc[3, "y"] = np.inf

        with pytest.raises(harness.BadData, match=r"sales\.csv, line 5: column 'y' has the value inf"):
            harness.check_data(write(frame))

    def test_missing_values(self, write: Write) -> None:
        frame = series()
        frame.loc[3:5, "y"] = np.nan

        problem = found(write(frame), "missing values").problem
        assert problem == "'y' has no value in 3 of 60 rows (5.0%), the first in series '0' at 2024-01-04"


class TestValues:
    def test_constant_series(self, write: Write) -> None:
        finding = found(write(panel_of(series(), b=series(y=5))), "constant series")

        assert finding.problem == "'y' is constant in 1 of 2 series: 'b'"

    def test_series_without_values_are_left_out(self, write: Write) -> None:
        frame = panel_of(series(), b=series(y=np.nan), c=series())

        finding = found(write(frame), "series without values")

        assert finding.level == "changed"
        assert finding.problem == "series 'b' has no value in column 'y'; 1 of 3 series have no value"
        assert Panel.from_frame(frame).ids == ("a", "c")

    def test_only_series_without_values(self, write: Write) -> None:
        frame = series(z=1)
        frame["y"] = np.nan

        assert found(write(frame), "series without values", target="y").level == "error"
        with pytest.raises(BadTable, match="series '0' has no value in column 'y'; nothing can be scored"):
            Panel.from_frame(frame, target="y")

    @pytest.mark.parametrize(("role", "level"), [("known", "error"), ("past", "note")])
    def test_the_target_among_covariates(self, write: Write, role: str, level: str) -> None:
        path = write(series(copied=2 * WALK + 1))

        finding = found(path, "target among covariates", target="y", **{role: "copied"})

        assert finding.level == level
        assert "leave out the column" in finding.remedy

    def test_known_covariates_that_stop(self, write: Write) -> None:
        frame = series(promo=RNG.integers(0, 2, LENGTH))
        ahead = frame.assign(y=frame["y"].where(frame.index < 50))

        finding = found(write(frame), "known covariates", target="y", known="promo")

        assert finding.problem == "the known covariate 'promo' stops at the last actual of each series"
        assert "known covariates" not in checks(write(ahead), target="y", known="promo")

    def test_outliers(self, write: Write) -> None:
        frame = series()
        frame.loc[7, "y"] = 1e6

        assert "'y' has 1 outlier, such as 1e+06 in series '0'" in found(write(frame), "outliers").problem

    def test_white_noise(self, write: Write) -> None:
        noise = np.random.default_rng(1).normal(size=200)

        finding = found(write(series(length=200, y=noise)), "white noise")

        assert "no significant autocorrelation in 1 of 1 series that were tested (Ljung–Box, 14 lags" in finding.problem
        assert "white noise" not in checks(write(series(length=200, y=np.cumsum(noise))))

    def test_a_seasonal_series_is_no_white_noise(self, write: Write) -> None:
        rng = np.random.default_rng(2)
        y = rng.normal(size=200) * 0.3
        y[::14] += 5  # a period of two weeks, whose autocorrelation at the first ten lags is low

        assert "white noise" not in checks(write(series(length=200, y=y)))

    def test_intermittent_series(self, write: Write) -> None:
        rare = np.where(np.arange(LENGTH) % 4 == 0, 3.0, 0)

        finding = found(write(panel_of(series(y=np.abs(WALK) + 9), b=series(y=rare))), "intermittent series")

        assert finding.problem == "'y' is intermittent in 1 of 2 series: 'b'; classes: 1 smooth, 1 intermittent"

    def test_closed_nights_are_not_intermittent(self, write: Write) -> None:
        times = pd.date_range("2024-01-01", periods=240, freq="h")
        open_hours = (times.hour >= 8) & (times.hour < 18)
        sales = np.where(open_hours, np.random.default_rng(0).poisson(20, 240), 0)

        assert "intermittent series" not in checks(write(pd.DataFrame({"time": times, "y": sales})))


def test_errors_are_first_and_notes_last(write: Write) -> None:
    frame = panel_of(series(copied=WALK), b=series(y=5, copied=5)).iloc[::-1]

    levels = [finding.level for finding in harness.check_data(write(frame), target="y", known="copied")]

    assert levels == sorted(levels, key=["error", "changed", "note"].index)
    assert set(levels) == {"error", "changed", "note"}


def test_data_frames_are_checked_too() -> None:
    frame = series()

    findings = harness.check_data(pd.concat([frame, frame.iloc[2:3].assign(y=9)]))

    assert [finding.check for finding in findings] == ["repeated times", "unsorted rows"]
    assert "row 60: series '0' has two rows" in findings[0].problem
    assert 'by `aggregate="mean"`' in findings[0].remedy


def test_outliers_are_looked_for_in_some_of_many_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.data.tables.value_checks.MOST_VALUES", 2 * LENGTH)
    spike = np.where(np.arange(LENGTH) == 9, 1e6, WALK)
    frame = panel_of(series(y=spike), b=series(y=spike), c=series(), d=series())

    (finding,) = (finding for finding in harness.check_data(frame) if finding.check == "outliers")

    assert (
        finding.problem
        == "'y' has 1 outlier in 2 series that were looked at, such as 1e+06 in series 'a' at 2024-01-10"
    )
