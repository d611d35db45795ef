"""CSV files of any delimiter, encoding, decimal mark and compression, with pandas as the oracle."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.data.tables.csv_files import read_csv
from harness.data.tables.files import read_file
from harness.data.tables.options import TableOptions
from harness.data.tables.reading import TableReading, read_table
from harness.errors import BadData, BadInput

ROWS = [("2024-01-01", "Köln", 1.5), ("2024-01-02", "Köln", -20.25), ("2024-01-03", 'a "b", c', 1000.0)]


def written(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def reading(path: Path, **options: Any) -> TableReading:
    file = read_file(path, TableOptions(**options))
    return read_table(file.table, file.options, file.origins)


def lines(count: int, delimiter: str = ",") -> str:
    return "".join(f"2024-01-{i + 1:02d}{delimiter}{i}\n" for i in range(count))


class TestFormats:
    @pytest.mark.parametrize(
        ("delimiter", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", "."), ("|", ",")]
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_tables_are_those_of_pandas(
        self, tmp_path: Path, delimiter: str, encoding: str, decimal: str, end: str
    ) -> None:
        path = tmp_path / "a.csv"
        frame = pd.DataFrame(ROWS, columns=["day", "town", "value"])
        frame.to_csv(path, sep=delimiter, encoding=encoding, decimal=decimal, index=False, lineterminator=end)

        table, origin = read_csv(path, None)

        expected = pd.read_csv(path, sep=delimiter, encoding=encoding, decimal=decimal)
        assert table["town"].to_pylist() == expected["town"].tolist()
        assert table["value"].to_pylist() == expected["value"].tolist() == [1.5, -20.25, 1000]
        assert (origin.first, origin.unit) == (2, "line")

    @pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
    def test_compressed_files(self, tmp_path: Path, suffix: str, compress: Any) -> None:
        path = written(tmp_path, compress(f"time,y\n{lines(4)}".encode()), f"a.csv{suffix}")

        assert read_csv(path, None)[0]["y"].to_pylist() == [0, 1, 2, 3]

    def test_a_file_of_utf_16_without_a_mark(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"time,y\n{lines(4)}".encode("utf-16-le"))

        assert read_csv(path, None)[0].column_names == ["time", "y"]

    def test_another_encoding_may_be_seen_late_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("harness.data.tables.csv_files.HEAD", 50)
        text = "time,y,town\n" + "".join(f"2024-01-{i:02d},{i},Bonn\n" for i in range(1, 20)) + "2024-01-20,1,Köln\n"

        table = read_csv(written(tmp_path, text.encode("cp1252")), None)[0]

        assert table["town"].to_pylist()[-2:] == ["Bonn", "Köln"]

    def test_types_may_be_seen_late_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("harness.data.tables.csv_files.BLOCK", 100)
        text = "time,y,z\n" + "".join(f"2024-01-{i:02d},{i},{i}\n" for i in range(1, 20)) + "2024-01-20,1.5,x\n"

        table = read_csv(written(tmp_path, text), None)[0]

        assert table["y"].to_pylist()[-2:] == [19, 1.5]
        assert table["z"].to_pylist()[-2:] == ["19", "x"]

    def test_large_random_tables_are_those_of_pandas(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(
            {
                "a": rng.integers(-5, 5, 3000),
                "b": rng.normal(size=3000).round(4),
                "c": rng.choice(["x", "y, z", 'q"q', "line\nline"], 3000),
                "d": np.where(rng.random(3000) < 0.2, np.nan, rng.normal(size=3000)),
            }
        )
        path = tmp_path / "a.csv"
        frame.to_csv(path, index=False)

        table = read_csv(path, None)[0].to_pandas()

        pd.testing.assert_frame_equal(table, pd.read_csv(path), check_dtype=False, check_categorical=False)

    def test_lines_of_comments_before_the_header_are_left_out(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"# source: x, y\n#\n\ntime,y\n{lines(4)}")

        assert read_csv(path, None)[0]["y"].to_pylist() == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        "text",
        [
            "time,y,\n2024-01-01,1,\n2024-01-02,2,\n",  # a delimiter at the end of each line
            ",time,y\n0,2024-01-01,1\n1,2024-01-02,2\n",  # the index of pandas
        ],
    )
    def test_columns_without_a_name_and_meaning_are_left_out(self, tmp_path: Path, text: str) -> None:
        assert read_csv(written(tmp_path, text), None)[0].column_names == ["time", "y"]

    def test_na_may_be_the_id_of_a_series(self, tmp_path: Path) -> None:
        text = "country,time,y\n" + "".join(f"{name},2024-01-0{i},{i}\n" for name in ("NA", "DE") for i in (1, 2, 3))

        rows = reading(written(tmp_path, text)).rows

        assert rows is not None
        assert rows.ids == ("NA", "DE")

    def test_missing_values(self, tmp_path: Path) -> None:
        text = "time,y,town\n2024-01-01,NA,\n2024-01-02,,x\n2024-01-03,2,y\n"

        table = read_csv(written(tmp_path, text), None)[0]

        assert table["y"].to_pylist() == [None, None, 2]
        assert table["town"].to_pylist() == [None, "x", "y"]

    def test_a_single_column_with_decimal_commas(self, tmp_path: Path) -> None:
        assert read_csv(written(tmp_path, "y\n1,5\n2,5\n"), None)[0]["y"].to_pylist() == [1.5, 2.5]


class TestPlaces:
    @pytest.mark.parametrize(
        ("text", "place"),
        [
            (f"time,y\n{lines(3)}2024-01-04,x\n", "line 5"),
            (f"time,y\n{lines(3)}2024-01-04,x\n\n\n", "line 5"),
            (f"time,y\r\n{lines(3)}2024-01-04,x\r\n\r\n".replace("\r\n", "\n").replace("\n", "\r\n"), "line 5"),
            (f"# a\n# b\ntime,y\n{lines(3)}2024-01-04,x\n", "line 7"),
            (f"time,y\n{lines(2)}\n2024-01-04,x\n", "row 3"),  # where lines and rows differ
            ('time,y,z\n2024-01-01,1,"a\nb"\n2024-01-02,3,c\n2024-01-03,x,c\n', "row 3"),
        ],
    )
    def test_messages_name_the_line_or_the_row(self, tmp_path: Path, text: str, place: str) -> None:
        with pytest.raises(BadData, match=rf"^a\.csv, {place}: 'x' in column 'y' is not a number"):
            reading(written(tmp_path, text))

    def test_rows_of_compressed_files_are_counted(self, tmp_path: Path) -> None:
        path = written(tmp_path, gzip.compress(f"time,y\n{lines(3)}2024-01-04,x\n".encode()), "a.csv.gz")

        with pytest.raises(BadData, match=r"^a\.csv\.gz, row 4: 'x'"):
            reading(path)

    @pytest.mark.parametrize(
        ("line", "fields"),
        [("2024-01-07", "1 fields instead of 2"), ("2024-01-07,1,2", "3 fields instead of 2")],
    )
    def test_lines_with_other_numbers_of_fields(self, tmp_path: Path, line: str, fields: str) -> None:
        with pytest.raises(BadData, match=rf"a\.csv, line 5: {fields} separated by ','; correct the line"):
            reading(written(tmp_path, f"time,y\n{lines(3)}{line}\n{lines(1)}"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("time,y\n", "has no rows after the names of columns"),
        ("time,y", "has no rows after the names of columns"),
        (lines(4), "line 1: '2024-01-01' is a date, not the name of a column"),
        ("1,2\n3,4\n", "line 1: the first line has no names of columns"),
        ("time,,y\n2024-01-01,a,1\n2024-01-02,b,2\n", "column 2 has no name in the first line"),
        ("time,y,y\n2024-01-01,1,2\n", "two columns of .* are called 'y'"),
        ("time y\n2024-01-01 1\n2024-01-02 2\n", "'time y' has no delimiter"),
        ("time;y\n2024-01-01;1.234\n2024-01-02;2.345\n", "such as '1.234' may have the decimal mark"),
        (b"PK\x03\x04\0\0\0\1\2\3", "is not a text file; files of Excel and Parquet are recognised by"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        reading(written(tmp_path, content))


def test_a_broken_compressed_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"a\.csv\.gz cannot be read"):
        reading(written(tmp_path, b"nothing", "a.csv.gz"))
