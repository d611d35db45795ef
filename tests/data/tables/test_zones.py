"""Times on clocks with daylight saving time are those of pandas with `ambiguous="infer"`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from harness.data.tables.options import TableOptions
from harness.data.tables.reading import read_table
from harness.data.tables.rows import RowOrigin, RowOrigins
from harness.data.tables.zones import changes_of_clocks, hours_that_clocks_skip, localised
from harness.errors import BadData

ORIGINS = RowOrigins((RowOrigin("a.csv", 2, "line"),))
ZONES = [
    ("Europe/Berlin", "2024-10-26", "2024-10-29"),
    ("Europe/Berlin", "2024-03-30", "2024-04-01"),
    ("America/New_York", "2024-11-02", "2024-11-05"),
    ("Europe/London", "2023-10-28", "2023-10-31"),
]


def clocks(zone: str, first: str, last: str, freq: str) -> tuple[np.ndarray, np.ndarray]:
    """Times of a zone on its clocks, and in UTC as pandas infers them."""
    index = pd.date_range(first, last, freq=freq, tz=zone, inclusive="left")
    local = index.tz_localize(None)
    utc = local.tz_localize(zone, ambiguous="infer").tz_convert("UTC").tz_localize(None)
    return local.to_numpy(dtype="M8[ns]"), utc.to_numpy(dtype="M8[ns]")


@pytest.mark.parametrize("freq", ["h", "15min", "30min"])
@pytest.mark.parametrize(("zone", "first", "last"), ZONES)
class TestLocalised:
    def test_one_series(self, zone: str, first: str, last: str, freq: str) -> None:
        local, utc = clocks(zone, first, last, freq)

        times, findings = localised(local, np.zeros(len(local), dtype=np.int64), "time", zone, ORIGINS)

        np.testing.assert_array_equal(times, utc)
        assert [finding.check for finding in findings] == ["time zone"]

    def test_several_series_one_after_the_other(self, zone: str, first: str, last: str, freq: str) -> None:
        local, utc = clocks(zone, first, last, freq)
        codes = np.repeat(np.arange(3), len(local))

        times, _ = localised(np.tile(local, 3), codes, "time", zone, ORIGINS)

        np.testing.assert_array_equal(times, np.tile(utc, 3))

    def test_the_newest_row_may_be_the_first(self, zone: str, first: str, last: str, freq: str) -> None:
        local, utc = clocks(zone, first, last, freq)
        codes = np.repeat([0, 1], len(local))

        times, findings = localised(np.concatenate([local, local[::-1]]), codes, "time", zone, ORIGINS)

        np.testing.assert_array_equal(times, np.concatenate([utc, utc[::-1]]))
        assert [finding.check for finding in findings] == ["time zone"]

    def test_several_series_time_by_time(self, zone: str, first: str, last: str, freq: str) -> None:
        local, utc = clocks(zone, first, last, freq)
        codes = np.tile(np.arange(3), len(local))

        times, _ = localised(np.repeat(local, 3), codes, "time", zone, ORIGINS)

        np.testing.assert_array_equal(times, np.repeat(utc, 3))


def test_an_hour_that_is_there_once_is_read_as_before_the_change() -> None:
    local, utc = clocks("Europe/Berlin", "2024-10-26", "2024-10-28", "h")
    after_the_change = np.flatnonzero(local == np.datetime64("2024-10-27T02:00"))[1]
    kept = np.arange(len(local)) != after_the_change
    codes = np.repeat([0, 1], [len(local), len(local) - 1])

    times, findings = localised(np.concatenate([local, local[kept]]), codes, "time", "Europe/Berlin", ORIGINS)

    np.testing.assert_array_equal(times, np.concatenate([utc, utc[kept]]))
    assert [(finding.check, finding.level) for finding in findings] == [
        ("time zone", "changed"),
        ("daylight saving time", "changed"),
    ]
    assert findings[1].problem == (
        "a.csv, line 77: the clocks of Europe/Berlin showed 2024-10-27T02:00:00 twice, and its series has it once, "
        "which is read as the time before the change"
    )
    assert findings[1].remedy == "write times with their offset from UTC, such as 2024-10-27T02:00:00+01:00"


@pytest.mark.parametrize(
    ("texts", "option", "zone"),
    [
        (["2024-10-26T01:00", "2024-10-26T02:00"], None, None),
        (["2024-10-26", "2024-10-27"], None, None),
        (["2024-10-26T00:00+02:00", "2024-10-27T00:00+02:00"], None, None),  # dates
        (["2024-10-26", "2024-10-27"], "Europe/Berlin", None),
        (["2024-10-26T01:00", "2024-10-26T02:00"], "Europe/Berlin", "Europe/Berlin"),
        (["2024-10-26T01:00+02:00", "2024-10-26T02:00+02:00"], None, "+02:00"),
        (["2024-10-26T01:00-0230", "2024-10-26T02:00-0230"], None, "-02:30"),
        (["2024-10-26T01:00Z", "2024-10-26T02:00Z"], None, "UTC"),
        (["2024-10-26 01:00:00+02", "2024-10-26 02:00:00+02"], None, "+02:00"),  # as PostgreSQL writes it
        (["20241026T010000.5-03", "20241026T020000.5-03"], None, "-03:00"),
        (["20241026T01-03", "20241026T02-03"], None, "-03:00"),
        (["2024-10-26 01:00:00+00", "2024-10-26 02:00:00+00"], None, "UTC"),
        (["2024-10-27 02:00:00+02", "2024-10-27 02:00:00+01"], None, "UTC"),
        (["2024-10-27 02:00:00+02", "2024-10-27 02:00:00+01"], "Europe/Berlin", "Europe/Berlin"),
        (["2024-10-26T01:00Z", "2024-10-26T02:00Z"], "Europe/Berlin", "Europe/Berlin"),
        (["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"], None, "UTC"),
        (["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"], "Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_the_zone_of_times_is_kept(texts: list[str], option: str | None, zone: str | None) -> None:
    table = pa.table({"time": texts, "y": [1.0, 2.0]})
    offsets = any(set("Z+-") & set(text[9:]) for text in texts)

    reading = read_table(table, TableOptions(time_zone=option), ORIGINS)

    assert reading.rows is not None
    assert reading.rows.zone == zone
    if zone is not None and offsets:
        expected = pd.to_datetime(texts, utc=True, format="ISO8601").tz_localize(None).to_numpy()[:1]
        np.testing.assert_array_equal(reading.rows.start, expected)


def test_dates_stay_as_they_are() -> None:
    dates = np.array(["2024-03-30", "2024-03-31", "2024-04-01"], "M8[ns]")

    times, findings = localised(dates, np.zeros(3, dtype=np.int64), "time", "Europe/Berlin", ORIGINS)

    np.testing.assert_array_equal(times, dates)
    assert findings == ()


def test_times_that_clocks_never_showed_are_refused() -> None:
    times = np.array(["2024-03-31T01:00", "2024-03-31T02:00"], "M8[ns]")

    with pytest.raises(BadData, match=r"^a\.csv, line 3: the clocks of Europe/Berlin never showed 2024-03-31T02:00:00"):
        localised(times, np.zeros(2, dtype=np.int64), "time", "Europe/Berlin", ORIGINS)


def test_a_misspelled_zone_has_a_hint() -> None:
    times = np.array(["2024-03-31T01:00"], "M8[ns]")

    with pytest.raises(BadData, match=r"'Europe/Berln' is not a time zone; did you mean 'Europe/Berlin'\?"):
        localised(times, np.zeros(1, dtype=np.int64), "time", "Europe/Berln", ORIGINS)


@pytest.mark.parametrize("year", range(2010, 2031))
def test_changes_of_clocks_are_those_of_berlin_and_new_york(year: int) -> None:
    hours = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left")
    times = hours.to_numpy(dtype="M8[ns]")
    twice, skipped = np.zeros(len(hours), dtype=bool), np.zeros(len(hours), dtype=bool)
    for zone in ("Europe/Berlin", "America/New_York", "Europe/London"):
        local = hours.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
        twice |= local.isna()
        skipped |= hours.tz_localize(zone, ambiguous=np.ones(len(hours), dtype=bool), nonexistent="NaT").isna()

    assert changes_of_clocks(times)[twice].all()
    assert hours_that_clocks_skip(times)[skipped].all()
    assert changes_of_clocks(times).sum() <= 4
    assert hours_that_clocks_skip(times).sum() <= 4
