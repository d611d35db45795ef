"""Tables with a row for each series, in the layouts that GluonTS, GIFT-Eval and fev document."""

from __future__ import annotations

import gzip
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
GLUONTS = [  # https://ts.gluon.ai: feat_dynamic_* and feat_static_*, "NaN" or null for what is missing
    {
        "start": "2009-11-01 00:00:00",
        "target": [4.5, "NaN", 5.5, 7],
        "item_id": "T1",
        "feat_static_cat": [0, 1],
        "feat_static_real": [2.5],
        "feat_dynamic_real": [[1, 2, 3, 4, 5], [0, 0, 1, 1, 0]],
    },
    {
        "start": "2012-01-30 00:00:00",
        "target": [1.0, -5.0, None, 3.0, 2.0],
        "item_id": "T2",
        "feat_static_cat": [2, 3],
        "feat_static_real": [1.5],
        "feat_dynamic_real": [[9, 8, 7, 6, 5, 4], [1, 0, 1, 0, 1, 0]],
    },
]


def reading(path: Path, **options: Any) -> TableReading:
    file = read_file(path, TableOptions(**options))
    return read_table(file.table, file.options, file.origins)


def panel_of(path: Path, **options: Any) -> Panel:
    return Panel(**reading(path, **options).panel_fields())


def json_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def without(key: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != key} for row in GLUONTS]


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


