"""Times of columns of any type, and of texts."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RowOrigin, RowOrigins
from harness.data.tables.times import is_time, time_column
from harness.errors import BadData

ORIGINS = RowOrigins((RowOrigin("a.csv", 2, "line"),))


def times(values: Any, name: str = "time", **options: Any) -> list[str]:
    column = pa.chunked_array([values if isinstance(values, pa.Array) else pa.array(values)])
    found = time_column(column, name, TableOptions(**options), ORIGINS)
    return [str(time).removesuffix(".000000000").removesuffix("T00:00:00") for time in found.values]


class TestTexts:
    @pytest.mark.parametrize(
        ("texts", "expected"),
        [
            (["2024-01-31", "2024-02-01"], ["2024-01-31", "2024-02-01"]),
            (["2024-01-31 14:00", "2024-01-31T15:30:05"], ["2024-01-31T14:00:00", "2024-01-31T15:30:05"]),
            (["2024-01", "2024-02"], ["2024-01-01", "2024-02-01"]),
            (["2024/01/31", "2024/02/01"], ["2024-01-31", "2024-02-01"]),
            (["31.01.2024", "01.02.2024"], ["2024-01-31", "2024-02-01"]),
            (["01/31/2024", "02/01/2024"], ["2024-01-31", "2024-02-01"]),
            (["1/31/2024 1:00 PM"], ["2024-01-31T13:00:00"]),
            (["2024Q1", "2024-Q4", "Q2 2024"], ["2024-01-01", "2024-10-01", "2024-04-01"]),
            (["2024-W01", "2024W02", "2024-W02-3"], ["2024-01-01", "2024-01-08", "2024-01-10"]),
            (["2024M01", "2024M12"], ["2024-01-01", "2024-12-01"]),
            (["31.01.24", "01.02.24"], ["2024-01-31", "2024-02-01"]),
            (["31-Jan-24", "1-Feb-24"], ["2024-01-31", "2024-02-01"]),
            (["January 31, 2024"], ["2024-01-31"]),
            (["20240131T14:00"], ["2024-01-31T14:00:00"]),
            (["Jan-24", "Feb-24"], ["2024-01-01", "2024-02-01"]),
            (["Jan 2024", "Feb 2024"], ["2024-01-01", "2024-02-01"]),
            (["20240131", "20240201"], ["2024-01-31", "2024-02-01"]),
            (["2024-01-31T01:00Z"], ["2024-01-31T01:00:00"]),
            (["2024-01-31T01:00+02:00", "2024-01-31T03:00+03:00"], ["2024-01-30T23:00:00", "2024-01-31"]),
            (["2024-01-31T00:00+02:00", "2024-04-01T00:00+03:00"], ["2024-01-31", "2024-04-01"]),  # dates there
            (["2024-01-31 01:00:00+02", "2024-01-31 03:00:00+03"], ["2024-01-30T23:00:00", "2024-01-31"]),
            (["2024-01-31 01:00:00.25-03"], ["2024-01-31T04:00:00.250000000"]),
        ],
    )
    def test_formats(self, texts: list[str], expected: list[str]) -> None:
        assert is_time(pa.chunked_array([texts]))
        assert times(texts) == expected

    @pytest.mark.parametrize(("day_first", "expected"), [(True, "2024-04-03"), (False, "2024-03-04")])
    def test_the_order_of_day_and_month_may_be_named(self, day_first: bool, expected: str) -> None:
        assert times(["03/04/2024"], day_first=day_first) == [expected]

    def test_an_unclear_order_of_day_and_month_is_refused(self) -> None:
        with pytest.raises(
            BadData, match="such as '03/04/2024', may have the day or the month first; say which by --day"
        ):
            times(["03/04/2024", "05/06/2024"])

    @pytest.mark.parametrize(
        ("texts", "line"),
        [
            (["2024-01-01", "2024-01-02", "03.01.2024"], 4),
            (["2024-01-01", "2024-02-30"], 3),
            (["2024-01-01", "soon"], 3),
            (["2024-01-01", ""], 3),
            (["2024-01-01", "NaT"], 3),
            (["13/01/2024", "01/14/2024"], 3),
        ],
    )
    def test_a_text_of_another_format_is_refused_with_its_line(self, texts: list[str], line: int) -> None:
        with pytest.raises(BadData, match=rf"^a\.csv, line {line}: .* in column 'time' is not a time like the others"):
            times(texts)

    def test_a_text_without_a_year_is_refused(self) -> None:
        with pytest.raises(BadData, match="line 3: '12:30' in column 'time' is not a time like the others"):
            times(["2024-01-01 12:00", "12:30"])

    @pytest.mark.parametrize("text", ["31.12.9999", "31.12.1500 10:00"])
    def test_times_outside_of_the_range_are_refused(self, text: str) -> None:
        with pytest.raises(BadData, match=r"line 2: .* is outside of the range of timestamps"):
            times([text])

    @pytest.mark.parametrize(
        "texts",
        [
            ["a", "b"],
            ["1", "2"],
            ["1.5", "2.5"],
            [],
            *(["T1", "T2"], ["M1", "M2"], ["Y1", "Q1", "H1"], ["1A", "2A"], ["1h", "2h"]),  # ids of series
            *(["now", "today"], ["May", "Jun"], ["12:30", "13:30"], ["1-2", "3-4"], ["T2024", "store 2024"]),
        ],
    )
    def test_other_texts_are_no_times(self, texts: list[str]) -> None:
        assert not is_time(pa.chunked_array([pa.array(texts, pa.string())]))


class TestNumbers:
    @pytest.mark.parametrize(
        ("values", "name", "expected"),
        [
            ([20240131, 20240201], "time", ["2024-01-31", "2024-02-01"]),
            ([1_700_000_000, 1_700_003_600], "time", ["2023-11-14T22:13:20", "2023-11-14T23:13:20"]),
            ([1_700_000_000_000], "time", ["2023-11-14T22:13:20"]),
            ([2024010100, 2024010101], "date", ["2024-01-01", "2024-01-01T01:00:00"]),
            ([2024010100, 2024020100, 2024030100], "date", ["2024-01-01", "2024-02-01", "2024-03-01"]),
            ([202401312355, 202402010000], "t", ["2024-01-31T23:55:00", "2024-02-01"]),
            ([20240131235959], "ds", ["2024-01-31T23:59:59"]),
            ([2_024_010_100, 2_024_013_700], "time", ["2034-02-20T01:01:40", "2034-02-20T02:01:40"]),
            ([202413010000, 202413010100], "step", ["202413010000", "202413010100"]),
            ([2023, 2024], "year", ["2023-01-01", "2024-01-01"]),
            ([202312, 202401], "month", ["2023-12-01", "2024-01-01"]),
            ([202312, 202413], "month", ["202312", "202413"]),
            ([2023, 2024], "step", ["2023", "2024"]),
            ([3, 4], "time", ["3", "4"]),
            ([-1.0, 0.0], "time", ["-1", "0"]),
        ],
    )
    def test_dates_or_steps(self, values: list[float], name: str, expected: list[str]) -> None:
        assert times(values, name) == expected

    @pytest.mark.parametrize("values", [[2024010123, 2024010124], [202401312300, 202401312360]])
    def test_times_of_the_day_that_no_clock_shows_are_refused(self, values: list[int]) -> None:
        with pytest.raises(BadData, match=rf"^a\.csv, line 3: {values[1]} in column 'time' has a date, and a time of"):
            times(values)

    @pytest.mark.parametrize("values", [[2024010100], [2024010100, 2024010105, 2024022007, 2024030109]])
    def test_numbers_that_may_be_times_or_unix_times_are_refused(self, values: list[int]) -> None:
        with pytest.raises(BadData, match=r"may be times such as 2024-01-01 or Unix times such as 2034-02-20T01:01:40"):
            times(values)

    def test_numbers_that_are_too_far_apart_are_refused(self) -> None:
        with pytest.raises(BadData, match="too far apart"):
            times([-(2**63), 2**63 - 1])

    def test_fractions_are_no_times(self) -> None:
        with pytest.raises(BadData, match="column 'time' has values of type double, which are no times"):
            times([0.5, 1.5])


class TestTypes:
    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    def test_units(self, unit: str) -> None:
        values = np.array(["2024-01-31T14:00"], f"M8[{unit}]")

        assert times(pa.array(values)) == ["2024-01-31T14:00:00"]

    def test_dates_of_python(self) -> None:
        assert times([datetime.date(2024, 1, 31)]) == ["2024-01-31"]

    def test_times_of_a_zone_are_in_utc(self) -> None:
        index = pd.date_range("2024-10-27", periods=4, freq="h", tz="Europe/Berlin")

        assert times(pa.array(index))[0] == "2024-10-26T22:00:00"

    def test_midnights_of_a_zone_are_dates(self) -> None:
        index = pd.date_range("2024-10-26", periods=3, freq="D", tz="Europe/Berlin")

        assert times(pa.array(index)) == ["2024-10-26", "2024-10-27", "2024-10-28"]

    def test_a_missing_time_is_refused_with_its_line(self) -> None:
        with pytest.raises(BadData, match=r"^a\.csv, line 3: column 'time' has no time; remove the row"):
            times([datetime.date(2024, 1, 31), None])
