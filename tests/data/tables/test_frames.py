"""Data frames of any library, with whatever columns, are tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import harness
from harness import Panel
from harness.data.tables.findings import BadTable
from harness.data.tables.frame_reading import with_arguments
from harness.data.tables.frames import arrow_table
from harness.errors import BadData, BadInput

DATES = pd.date_range("2024-01-01", periods=4, freq="D")
FRAME = pd.DataFrame({"time": DATES, "y": [1.0, 2, 3, 4]})


def expected(ids: tuple[str, ...] = ("0",), freq: str = "D") -> dict[str, Any]:
    return {"ids": ids, "freq": freq, "values": [1.0, 2, 3, 4]}


def fields(frame: object, **options: Any) -> dict[str, Any]:
    panel = Panel.from_frame(frame, **options)
    return {"ids": panel.ids, "freq": panel.freq, "values": panel.values[:, 0].tolist()}


class TestLibraries:
    @pytest.mark.parametrize(
        "frame",
        [
            FRAME,
            pa.Table.from_pandas(FRAME),
            pa.RecordBatch.from_pandas(FRAME),
            narwhals.from_native(FRAME),
            {"time": list(DATES), "y": [1, 2, 3, 4]},
            FRAME.set_index("time"),
            FRAME.set_index("time")["y"],
            FRAME.rename(columns={"time": " time ", "y": "y "}),
            FRAME.iloc[::-1],
            FRAME.convert_dtypes(dtype_backend="pyarrow"),
            FRAME.astype({"y": "Int64"}),
            FRAME.astype({"y": str}),
        ],
        ids=lambda frame: type(frame).__name__,
    )
    def test_tables_are_equal(self, frame: object) -> None:
        assert fields(frame) == expected()

    @pytest.mark.parametrize(
        ("index", "freq"),
        [
            (pd.period_range("2024-01", periods=4, freq="M"), "MS"),
            (pd.period_range("2024Q1", periods=4, freq="Q"), "QS"),
            (pd.period_range("2024", periods=4, freq="Y"), "YS"),
            (pd.period_range("2024-01-01", periods=4, freq="W-SUN"), "W-MON"),
        ],
    )
    def test_periods_are_their_first_days(self, index: pd.PeriodIndex, freq: str) -> None:
        assert fields(pd.DataFrame({"y": [1.0, 2, 3, 4]}, index=index)) == expected(freq=freq)

    @pytest.mark.parametrize("names", [None, ["shop", "day"], ["y", "y2"]])
    def test_levels_of_an_index_are_columns(self, names: list[str] | None) -> None:
        index = pd.MultiIndex.from_product([["a", "b"], DATES[:2]], names=names)

        assert fields(pd.DataFrame({"y": [1.0, 2, 3, 4]}, index=index)) == expected(("a", "b"))

    def test_levels_of_columns_are_joined(self) -> None:
        columns = pd.MultiIndex.from_product([["sales"], ["a", "b"]])
        frame = pd.DataFrame([[1.0, 3], [2, 4]], index=DATES[:2], columns=columns)

        assert fields(frame, layout="wide") == expected(("sales/a", "sales/b"))

    def test_names_that_are_no_texts_become_texts(self) -> None:
        table = arrow_table(pd.DataFrame({0: [1], 2.5: [2], DATES[0]: [3]}))

        assert table.column_names == ["0", "2.5", "2024-01-01 00:00:00"]


class TestValues:
    def test_values_of_several_types_are_texts(self) -> None:
        with pytest.raises(BadData, match="row 1: 'a' in column 'y' is not a number"):
            Panel.from_frame(FRAME.assign(y=[1, "a", 2.5, None]))

    def test_integers_of_any_size(self) -> None:
        assert fields(FRAME.assign(y=[2**80, 1, 2, 3]))["values"] == [float(2**80), 1, 2, 3]

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "+02:00"])
    def test_times_of_a_zone(self, zone: str) -> None:
        frame = pd.DataFrame({"time": pd.date_range("2024-10-26", periods=4, freq="h", tz=zone), "y": [1.0, 2, 3, 4]})

        panel = Panel.from_frame(frame)

        assert panel.freq == "h"
        assert panel.start[0] == frame["time"].dt.tz_convert(None)[0].to_datetime64()

    def test_static_covariates_of_any_type(self) -> None:
        panel = Panel.from_frame(
            FRAME.assign(size=[5] * 4, city=["x"] * 4, open=[True] * 4, since=[DATES[0]] * 4), time="time", target="y"
        )

        assert panel.static == {"size": (5,), "city": ("x",), "open": (1.0,), "since": ("2024-01-01 00:00:00",)}

    def test_missing_static_covariates(self) -> None:
        frame = pd.concat([FRAME.assign(id="a", size=5, city="x"), FRAME.assign(id="b", size=None, city=None)])

        panel = Panel.from_frame(frame, target="y")

        np.testing.assert_equal(dict(panel.static), {"size": (5.0, np.nan), "city": ("x", np.nan)})


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME.iloc[:0], "the table has no rows"),
        (pd.concat([FRAME, FRAME["y"]], axis=1), "two columns of the table are called 'y'; rename one of them"),
        (FRAME.assign(**{"y ": 1}), "two columns of the table are called 'y'"),
        ({"time": list(DATES), "y": [1]}, "the data frame cannot be read: .* expected length 4 but got length 1"),
        (FRAME.assign(y=1j), "the data frame cannot be read: Unsupported numpy type"),
        (np.zeros((3, 2)), "the data must be a data frame of pandas, polars, PyArrow"),
        (None, "the data must be a data frame .*, not None"),
        (FRAME.assign(time=pd.NaT), "column 'time' has no time"),
        (FRAME.assign(y=[1, 2, np.inf, 4]), "row 2: column 'y' has the value inf, which cannot be scored"),
        (FRAME.assign(y=None), "no column has numbers to forecast; without values are 'y'"),
        (FRAME.iloc[:1], "series '0' has one time, 2024-01-01; there are no steps to forecast"),
    ],
)
def test_what_is_no_table_is_refused(frame: object, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Panel.from_frame(frame)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("such as --time-zone Europe/Berlin", 'such as `time_zone="Europe/Berlin"`'),
        ("such as --freq W-SUN --aggregate sum; or", 'such as `freq="W-SUN", aggregate="sum"`; or'),
        ("name it by --freq; in pandas", "name it by `freq=`; in pandas"),
        ("--fill previous repeats values", '`fill="previous"` repeats values'),
        ("by --aggregate, or by --season, or", "by `aggregate=`, or by `season_length=`, or"),
        ("state it by --season 168; or", "state it by `season_length=168`; or"),
        ("say --wide, --day-first or --month-first", 'say `layout="wide"`, `day_first=True` or `day_first=False`'),
        ("repeat --known: --known a --known 'b c'", 'pass `known=["a", "b c"]`'),
    ],
)
def test_messages_name_arguments_of_python(text: str, expected: str) -> None:
    assert with_arguments(text) == expected


def test_errors_of_python_have_arguments(tmp_path: Path) -> None:
    clocks = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Berlin").tz_localize(None)
    frame = pd.DataFrame({"time": clocks, "y": np.arange(60.0), "a": 1.0, "b": np.arange(60.0) % 3})
    frame.to_csv(tmp_path / "y.csv", index=False)

    for data in (frame, tmp_path / "y.csv"):
        with pytest.raises(BadTable, match='such as `time_zone="Europe/Berlin"`') as raised:
            harness.compare(["naive"], data, horizon=2, target="y")
        assert raised.value.findings
        assert any('`time_zone="Europe/Berlin"`' in finding.remedy for finding in harness.check_data(data, target="y"))
        with pytest.raises(BadInput, match=r"there is no column 'a,b'; pass `known=\[\"a\", \"b\"\]`"):
            harness.compare(["naive"], data, horizon=2, target="y", known="a,b")
