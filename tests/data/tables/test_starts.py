"""Tables with the start of each series and lists of its values, as GluonTS and GIFT-Eval document them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from harness import Panel
from harness.data.tables.files import read_file
from harness.data.tables.options import TableOptions
from harness.data.tables.reading import TableReading, read_table
from harness.errors import BadInput

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


class TestGluonts:
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

        with pytest.raises(
            BadInput, match=r"a\.json is one array of JSON; harness reads JSON lines, one object in each line"
        ):
            reading(tmp_path / "a.json")