class TestStarts:
    """What GluonTS writes: the start of each series, and lists of its values."""

    @pytest.mark.parametrize("name", ["data.jsonl", "data.json", "data.json.gz"])
    def test_json_lines(self, tmp_path: Path, name: str) -> None:
        path = json_lines(tmp_path / "plain", GLUONTS)
        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()) if name.endswith("gz") else path.read_bytes())

        panel = panel_of(tmp_path / name, freq="D")

        assert panel.ids == ("T1", "T2")
        assert [str(time)[:10] for time in panel.start] == ["2009-11-01", "2012-01-30"]
        np.testing.assert_array_equal(panel.values[:4, 0], [4.5, np.nan, 5.5, 7])
        np.testing.assert_array_equal(panel.values[4:], np.c_[[1, -5, np.nan, 3, 2], [9, 8, 7, 6, 5], [1, 0, 1, 0, 1]])
        assert [(channel.name, channel.role) for channel in panel.channels] == [
            ("target", "target"),
            ("feat_dynamic_real_0", "known covariate"),
            ("feat_dynamic_real_1", "known covariate"),
        ]
        assert panel.static == {
            "feat_static_cat_0": ("0", "2"),
            "feat_static_cat_1": ("1", "3"),
            "feat_static_real": (2.5, 1.5),
        }

    def test_known_covariates_ahead_are_rows_after_the_last_actual(self, tmp_path: Path) -> None:
        found = reading(json_lines(tmp_path / "a.jsonl", GLUONTS), freq="D")

        assert found.rows is not None
        assert found.lengths is not None
        assert (np.diff(found.rows.offsets) - found.lengths).tolist() == [1, 1]
        assert found.rows.values[4, 1:].tolist() == [5, 0]

    def test_the_frequency_is_needed(self, tmp_path: Path) -> None:
        with pytest.raises(
            BadInput,
            match="column 'start' has the first time; name the frequency by --freq",
        ):
            reading(json_lines(tmp_path / "a.jsonl", GLUONTS))

    @pytest.mark.parametrize(
        ("stated", "freq"),
        [
            ("H", "h"),
            ("10T", "10min"),
            ("15min", "15min"),
            ("4S", "4s"),
            ("1D", "D"),
            ("W", "W-MON"),
            ("W-WED", "W-THU"),
            ("M", "MS"),
            ("Q-DEC", "QS"),
            ("A-DEC", "YS"),
            ("A", "YS"),
        ],
    )
    def test_the_file_may_state_it_as_a_period_of_pandas(self, stated: str, freq: str) -> None:
        """As GluonTS does, whose times are periods."""
        new = {
            "H": "h",
            "1H": "1h",
            "10T": "10min",
            "A-DEC": "Y-DEC",
            "A": "Y",
            "S": "s",
            "4S": "4s",
        }  # since pandas 2.2
        rows = [{"start": "2020-03-05 00:00:00", "freq": stated, "target": list(range(9)), "item_id": "x"}]

        panel = Panel.from_frame(pd.DataFrame(rows))

        times = pd.period_range("2020-03-05", periods=9, freq=new.get(stated, stated)).to_timestamp()
        assert panel.freq == freq
        assert panel.start[0] == times[0].to_datetime64()
        assert panel.to_frame()["time"].tolist() == times.tolist()

    def test_several_frequencies_are_refused(self) -> None:
        rows = [{"start": "2020-03-01", "freq": freq, "target": [1.0, 2]} for freq in ("D", "h")]

        with pytest.raises(BadInput, match=r"column 'freq' has the frequencies 'D', 'h'; a panel has one"):
            Panel.from_frame(pd.DataFrame(rows))

    def test_rows_without_an_id_are_numbered(self) -> None:
        panel = Panel.from_frame(pd.DataFrame(without("item_id")).assign(target=[[1.0, 2, 3, 4]] * 2), freq="D")

        assert panel.ids == ("0", "1")

    def test_targets_of_several_dimensions(self) -> None:
        """As in GIFT-Eval: (dimension, time), with covariates of the past."""
        rows = {"item_id": ["a"], "start": [pd.Timestamp("2020-01-01")], "freq": ["h"]}
        lists = {"target": [[[1.0, 2, 3], [4, 5, 6]]], "past_feat_dynamic_real": [[[7.0, 8, 9]]]}

        panel = Panel.from_frame(pa.table({**rows, **lists}))

        assert [(channel.name, channel.role) for channel in panel.channels] == [
            ("target_0", "target"),
            ("target_1", "target"),
            ("past_feat_dynamic_real", "past covariate"),
        ]
        assert panel.values.tolist() == [[1, 4, 7], [2, 5, 8], [3, 6, 9]]

    def test_a_name_stands_for_all_of_its_lists(self) -> None:
        frame = pd.DataFrame(GLUONTS).assign(target=[[1.0] * 4, [1.0] * 5])

        panel = Panel.from_frame(frame, freq="D", past="feat_dynamic_real")

        assert [channel.role for channel in panel.channels] == ["target", "past covariate", "past covariate"]

    def test_what_was_inferred_can_be_stated(self, tmp_path: Path) -> None:
        """As in a board file, which names all columns."""
        path = json_lines(tmp_path / "a.jsonl", without("item_id"))
        found = reading(path, freq="D")
        columns = found.columns

        again = panel_of(
            path,
            time=columns.time,
            id=columns.id,
            target=columns.target,
            known=columns.known,
            past=columns.past,
            static=columns.static,
            freq="D",
        )

        assert again.fingerprint() == Panel(**found.panel_fields()).fingerprint()

    def test_a_shard_of_datasets(self, tmp_path: Path) -> None:
        """GIFT-Eval stores streams of Arrow beside files of metadata."""
        starts = pa.array([pd.Timestamp("2020-01-01")] * 4, pa.timestamp("s"))
        targets = pa.array([[1.0, 2, 3]] * 4, pa.list_(pa.float32()))
        table = pa.table({"item_id": ["a", "b", "c", "d"], "start": starts, "freq": ["D"] * 4, "target": targets})
        for i in range(2):
            with pa.ipc.new_stream(str(tmp_path / f"data-0000{i}-of-00002.arrow"), table.schema) as writer:
                writer.write_table(table.slice(2 * i, 2))
        (tmp_path / "state.json").write_text('{"_data_files": []}')

        panel = panel_of(tmp_path)

        assert panel.ids == ("a", "b", "c", "d")
        assert panel.freq == "D"

    def test_long_lines(self, tmp_path: Path) -> None:
        target = np.arange(400_000).tolist()

        panel = panel_of(json_lines(tmp_path / "a.jsonl", [{"start": "2000-01-01", "target": target}] * 2), freq="h")

        assert panel.values[:, 0].tolist() == 2 * target

    def test_an_array_of_objects_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text(json.dumps(GLUONTS))

        with pytest.raises(BadInput, match=r"a\.json is one array; write one object in each line, in pandas: "):
            reading(tmp_path / "a.json")


@pytest.mark.skipif(not (DATA / "ETTh1.csv").exists(), reason="needs ETTh1.csv in HARNESS_DATA_DIR")
def test_real_data_in_both_layouts(tmp_path: Path) -> None:
    frame = pd.read_csv(DATA / "ETTh1.csv", parse_dates=["date"])
    lists = {name: [frame[name].to_numpy()] for name in frame.columns}
    pq.write_table(pa.table({"id": ["etth1"], **lists}), tmp_path / "etth1.parquet")

    panel = panel_of(tmp_path / "etth1.parquet", target="OT")

    expected = Panel.from_frame(frame.assign(id="etth1"), target="OT", id="id")
    assert panel.fingerprint() == expected.fingerprint()
    assert len(panel.values) == 17_420
