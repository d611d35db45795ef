"""Whatever a file or a data frame contains, it is read, or refused with one sentence."""

from __future__ import annotations

import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import harness
from harness import Panel
from harness.errors import Failure, HarnessError, attempt

NAMES = ("time", "date", "y", "value", "id", "store", "x", "a b", " y", "", "1", "year", "month", "target", "series")
DATES = ("2024-01-01", "2024-01-02", "2024-01-03", "2024-02-01", "2024-01-01 05:00", "2024-01-01T05:00:00Z")
NUMBERS = ("1", "2", "3", "-1", "1.5", "1,5", "1.234", "1,234", "NA", "", "inf", "1e400", "1 000", "5%", "0x1", "-")
OTHERS = ("x", "y z", "01/02/2024", "13/02/2024", "2024Q1", "20240101", "2024", "Jan-24", "2024-W05", "9999-01-01")
TEXTS = (
    *DATES,
    *NUMBERS,
    *OTHERS,
    "2024-02-30",
    "0001-01-01",
    "12:30",
    "true",
    '"a,b"',
    '"a\nb"',
    '"',
    "é",
    "#",
    "nan",
)
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"layout": "wide"},
    {"target": "y"},
    {"time": "time"},
    {"id": "id"},
    {"known": "x"},
    {"freq": "D"},
    {"freq": "MS", "aggregate": "sum"},
    {"aggregate": "mean"},
    {"time_zone": "Europe/Berlin"},
    {"day_first": True},
    {"decimal": ","},
    {"fill": "interpolate"},
    {"static": "x"},
)
KINDS = (TEXTS, DATES, NUMBERS, ("1", "2", "3"), ("a", "b"))
VALUES = st.sampled_from(
    [None, 1, 2.5, True, "a", "2024-01-01", b"x", datetime.date(2024, 1, 1), pd.Timestamp("2024-01-02"), pd.NaT, 2**80]
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A CSV file with columns of one kind of texts each."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5))
    mark = draw(st.sampled_from(",;\t"))
    names = [draw(st.sampled_from(NAMES)) for _ in kinds]
    rows = [[draw(st.sampled_from(kind)) for kind in kinds] for _ in range(draw(st.integers(0, 7)))]
    return "".join(f"{mark.join(row)}{draw(st.sampled_from([chr(10), chr(13) + chr(10)]))}" for row in [names, *rows])


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A data frame with columns of values of one type, or of several."""
    length = draw(st.integers(0, 6))
    columns = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)):
        single = draw(st.booleans())
        values = [draw(VALUES)] * length if single else [draw(VALUES) for _ in range(length)]
        columns[name] = pd.Series(values, dtype=object).infer_objects() if single else pd.Series(values, dtype=object)
    return pd.DataFrame(columns)


def panel_if_possible(data: object, options: dict[str, Any]) -> None:
    """Checks the data, and reads a data frame without errors as a panel."""
    findings = harness.check_data(data, **options)
    if isinstance(data, pd.DataFrame) and all(finding.level != "error" for finding in findings):
        Panel.from_frame(data, **options)


def checked(data: object, options: dict[str, Any]) -> None:
    """Data is read, or the error is one of harness and has one line."""
    result = attempt(partial(panel_if_possible, data, options))
    if isinstance(result, Failure):
        assert isinstance(result.error, HarnessError), result.traceback
        assert len(str(result).splitlines()) == 1


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=files(), options=st.sampled_from(OPTIONS), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_any_file(tmp_path: Path, text: str, options: dict[str, Any], encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))

    checked(path, options)


@hypothesis_settings(max_examples=150)
@given(frame=frames(), options=st.sampled_from(OPTIONS))
def test_any_frame(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    checked(frame, options)


@pytest.mark.parametrize("data", [3, None, [1, 2], object()])
def test_what_is_no_data_is_refused(data: object) -> None:
    with pytest.raises(harness.BadData, match="the data must be a data frame of pandas"):
        harness.check_data(data)
