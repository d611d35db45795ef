"""Wide tables with ids: a series for each column of each id."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from harness import BadInput, Panel, check_data

TIMES = pd.date_range("2024-01-01", periods=4, freq="D")
FRAME = pd.DataFrame(
    {
        "date": [*TIMES, *TIMES],
        "store": ["north"] * 4 + ["south"] * 4,
        "sales": [1.0, 2, 3, 4, 5, 6, 7, 8],
        "returns": [10.0, 20, 30, 40, 50, 60, 70, 80],
        "holiday": [0.0, 0, 1, 0] * 2,
        "area": [450] * 4 + [300] * 4,
    }
)
LISTS = pd.DataFrame(
    {
        "store": ["north", "south"],
        "date": [TIMES.to_list()] * 2,
        "sales": [[1.0, 2, 3, 4], [5.0, 6, 7, 8]],
        "returns": [[10.0, 20, 30, 40], [50.0, 60, 70, 80]],
        "holiday": [[0.0, 0, 1, 0]] * 2,
        "area": [450, 300],
    }
)


@pytest.mark.parametrize("frame", [FRAME, LISTS], ids=["rows of times", "rows of series"])
def test_each_column_of_each_id_is_a_series(frame: pd.DataFrame) -> None:
    panel = Panel.from_frame(frame, **_arguments())
    series = {
        name: panel.values[a:b, 0].tolist()
        for name, a, b in zip(panel.ids, panel.offsets[:-1], panel.offsets[1:], strict=True)
    }
    assert series == {
        "north/sales": [1, 2, 3, 4],
        "south/sales": [5, 6, 7, 8],
        "north/returns": [10, 20, 30, 40],
        "south/returns": [50, 60, 70, 80],
    }
    assert [channel.role for channel in panel.channels] == ["target", "known covariate"]
    assert dict(zip(panel.ids, panel.static["area"], strict=True))["south/returns"] == 300
    known = panel.values[panel.offsets[3] : panel.offsets[4], 1]
    assert known.tolist() == [0, 0, 1, 0]


def test_all_columns_of_numbers_are_series_where_none_is_named() -> None:
    frame = LISTS[["store", "date", "sales", "returns"]]
    panel = Panel.from_frame(frame, time="date", id="store", layout="wide")
    assert sorted(panel.ids) == ["north/returns", "north/sales", "south/returns", "south/sales"]


def test_a_value_that_cannot_be_read_is_named_by_its_row() -> None:
    frame = FRAME.assign(returns=FRAME["returns"].where(FRAME.index != 6, float("inf")))
    with pytest.raises(BadInput, match=r"row 6: column 'returns' has the value inf"):
        check_data(frame, **_arguments())


def test_static_covariates_need_ids() -> None:
    with pytest.raises(BadInput, match="static"):
        Panel.from_frame(FRAME, time="date", target=["sales", "returns"], static="area", layout="wide")


def _arguments() -> dict[str, Any]:
    return {
        "time": "date",
        "id": "store",
        "target": ["sales", "returns"],
        "known": "holiday",
        "static": "area",
        "layout": "wide",
    }
