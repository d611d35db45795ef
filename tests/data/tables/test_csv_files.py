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

        read = read_csv(path, TableOptions())

        expected = pd.read_csv(path, sep=delimiter, encoding=encoding, decimal=decimal)
        assert read.table["town"].to_pylist() == expected["town"].tolist()
        assert read.table["value"].to_pylist() == expected["value"].tolist() == [1.5, -20.25, 1000]
        assert (read.origin.first, read.origin.unit) == (2, "line")

    @pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
    def test_compressed_files(self, tmp_path: Path, suffix: str, compress: Any) -> None:
        path = written(tmp_path, compress(f"time,y\n{lines(4)}".encode()), f"a.csv{suffix}")

        assert read_csv(path, TableOptions()).table["y"].to_pylist() == [0, 1, 2, 3]

    def test_a_file_of_utf_16_without_a_mark(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"time,y\n{lines(4)}".encode("utf-16-le"))

        assert read_csv(path, TableOptions()).table.column_names == ["time", "y"]

    def test_another_encoding_may_be_seen_late_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("harness.data.tables.csv_files.HEAD", 50)
        text = "time,y,town\n" + "".join(f"2024-01-{i:02d},{i},Bonn\n" for i in range(1, 20)) + "2024-01-20,1,Köln\n"

        table = read_csv(written(tmp_path, text.encode("cp1252")), TableOptions()).table

        assert table["town"].to_pylist()[-2:] == ["Bonn", "Köln"]

    def test_types_may_be_seen_late_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("harness.data.tables.csv_files.BLOCK", 100)
        text = "time,y,z\n" + "".join(f"2024-01-{i:02d},{i},{i}\n" for i in range(1, 20)) + "2024-01-20,1.5,x\n"

        table = read_csv(written(tmp_path, text), TableOptions()).table

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

        table = read_csv(path, TableOptions()).table.to_pandas()

        pd.testing.assert_frame_equal(table, pd.read_csv(path), check_dtype=False, check_categorical=False)

    def test_lines_of_comments_before_the_header_are_left_out(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"# source: x, y\n#\n\ntime,y\n{lines(4)}")

        assert read_csv(path, TableOptions()).table["y"].to_pylist() == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        "text",
        [
            "time,y,\n2024-01-01,1,\n2024-01-02,2,\n",  # a delimiter at the end of each line
            ",time,y\n0,2024-01-01,1\n1,2024-01-02,2\n",  # the index of pandas
        ],
    )
    def test_columns_without_a_name_and_meaning_are_left_out(self, tmp_path: Path, text: str) -> None:
        assert read_csv(written(tmp_path, text), TableOptions()).table.column_names == ["time", "y"]

    def test_na_may_be_the_id_of_a_series(self, tmp_path: Path) -> None:
        text = "country,time,y\n" + "".join(f"{name},2024-01-0{i},{i}\n" for name in ("NA", "DE") for i in (1, 2, 3))

        rows = reading(written(tmp_path, text)).rows

        assert rows is not None
        assert rows.ids == ("NA", "DE")

    def test_missing_values(self, tmp_path: Path) -> None:
        text = "time,y,town\n2024-01-01,NA,\n2024-01-02,,x\n2024-01-03,2,y\n"

        table = read_csv(written(tmp_path, text), TableOptions()).table

        assert table["y"].to_pylist() == [None, None, 2]
        assert table["town"].to_pylist() == [None, "x", "y"]

    def test_a_single_column_with_decimal_commas(self, tmp_path: Path) -> None:
        assert read_csv(written(tmp_path, "y\n1,5\n2,5\n"), TableOptions()).table["y"].to_pylist() == [1.5, 2.5]


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [";", "\t", "|"])
    def test_commas_of_the_header_are_none_beside_decimal_commas(self, tmp_path: Path, delimiter: str) -> None:
        text = f"Datum{delimiter}Verbrauch, kWh\n" + "".join(
            f"{i + 1:02d}.01.2024{delimiter}{i},{3 * i}\n" for i in range(4)
        )

        found = reading(written(tmp_path, text.replace("04.01", "14.01").replace("03.01", "13.01")))

        assert (found.columns.time, found.columns.target) == ("Datum", ("Verbrauch, kWh",))
        assert read_csv(tmp_path / "a.csv", TableOptions()).table["Verbrauch, kWh"].to_pylist() == [0, 1.3, 2.6, 3.9]

    def test_without_dates_a_comma_is_the_decimal_mark(self, tmp_path: Path) -> None:
        table = read_csv(written(tmp_path, "step;used, kWh\n0;0,0\n1;1,3\n"), TableOptions()).table

        assert table.to_pydict() == {"step": [0, 1], "used, kWh": [0, 1.3]}

    def test_dates_show_the_delimiter(self, tmp_path: Path) -> None:
        text = "time,y,tags;list\n2024-01-01,1,a;b\n2024-01-02,2,c;d\n"

        assert read_csv(written(tmp_path, text), TableOptions()).table["y"].to_pylist() == [1, 2]


