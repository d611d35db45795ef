"""Tables of files with types, of folders, and of the Monash archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.feather as feather
import pytest

from harness import Panel
from harness.data.tables.files import read_file, table_name
from harness.data.tables.options import TableOptions
from harness.data.tables.reading import TableReading, read_table
from harness.errors import BadInput

FRAME = pd.DataFrame(
    {
        "series": ["a"] * 4 + ["b"] * 3,
        "time": [
            *pd.date_range("2024-01-01", periods=4, freq="MS"),
            *pd.date_range("2024-02-01", periods=3, freq="MS"),
        ],
        "y": [1.0, 2, 3, 4, 5, 6, 7],
    }
)
PANEL = Panel.from_frame(FRAME)
TSF = """# a comment
@relation example
@attribute series_name string
@attribute state string
@attribute start_timestamp date
@frequency monthly
@horizon 2
@missing true
@equallength false
@data
T1:NSW:1979-03-01 00-00-00:1,2,?,4
T2:VIC:1980-01-31 00-00-00:5,6.5
"""


def reading(path: Path, **options: Any) -> TableReading:
    file = read_file(path, TableOptions(**options))
    return read_table(file.table, file.options, file.origins, file.reasons)


def panel_of(path: Path, **options: Any) -> Panel:
    return Panel(**reading(path, **options).panel_fields())


class TestFormats:
    @pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.PQ", "a.feather", "a.arrow", "a.jsonl", "a.xlsx"])
    def test_panels_are_equal(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        kind = path.suffix.lower()
        if kind == ".csv":
            FRAME.to_csv(path, index=False)
        elif kind in (".parquet", ".pq"):
            FRAME.to_parquet(path)
        elif kind in (".feather", ".arrow"):
            feather.write_feather(FRAME, str(path))
        elif kind == ".jsonl":
            FRAME.to_json(path, orient="records", lines=True, date_format="iso")
        else:
            FRAME.to_excel(path, index=False)

        assert panel_of(path).fingerprint() == PANEL.fingerprint()
        assert table_name(path) == "a"

    def test_the_rows_of_a_sheet_are_numbered_as_in_excel(self, tmp_path: Path) -> None:
        path = tmp_path / "a.xlsx"
        FRAME.assign(y=[1.0, 2, "x", 4, 5, 6, 7]).to_excel(path, index=False)

        with pytest.raises(BadInput, match=r"^a\.xlsx, row 4: 'x' in column 'y' is not a number"):
            reading(path)

    def test_texts_of_a_sheet_stay_texts(self, tmp_path: Path) -> None:
        path = tmp_path / "a.xlsx"
        names = {"a": "007", "b": "NA"}
        FRAME.assign(sku=FRAME["series"].map(names), y=[1.0, None, 3, 4, 5, 6, 7]).drop(columns="series").to_excel(
            path, index=False
        )

        rows = reading(path).rows

        assert rows is not None
        assert rows.ids == ("007", "NA")
        np.testing.assert_array_equal(rows.values[:, 0], [1, np.nan, 3, 4, 5, 6, 7])

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.parquet", b"", "a.parquet cannot be read: Could not open Parquet input source: Parquet file size is 0"),
            ("a.feather", b"nothing", "a.feather cannot be read: "),
            (
                "a.jsonl",
                b'{"time": "2024-01-01", "y": 1}\n{"time":\n',
                "a.jsonl, line 2: Invalid value; write an object such as",
            ),
            ("a.xlsx", b"nothing", "a.xlsx is not a workbook of Excel"),
            ("a.xls", b"nothing", "a.xls is a workbook of an old format; save it as .xlsx or .csv"),
            ("a.sav", b"nothing", "a.sav is of no known format; its name must end in one of .csv, .tsv"),
        ],
    )
    def test_what_is_no_table_is_refused(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        (tmp_path / name).write_bytes(content)

        with pytest.raises(BadInput, match=message):
            reading(tmp_path / name)

    def test_a_misspelled_name_has_a_hint(self, tmp_path: Path) -> None:
        (tmp_path / "sales.csv").touch()

        with pytest.raises(BadInput, match=r"there is no file .*sale\.csv; did you mean 'sales\.csv'\?"):
            reading(tmp_path / "sale.csv")


class TestFolders:
    def test_each_file_is_a_series(self, tmp_path: Path) -> None:
        for name, rows in FRAME.groupby("series"):
            rows.drop(columns="series").to_csv(tmp_path / f"{name}.csv", index=False)

        assert panel_of(tmp_path).fingerprint() == PANEL.fingerprint()

    def test_columns_may_be_in_any_order_and_of_other_types(self, tmp_path: Path) -> None:
        first, second = (rows.drop(columns="series") for _, rows in FRAME.groupby("series"))
        first.assign(y=first["y"].astype(int)).to_csv(tmp_path / "a.csv", index=False)
        second[["y", "time"]].to_parquet(tmp_path / "b.parquet")

        assert panel_of(tmp_path).fingerprint() == PANEL.fingerprint()

    def test_messages_name_the_file_and_its_line(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("time,y\n2024-01-01,1\n2024-01-02,2\n")
        (tmp_path / "b.csv").write_text("time,y\n2024-01-01,1\n2024-01-02,x\n")

        with pytest.raises(BadInput, match=r"^b\.csv, line 3: 'x' in column 'y' is not a number"):
            reading(tmp_path)

    def test_other_columns_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("time,y\n2024-01-01,1\n")
        (tmp_path / "b.csv").write_text("time,z\n2024-01-01,1\n")

        with pytest.raises(BadInput, match=r"b\.csv has other columns than a\.csv: time, z instead of time, y"):
            reading(tmp_path)

    def test_two_files_of_one_name_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("time,y\n2024-01-01,1\n")
        (tmp_path / "a.tsv").write_text("time\ty\n2024-01-01\t1\n")

        with pytest.raises(BadInput, match="has two files called 'a' with other endings"):
            reading(tmp_path)

    def test_an_empty_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"has no file whose name ends in one of \.csv"):
            reading(tmp_path)


class TestTsf:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "a.tsf"

    def test_a_file_worked_by_hand(self, path: Path) -> None:
        path.write_text(TSF)

        panel = panel_of(path)

        assert (panel.ids, panel.freq, panel.season_length) == (("T1", "T2"), "MS", 12)
        np.testing.assert_array_equal(panel.values[:, 0], [1, 2, np.nan, 4, 5, 6.5])
        np.testing.assert_array_equal(panel.start, np.array(["1979-03-01", "1980-01-01"], "M8[ns]"))
        assert panel.static == {"state": ("NSW", "VIC")}

    def test_without_a_frequency_steps_are_numbered(self, path: Path) -> None:
        path.write_text(TSF.replace("@frequency monthly\n", ""))

        panel = panel_of(path)

        assert (panel.freq, panel.start.tolist(), panel.lengths.tolist()) == (None, [0, 0], [4, 2])

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("5,6.5", "5,six", "line 12: 'six', value 2 of the series, is not a number"),
            ("1980-01-31", "1980-13-31", "line 12: '1980-13-31 00-00-00' is no date of attribute 'start_timestamp'"),
            ("T2:VIC", "T2", "line 12: 2 attributes instead of 3"),
            ("monthly", "fortnightly", "line 6: the frequency 'fortnightly' is not known"),
            ("@data\n", "", "line 10: the header has 'T1:NSW"),
            ("@relation example", "relation", "line 2: the header has 'relation' before @data"),
        ],
    )
    def test_wrong_lines_are_refused(self, path: Path, old: str, new: str, message: str) -> None:
        path.write_text(TSF.replace(old, new))

        with pytest.raises(BadInput, match=message):
            reading(path)

    def test_series_without_values_are_left_out(self, path: Path) -> None:
        path.write_text(f"{TSF}T3:WA:1980-01-01 00-00-00:?,?\n")

        found = reading(path)

        assert found.rows is not None
        assert found.rows.ids == ("T1", "T2")
        assert found.static == {"state": ("NSW", "VIC")}
        assert [finding.check for finding in found.findings] == ["series without values"]


class TestInterpretation:
    def test_json_that_is_no_json_lines_is_converted_by_pandas(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        FRAME.to_json(path, orient="records", date_format="iso")

        with pytest.raises(BadInput, match=r"reads JSON lines, one object in each line") as error:
            read_file(path, TableOptions())
        pd.read_json(path).to_json(tmp_path / "a.jsonl", orient="records", lines=True, date_format="iso")

        assert "to_json('a.jsonl', orient='records', lines=True, date_format='iso')" in str(error.value)
        assert panel_of(tmp_path / "a.jsonl").fingerprint() == PANEL.fingerprint()

    @pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
    def test_the_index_of_frames_below_each_other_is_no_covariate(self, tmp_path: Path, name: str) -> None:
        frame = pd.concat([rows.reset_index(drop=True) for _, rows in FRAME.groupby("series")])
        frame.to_parquet(tmp_path / name) if name == "a.parquet" else frame.to_csv(tmp_path / name)

        assert panel_of(tmp_path / name).fingerprint() == PANEL.fingerprint()

    def test_the_names_of_files_and_the_parts_of_a_tsf_file_are_the_reasons(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        for name, rows in FRAME.groupby("series"):
            rows.drop(columns="series").to_csv(tmp_path / "folder" / f"{name}.csv", index=False)
        (tmp_path / "a.tsf").write_text(TSF)

        folder, tsf = reading(tmp_path / "folder").columns.reasons, reading(tmp_path / "a.tsf").columns.reasons

        assert folder["series"] == "the names of the files"
        assert tsf["series_name"] == "the first attribute of the series"
        assert tsf["time"] == "made from the start and the frequency of each series"
        assert reading(tmp_path / "folder", id="series").columns.reasons["series"] == "named by --id"

    def test_wide_tables_name_their_columns(self, tmp_path: Path) -> None:
        wide = FRAME.pivot(index="time", columns="series", values="y").reset_index()
        wide.to_csv(tmp_path / "a.csv", index=False)
        wide.assign(b=np.inf).to_csv(tmp_path / "b.csv", index=False)
        pd.concat([wide, wide.tail(1).assign(a=9, b=9)]).to_csv(tmp_path / "c.csv", index=False)

        found = reading(tmp_path / "a.csv", layout="wide").columns
        (finding, *_) = reading(tmp_path / "c.csv", layout="wide").findings

        assert found.reasons["series"] == "the names of the columns 'a', 'b'"
        assert found.reasons["time"] == "the only column with dates"
        with pytest.raises(BadInput, match=r"b\.csv, line 2: column 'b' has the value inf"):
            reading(tmp_path / "b.csv", layout="wide")
        assert (finding.check, "--id" in finding.remedy) == ("repeated times", False)
