"""Rows that are combined by their steps: the bins are those of `resample` of pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import harness
from harness import Panel
from harness.errors import BadData

RNG = np.random.default_rng(3)
OF_DAYS = ("D", "2D", "10D", "B", "W-SUN", "W-MON", "2W-SUN", "2W-WED")
OF_MONTHS = ("MS", "ME", "2MS", "2ME", "BMS", "BME", "QS", "QE", "QE-NOV", "2QE", "YS", "YE", "YE-JUN", "YS-APR")
OF_HOURS = ("h", "6h", "7h", "24h", "36h", "90min")


def table(times: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame({"time": times, "y": RNG.integers(1, 100, len(times)).astype(float)})


def resampled(frame: pd.DataFrame, freq: str) -> pd.Series:
    """The sums of bins of pandas; those without a row are missing."""
    times = pd.DatetimeIndex(frame["time"])
    sums = pd.Series(frame["y"].to_numpy(), times).resample(freq).sum(min_count=1)
    return sums.loc[sums.first_valid_index() : sums.last_valid_index()]


def check_bins(frame: pd.DataFrame, freq: str) -> None:
    panel = Panel.from_frame(frame, freq=freq, aggregate="sum", season_length=1)

    sums = resampled(frame, freq)
    pd.testing.assert_index_equal(
        pd.DatetimeIndex(panel.to_frame()["time"]).as_unit("ns"), sums.index.as_unit("ns"), check_names=False
    )
    np.testing.assert_array_equal(panel.values[:, 0], sums.to_numpy())


@pytest.mark.parametrize("freq", OF_DAYS + OF_MONTHS)
@pytest.mark.parametrize("start", ["2022-01-01", "2022-01-31", "2021-06-30", "2022-03-09"])
def test_days(freq: str, start: str) -> None:
    check_bins(table(pd.date_range(start, periods=1200, freq="D")), freq)


@pytest.mark.parametrize("freq", OF_DAYS + OF_MONTHS + OF_HOURS)
@pytest.mark.parametrize("start", ["2024-01-01T00:00", "2024-01-31T17:20", "2023-12-30T23:59"])
def test_times_of_days(freq: str, start: str) -> None:
    times = pd.date_range(start, periods=8000, freq="37min")

    check_bins(table(times[np.sort(RNG.choice(8000, size=5000, replace=False))]), freq)


def test_the_sums_of_whole_months() -> None:
    frame = pd.DataFrame({"date": pd.date_range("2022-01-01", "2024-12-31"), "y": 100.0})

    panel = Panel.from_frame(frame, freq="ME", aggregate="sum")

    assert panel.start[0] == np.datetime64("2022-01-31")
    assert panel.values[:, 0].tolist() == [100.0 * d for d in pd.date_range("2022", periods=36, freq="ME").day]


@pytest.mark.parametrize("freq", ["2W-SUN", "2ME", "2QE", "10D", "7h"])
def test_bins_of_all_series_are_the_same(freq: str) -> None:
    parts = {"a": table(pd.date_range("2023-02-01", periods=900)), "b": table(pd.date_range("2023-03-13", periods=900))}
    frame = pd.concat([part.assign(id=name) for name, part in parts.items()])
    panel = Panel.from_frame(frame, freq=freq, aggregate="sum", id="id", target="y", season_length=1)

    again = panel.to_frame().set_index(["series", "time"])["y"].dropna()

    sums = frame.groupby(["id", pd.Grouper(key="time", freq=freq)])["y"].sum(min_count=1).dropna()
    assert again.tolist() == sums.tolist()
    assert [time for _, time in again.index] == [time for _, time in sums.index]


class TestZones:
    @pytest.mark.parametrize("freq", ["D", "W-SUN", "MS", "ME", "B"])
    def test_days_are_those_of_the_zone(self, freq: str) -> None:
        times = pd.date_range("2024-01-01", "2024-12-31", freq="h", tz="Europe/Berlin")
        frame = table(times)

        panel = Panel.from_frame(frame, freq=freq, aggregate="sum", season_length=1)

        sums = resampled(frame, freq)
        assert panel.values[:, 0].tolist() == sums.tolist()
        assert pd.DatetimeIndex(panel.to_frame()["time"]).tolist() == sums.index.tz_localize(None).tolist()

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
    @pytest.mark.parametrize("freq", ["h", "6h"])
    def test_hours_are_on_the_clocks_of_the_zone(self, freq: str, zone: str) -> None:
        frame = table(pd.date_range("2024-10-20", periods=2000, freq="10min", tz=zone))

        panel = Panel.from_frame(frame, freq=freq, aggregate="sum", season_length=1)

        sums = resampled(frame, freq)
        assert panel.values[:, 0].tolist() == sums.tolist()
        assert panel.start[0] == sums.index[0].tz_convert(None).to_datetime64()

    def test_clocks_that_skip_midnight(self) -> None:
        times = pd.date_range("2024-03-31T04:00", periods=50, freq="h", tz="Asia/Beirut")  # where it begins at 1:00

        days = Panel.from_frame(table(times).assign(y=1.0), freq="D", aggregate="sum")
        hours = Panel.from_frame(table(times).assign(y=1.0), freq="6h", aggregate="sum")

        assert days.values[:, 0].tolist() == [20.0, 24.0, 6.0]
        assert hours.start[0] == np.datetime64("2024-03-30T22:00")

    def test_texts_without_a_zone(self) -> None:
        times = pd.date_range("2024-03-01", "2024-04-30", freq="h", tz="Europe/Berlin", inclusive="left")
        frame = pd.DataFrame({"time": times.tz_localize(None).astype(str), "y": 1.0})

        panel = Panel.from_frame(frame, freq="D", aggregate="sum", time_zone="Europe/Berlin")

        assert panel.values[:, 0].tolist() == [24.0] * 30 + [23.0] + [24.0] * 29

    def test_days_of_several_offsets_need_a_zone(self) -> None:
        times = pd.date_range("2024-03-01", "2024-04-30", freq="h", tz="Europe/Berlin", inclusive="left")
        frame = pd.DataFrame({"time": [time.isoformat() for time in times], "y": 1.0})

        with pytest.raises(BadData, match="offsets from UTC, so that its days are not known"):
            Panel.from_frame(frame, freq="D", aggregate="sum")

        assert len(Panel.from_frame(frame, freq="2h", aggregate="sum")) == 1
        panel = Panel.from_frame(frame, freq="D", aggregate="sum", time_zone="Europe/Berlin")
        assert panel.values[:, 0].tolist() == [24.0] * 30 + [23.0] + [24.0] * 29

    def test_days_of_utc_need_none(self) -> None:
        times = pd.date_range("2024-03-01", periods=96, freq="h").strftime("%d/%m/%Y %H:%M+00:00")
        frame = pd.DataFrame({"time": times, "y": 1.0})

        panel = Panel.from_frame(frame, freq="D", aggregate="sum", day_first=True)

        assert panel.values[:, 0].tolist() == [24.0] * 4


class TestTexts:
    """Classes are combined by their first or last one, and where all are the same."""

    def frame(self, kinds: str) -> pd.DataFrame:
        times = pd.date_range("2024-01-01", periods=20, freq="12h")
        return pd.DataFrame({"time": times, "y": 1.0, "kind": list(kinds) * (20 // len(kinds))})

    @pytest.mark.parametrize("how", ["sum", "mean", "median", "min", "max"])
    def test_others_are_refused(self, how: str) -> None:
        with pytest.raises(BadData, match=r"column 'kind' has 'a' and 'b'.*have no") as error:
            Panel.from_frame(self.frame("ab"), freq="D", aggregate=how, target="y", past="kind")

        assert "first" in str(error.value)

    @pytest.mark.parametrize(("how", "kind"), [("first", 0), ("last", 1)])
    def test_the_first_and_the_last(self, how: str, kind: int) -> None:
        panel = Panel.from_frame(self.frame("ab"), freq="D", aggregate=how, target="y", past="kind")

        assert panel.values[:, 1].tolist() == [kind] * 10

    def test_equal_ones_stay(self) -> None:
        panel = Panel.from_frame(self.frame("aabb"), freq="D", aggregate="sum", target="y", past="kind")

        assert panel.values.tolist() == [[2.0, 0.0], [2.0, 1.0]] * 5
        assert panel.to_frame()["kind"].tolist() == ["a", "b"] * 5

    def test_repeated_times(self) -> None:
        frame = self.frame("ab")
        frame["time"] = frame["time"].dt.normalize()

        with pytest.raises(BadData, match="column 'kind' has 'a' and 'b'"):
            Panel.from_frame(frame, aggregate="mean", target="y", past="kind")


class TestRepeatedRows:
    def frame(self) -> pd.DataFrame:
        frame = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=10), "y": 10.0})
        return frame.loc[[0, 1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9]]

    def test_equal_ones_are_summed(self) -> None:
        panel = Panel.from_frame(self.frame(), aggregate="sum")

        assert panel.values[:, 0].tolist() == [10.0, 10, 10, 20, 10, 20, 10, 10, 10, 10]
        changes = [finding.check for finding in harness.check_data(self.frame(), aggregate="sum")]
        assert "repeated times" in changes

    def test_equal_ones_are_kept_once_without_it(self) -> None:
        assert Panel.from_frame(self.frame()).values[:, 0].tolist() == [10.0] * 10