class TestThousands:
    def values(self, path: Path, **options: Any) -> list[float]:
        rows = reading(path, target="menge", **options).rows
        assert rows is not None
        return rows.values[:, 0].tolist()

    @pytest.mark.parametrize("delimiter", [";", "\t", "|"])
    def test_decimal_commas_of_another_column_show_thousands(self, tmp_path: Path, delimiter: str) -> None:
        text = "datum;menge;preis\n2024-01-15;998;3,00\n2024-01-16;1.005;2,00\n2024-01-17;-1.012;2,50\n"

        assert self.values(written(tmp_path, text.replace(";", delimiter))) == [998, 1005, -1012]

    def test_thousands_beside_decimals_show_decimal_commas(self, tmp_path: Path) -> None:
        text = "datum;menge;preis\n2024-01-15;998;1.003,00\n2024-01-16;1.005;1.002,50\n"

        assert self.values(written(tmp_path, text)) == [998, 1005]

    def test_thousands_may_be_late_only(self, tmp_path: Path) -> None:
        dates = pd.date_range("2023-01-01", periods=300)
        text = "datum;menge;preis\n" + "".join(
            f"{date:%Y-%m-%d};{800 + i:,};2,50\n".replace(",", ".", i > 199) for i, date in enumerate(dates)
        )

        assert self.values(written(tmp_path, text))[199:202] == [999, 1000, 1001]

    @pytest.mark.parametrize("first", [0, 250])
    @pytest.mark.parametrize("other", ["", "?"])
    def test_thousands_or_decimals_are_refused_wherever_they_are(self, tmp_path: Path, first: int, other: str) -> None:
        texts = [str(500 + i) for i in range(first)] + ["1.000", "1.002", other]
        dates = pd.date_range("2023-01-01", periods=len(texts))
        text = "datum;menge\n" + "".join(f"{date:%Y-%m-%d};{each}\n" for date, each in zip(dates, texts, strict=True))
        path = written(tmp_path, text)

        with pytest.raises(BadData, match=r"such as '1\.000'.* may have the decimal mark '\.' or ','; say which"):
            reading(path)
        assert self.values(path, decimal=",")[first] == 1000
        assert self.values(path, decimal=".")[first] == 1

    @pytest.mark.parametrize("texts", [["1.5", "2", "1.005"], ["0.125", "1.125"], ["1234.567", "1.005"]])
    def test_clear_decimal_points_are_read(self, tmp_path: Path, texts: list[str]) -> None:
        text = "datum;menge\n" + "".join(f"2024-01-{i + 1:02d};{each}\n" for i, each in enumerate(texts))

        assert self.values(written(tmp_path, text)) == [float(each) for each in texts]

    def test_a_folder_has_the_decimal_mark_of_its_files(self, tmp_path: Path) -> None:
        written(tmp_path, "datum;menge;preis\n2024-01-01;998;3\n2024-01-02;999;3\n")
        written(tmp_path, "datum;menge;preis\n2024-01-01;998;3,50\n2024-01-02;1.005;3,50\n", "b.csv")

        assert self.values(tmp_path) == [998, 999, 998, 1005]


class TestIds:
    def ids(self, folder: Path, texts: list[str], **options: Any) -> tuple[str, ...]:
        name = options.get("id", "sku")
        text = f"date,{name},y\n" + "".join(f"2024-01-0{i},{each},{i}\n" for each in texts for i in (1, 2, 3))
        rows = reading(written(folder, text), **options).rows
        assert rows is not None
        return rows.ids

    @pytest.mark.parametrize("options", [{}, {"id": "sku"}, {"id": "article"}])
    @pytest.mark.parametrize("texts", [["007", "008"], ["001", "01", "1"], ["10", "02"], ["7", "8"]])
    def test_leading_zeros_are_kept(self, tmp_path: Path, texts: list[str], options: dict[str, str]) -> None:
        assert self.ids(tmp_path, texts, **options) == tuple(texts)

    def test_numbers_that_are_written_in_several_ways_are_several_series(self, tmp_path: Path) -> None:
        assert self.ids(tmp_path, ["1.5", "1.50"], id="sku") == ("1.5", "1.50")

    def test_whole_numbers_have_no_decimals(self, tmp_path: Path) -> None:
        assert self.ids(tmp_path, ["1.0", "2.0"], id="sku") == ("1", "2")


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
        ("time;y;y;id;id\n2024-01-01;1;2;3;3\n", "two columns of .* are called 'id'"),
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
