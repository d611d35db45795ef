"""Tables with a row for each series and lists of its times and values, as fev documents them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import Panel
from harness.data.tables.files import read_file
from harness.data.tables.options import TableOptions
from harness.data.tables.reading import TableReading, read_table
from harness.data.tables.rows import RowOrigins
from harness.errors import BadInput

DATA = Path(os.environ.get("HARNESS_DATA_DIR", "/nowhere"))
FEV = {  # https://autogluon.github.io/fev: sequences of one length, and a value for each static covariate
    "item_id": ["1062_101", "1062_102"],
    "product_code": [1062, 1063],
    "product_category": ["Beverages", None],
    "timestamp": [
        list(pd.date_range("2018-01-01", periods=4, freq="W-MON")),
        list(pd.date_range("2018-01-08", periods=2, freq="W-MON")),
    ],
    "scaled_price": [[0.5, 0.5, 1.0, 1.0], [2.0, 2.5]],
    "unit_sales": [[636.0, None, 146.0, 0.0], [7.0, 8.0]],
}


def reading(path: Path, **options: Any) -> TableReading:
    file = read_file(path, TableOptions(**options))
    return read_table(file.table, file.options, file.origins)


def panel_of(path: Path, **options: Any) -> Panel:
    return Panel(**reading(path, **options).panel_fields())


def json_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def long_fev() -> pd.DataFrame:
    """The table of fev with a row for each time, made by pandas."""
    frame = pd.DataFrame(FEV).explode(["timestamp", "scaled_price", "unit_sales"], ignore_index=True)
    return frame.astype({"scaled_price": float, "unit_sales": float, "timestamp": "datetime64[ns]"})


class TestListsOfTimes:
    def test_a_file_is_the_long_table_that_pandas_makes_of_it(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table(FEV), path)

        panel = panel_of(path, target="unit_sales")

        assert panel.fingerprint() == Panel.from_frame(long_fev(), target="unit_sales").fingerprint()
        assert panel.freq == "W-MON"
        assert panel.static == {"product_code": (1062, 1063), "product_category": ("Beverages", np.nan)}

    @pytest.mark.parametrize("kind", [pa.large_list, pa.list_])
    def test_frames_with_lists(self, kind: Any) -> None:
        table = pa.table(FEV)
        columns = [
            column.cast(kind(column.type.value_type)) if pa.types.is_list(column.type) else column
            for column in table.columns
        ]
        frames = [pa.table(columns, names=table.column_names), pd.DataFrame(FEV)]

        fingerprints = {Panel.from_frame(frame, target="unit_sales").fingerprint() for frame in frames}

        assert fingerprints == {Panel.from_frame(long_fev(), target="unit_sales").fingerprint()}

    def test_lists_of_one_length_for_all(self) -> None:
        table = pa.table({"id": ["a", "b"], "timestamp": pa.array([[1, 2, 3], [4, 5, 6]], pa.list_(pa.int64(), 3))})
        table = table.append_column("target", pa.array([[1.0, 2, 3], [4, 5, 6]], pa.list_(pa.float32(), 3)))

        panel = Panel.from_frame(table)

        assert (panel.ids, panel.values[:, 0].tolist(), panel.start.tolist()) == (
            ("a", "b"),
            [1, 2, 3, 4, 5, 6],
            [1, 4],
        )

    def test_the_target_is_named_where_lists_have_no_usual_names(self) -> None:
        with pytest.raises(BadInput, match="name the target by `target=`: one of 'scaled_price', 'unit_sales'"):
            Panel.from_frame(pa.table(FEV))

    def test_values_that_cannot_be_read_have_the_row_of_their_series(self, tmp_path: Path) -> None:
        path = json_lines(tmp_path / "a.jsonl", [{"id": "a", "timestamp": ["2024-01-01", "?"], "target": [1, 2]}])

        with pytest.raises(BadInput, match=r"^a\.jsonl, row 1, value 2: '\?' in column 'timestamp' is not a time"):
            reading(path, time="timestamp")

    def test_other_lengths_are_refused(self) -> None:
        table = pa.table({**FEV, "scaled_price": [[0.5] * 4, [2.0]]})

        with pytest.raises(BadInput, match="row 1: the list of column 'scaled_price' has 1 value, and that of 't"):
            Panel.from_frame(table, target="unit_sales")

    def test_lists_that_are_no_series_are_ignored(self) -> None:
        table = pa.table({**FEV, "embedding": [[0.5] * 3, [2.0] * 3]})

        panel = Panel.from_frame(table, target="unit_sales")

        assert [channel.name for channel in panel.channels] == ["unit_sales", "scaled_price"]

    def test_lists_in_a_table_with_a_row_for_each_time_are_ignored(self) -> None:
        frame = long_fev().assign(embedding=[[1.0, 2.0]] * 6)

        assert "embedding" not in [channel.name for channel in Panel.from_frame(frame, target="unit_sales").channels]

    def test_empty_series_are_left_out(self) -> None:
        table = pa.table({"id": ["a", "b", "c"], "timestamp": [[1, 2], [], None], "target": [[1.0, 2], [], None]})

        found = read_table(table, TableOptions(), RowOrigins())

        assert found.rows is not None
        assert found.rows.ids == ("a",)
        assert [finding.problem for finding in found.findings if finding.level == "changed"] == [
            "row 1 has no values; 2 of 3 series have none"
        ]


@pytest.mark.skipif(not (DATA / "ETTh1.csv").exists(), reason="needs ETTh1.csv in HARNESS_DATA_DIR")
def test_real_data_in_both_layouts(tmp_path: Path) -> None:
    frame = pd.read_csv(DATA / "ETTh1.csv", parse_dates=["date"])
    lists = {name: [frame[name].to_numpy()] for name in frame.columns}
    pq.write_table(pa.table({"id": ["etth1"], **lists}), tmp_path / "etth1.parquet")

    panel = panel_of(tmp_path / "etth1.parquet", target="OT")

    expected = Panel.from_frame(frame.assign(id="etth1"), target="OT", id="id")
    assert panel.fingerprint() == expected.fingerprint()
    assert len(panel.values) == 17_420
