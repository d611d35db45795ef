"""Data frames of polars, and objects that have the Arrow PyCapsule interface alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import harness
from harness import Panel
from harness.errors import BadData, BadInput

TIMES = [datetime(2024, 1, 1) + timedelta(days=day) for day in range(60)]
PANDAS = pd.DataFrame(
    {
        "date": TIMES * 2,
        "store": ["north"] * 60 + ["south"] * 60,
        "sales": np.random.default_rng(0).normal(100, 10, 120).round(2),
        "promotion": [True, False, False] * 40,
        "weather": ["sun", "rain"] * 60,
        "area": [450] * 60 + [300] * 60,
    }
)
POLARS = pl.DataFrame(
    {name: TIMES * 2 if name == "date" else PANDAS[name].to_list() for name in PANDAS},
    schema_overrides={"weather": pl.Categorical},
)
KNOWN = ("promotion", "weather")


class ArrowStream:
    """A table of a library that speaks the Arrow PyCapsule interface, and nothing else."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame,
        lambda frame: frame.to_arrow(),
        ArrowStream,
        lambda frame: frame.rechunk().vstack(frame.clear()),
        lambda frame: pl.concat([frame[:50], frame[50:]], rechunk=False),
        lambda frame: frame.with_columns(pl.col("store").cast(pl.Enum(["north", "south"]))),
        lambda frame: frame.with_columns(pl.col("date").cast(pl.Date)),
        lambda frame: frame.with_columns(pl.col("date").dt.to_string("%Y-%m-%d")),
        lambda frame: frame.with_columns(pl.col("date").dt.replace_time_zone("Europe/Berlin")),
        lambda frame: frame.group_by("store", maintain_order=True).agg(
            pl.col("area").first(), pl.all().exclude("store", "area")
        ),
    ],
    ids=["polars", "pyarrow", "capsule", "empty chunk", "chunks", "enum", "date", "text", "zone", "lists"],
)
def test_the_panel_is_that_of_pandas(convert: Callable[[pl.DataFrame], object]) -> None:
    panel = Panel.from_frame(convert(POLARS), target="sales", known=KNOWN)

    assert panel.fingerprint() == Panel.from_frame(PANDAS, target="sales", known=KNOWN).fingerprint()


def test_missing_values_and_nan_are_missing() -> None:
    frame = pl.DataFrame({"date": TIMES[:4], "sales": [1.0, None, float("nan"), 4.0]})

    np.testing.assert_array_equal(Panel.from_frame(frame).values[:, 0], [1, np.nan, np.nan, 4])


@pytest.mark.parametrize("kind", [pl.Decimal(10, 2), pl.Float32, pl.Int8, pl.UInt64, pl.String])
def test_numbers_of_any_type(kind: Any) -> None:
    frame = pl.DataFrame({"date": TIMES[:3], "sales": [1, 2, 3]}).with_columns(pl.col("sales").cast(kind))

    assert Panel.from_frame(frame, target="sales").values[:, 0].tolist() == [1, 2, 3]


def test_a_panel_as_a_frame_and_back_is_the_same() -> None:
    panel = Panel.from_frame(PANDAS, target="sales", known=KNOWN)

    frame = panel.to_frame(library="polars")

    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == ["series", "time", "sales", "promotion", "weather", "area"]
    assert frame["weather"].dtype == pl.Categorical
    assert Panel.from_frame(frame, target="sales", known=KNOWN).fingerprint() == panel.fingerprint()


def test_a_wide_frame_has_a_column_for_each_series() -> None:
    panel = Panel.from_frame(POLARS.select("date", "store", "sales"))

    frame = panel.to_frame("wide", "polars")

    pivoted = POLARS.pivot(on="store", index="date", values="sales")
    assert frame.select("north", "south").equals(pivoted.select("north", "south"))


def test_compare_takes_a_frame_of_polars() -> None:
    options = {"horizon": 7, "windows": 2, "target": "sales", "known": KNOWN}

    results = [harness.compare(["naive"], data, **options) for data in (PANDAS, POLARS, ArrowStream(POLARS))]

    assert len({result.runs["naive"].scores["MASE"] for result in results}) == 1


def test_what_is_no_frame_yet_is_refused() -> None:
    with pytest.raises(BadData, match=r"has not been computed yet; pass frame\.collect\(\)"):
        Panel.from_frame(POLARS.lazy())
    with pytest.raises(BadData, match="is one column, not a data frame; pass a data frame that has it"):
        Panel.from_frame(POLARS["sales"])
    with pytest.raises(BadData, match="is one column, not a data frame; pass a data frame that has it"):
        Panel.from_frame(pa.chunked_array([[1.0, 2.0]]))


def test_polars_is_needed_for_its_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)  # as where it is not installed
    panel = Panel.from_frame(PANDAS, target="sales")

    with pytest.raises(BadInput, match=r"^polars is not installed: pip install 'forecast-harness\[polars\]'$"):
        panel.to_frame(library="polars")
