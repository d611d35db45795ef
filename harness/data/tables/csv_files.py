"""CSV files with any delimiter, encoding, decimal mark and compression, read by PyArrow."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.tables.decimal_marks import check_thousands, mark_of_fields
from harness.data.tables.id_texts import with_texts_of_ids
from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RowOrigin
from harness.data.tables.times import is_time
from harness.errors import BadData

COMPRESSED = (".gz", ".bz2", ".zst")
DELIMITERS = (",", ";", "\t", "|")
HEAD = 1 << 20  # bytes in which delimiter, encoding and decimal mark are looked for
LINES = 200
NULLS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "-nan", "<NA>")
COMMENT = "#"  # begins lines before the header that are left out
DATE = re.compile(r"\d{4}-\d\d-\d\d.*")
NUMBER = re.compile(r"[-+]?[\d.,]+")
BLOCK = 1 << 24


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written."""

    delimiter: str
    encoding: str
    decimal: str | None  # the decimal mark that is stated or found; None if its first numbers show none, or both
    skipped: int = 0  # lines before the header


@dataclass(frozen=True, eq=False)
class CsvTable:
    """The table of a CSV file, and its decimal mark, which its texts have, too."""

    table: Any  # pyarrow.Table
    origin: RowOrigin
    decimal: str | None  # as of CsvFormat


def read_csv(path: Path, options: TableOptions) -> CsvTable:
    """The table of a CSV file; raises BadData, which names the line, for a file that is none.

    Columns that identify series are texts where numbers would lose some of their characters, such as 007.
    """
    import pyarrow as pa

    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            head = stream.read(HEAD)
    except (OSError, pa.ArrowException) as error:
        raise BadData(f"{path} cannot be read: {error}") from error
    written = csv_format(head, path, options.decimal)
    table = _read(path, written, {})
    if any("binary" in str(field.type) for field in table.schema):  # a character of another encoding after the head
        written = replace(written, encoding="cp1252")
        table = _read(path, written, {})
    zoned = [field.name for field in table.schema if pa.types.is_timestamp(field.type) and field.type.tz]
    if zoned:  # as texts, which tell the dates of a zone from times in UTC
        table = _read(path, written, dict.fromkeys(zoned, pa.dictionary(pa.int32(), pa.string())))
    table = _without_unnamed(_with_missing(table), path)
    _check_header(table.column_names, path, written)
    texts_of = partial(_texts, path, written)
    if written.delimiter == ";" and written.decimal is None:
        check_thousands(table, path, texts_of)
    table = with_texts_of_ids(table, options, texts_of)
    unit = "line" if _rows_are_lines(path, table.num_rows, written.skipped) else "row"
    return CsvTable(table, RowOrigin(path.name, written.skipped + 2 if unit == "line" else 1, unit), written.decimal)


def _texts(path: Path, written: CsvFormat, names: Sequence[str]) -> Any:
    """Some columns of a file as the texts that it has."""
    import pyarrow as pa

    types = dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string()))
    return _with_missing(_read(path, written, types, names))


def csv_format(head: bytes, path: Path, decimal: str | None = None) -> CsvFormat:
    """How a file is written, of which `head` is the beginning; raises BadData for what is no table."""
    encoding = _encoding(head)
    if b"\0" in head and not encoding.startswith("utf-16"):
        raise BadData(f"{path} is not a text file; files of Excel and Parquet are recognised by .xlsx and .parquet")
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = text.splitlines()
    skipped = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith(COMMENT)), len(lines))
    lines = lines[skipped:]
    if not lines:
        raise BadData(f"{path} is empty")
    if not any(line.strip() for line in lines[1:]):
        raise BadData(f"{path} has no rows after the names of columns")
    lines = lines[: min(LINES, max(1, len(lines) - 1 if len(head) == HEAD else len(lines)))]
    return _format_of_lines(lines, encoding, decimal, skipped, path)


def _format_of_lines(lines: list[str], encoding: str, decimal: str | None, skipped: int, path: Path) -> CsvFormat:
    """The delimiter by which most lines have as many fields as the first, or one that no line has."""
    rows = {mark: _rows(lines, mark) for mark in DELIMITERS}
    agreement = {mark: _agreement([len(row) for row in rows[mark]]) for mark in DELIMITERS}
    most, _ = max(agreement.values())
    best = [mark for mark in DELIMITERS if agreement[mark][0] == most]
    if most and len(best) > 1:  # as a comma in the header and decimal commas
        best = [mark for mark in best if _have_dates(rows[mark])] or best
    delimiter = max(best, key=lambda mark: (agreement[mark][1], mark != ","))
    if not most:
        text = "".join(lines)
        delimiter = next((mark for mark in reversed(DELIMITERS) if mark not in text), delimiter)
        if all(len(line.split()) > 1 for line in lines if line.strip()):
            raise BadData(
                f"{path}: {lines[0][:40]!r} has no delimiter; separate the columns by ',', ';', '|' or tabs, in "
                "pandas: pd.read_csv(path, sep=r'\\s+')"
            )
    fields = (field for row in rows[delimiter][1:] for field in row)
    return CsvFormat(delimiter, encoding, decimal or mark_of_fields(fields, delimiter, path), skipped)


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(head) > 1 and head[1::2].count(0) > 0.9 * len(head[1::2]):
        return "utf-16-le"
    if len(head) > 1 and head[::2].count(0) > 0.9 * len(head[::2]):
        return "utf-16-be"
    for cut in range(4):  # a character may end after the head
        try:
            head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return "utf-8"
    return "cp1252"


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The fields of each line that is not empty."""
    return [row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter) if row]


def _have_dates(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column has dates, in which no delimiter is left."""
    import pyarrow as pa

    columns = [[field for field in column if field.strip()] for column in zip(*rows[1:], strict=False)]
    whole = [column for column in columns if not any(mark in field for field in column for mark in DELIMITERS)]
    return any(is_time(pa.chunked_array([pa.array(column, pa.string())])) for column in whole)


def _agreement(counts: list[int]) -> tuple[float, int]:
    """How many lines have as many fields as the first, and how many these are; nothing where it is one."""
    if not counts or counts[0] < 2:
        return 0.0, 0
    return sum(count == counts[0] for count in counts) / len(counts), counts[0]


def _read(path: Path, written: CsvFormat, types: dict[str, Any], names: Sequence[str] = ()) -> Any:
    """The columns of these names, or all of them, as these types where they are stated."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    wrong: list[Any] = []

    def skip(row: Any) -> str:
        if not wrong:
            wrong.append(row)
        return "skip"

    parse = pacsv.ParseOptions(delimiter=written.delimiter, newlines_in_values=True, invalid_row_handler=skip)
    convert = pacsv.ConvertOptions(
        null_values=list(NULLS),
        strings_can_be_null=False,  # "NA" may be the id of a series
        quoted_strings_can_be_null=True,
        auto_dict_encode=True,
        auto_dict_max_cardinality=1 << 20,
        decimal_point=written.decimal or ".",
        column_types=types,
        include_columns=list(names),
    )
    for threads in (True, False):  # without threads, the number of a wrong line is known
        read = pacsv.ReadOptions(
            use_threads=threads, block_size=BLOCK, encoding=written.encoding, skip_rows=written.skipped
        )
        try:
            with pa.input_stream(str(path), compression="detect") as stream:
                table = pacsv.read_csv(stream, read_options=read, parse_options=parse, convert_options=convert)
        except (OSError, pa.ArrowException) as error:
            raise BadData(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        if not wrong:
            return table
        if threads:
            wrong.clear()
    row = wrong[0]
    where = "" if row.number is None else f", line {row.number + written.skipped}"
    raise BadData(
        f"{path}{where}: {row.actual_columns} fields instead of {row.expected_columns} separated by "
        f"{written.delimiter!r}; correct the line, or put texts with {written.delimiter!r} in quotes"
    )


def _with_missing(table: Any) -> Any:
    """The table with empty texts as missing values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for i, field in enumerate(table.schema):
        column = table[i]
        if pa.types.is_dictionary(field.type):
            column = column.unify_dictionaries()
            empty = column.chunk(0).dictionary.index("").as_py() if column.num_chunks else -1
            if empty >= 0:
                table = table.set_column(i, field.name, pa.chunked_array([_without(c, empty) for c in column.chunks]))
        elif pa.types.is_string(field.type):
            table = table.set_column(i, field.name, pc.if_else(pc.equal(column, ""), None, column))
    return table


def _without(encoded: Any, code: int) -> Any:
    """A dictionary array with missing values instead of one of its texts."""
    import pyarrow as pa

    codes = encoded.indices.fill_null(code).to_numpy()
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes == code), encoded.dictionary)


def _without_unnamed(table: Any, path: Path) -> Any:
    """The table without columns that have neither a name nor a value, and without a first one of row numbers."""
    for i in reversed(range(table.num_columns)):
        if table.column_names[i].strip():
            continue
        values = table[i]
        is_index = i == 0 and str(values.type) == "int64" and values.null_count == 0
        if is_index:
            numbers = values.to_numpy()
            is_index = bool(
                ((np.diff(numbers) > 0) | (numbers[1:] == numbers[0])).all()
            )  # or of frames below each other
        if not is_index and values.null_count < len(values):
            raise BadData(f"{path}: column {i + 1} has no name in the first line; write one there")
        table = table.remove_column(i)
    return table


def _check_header(names: Sequence[str], path: Path, written: CsvFormat) -> None:
    """Raise BadData for a first line of numbers, or with dates."""
    line = written.skipped + 1
    if all(NUMBER.fullmatch(name.strip()) for name in names):
        raise BadData(f"{path}, line {line}: the first line has no names of columns; write them there")
    dates = [name for name in names if DATE.fullmatch(name.strip())]
    if dates:
        raise BadData(
            f"{path}, line {line}: {dates[0]!r} is a date, not the name of a column; write names in the first line, or "
            "if each column is a time, transpose the table, in pandas: frame.melt(id_vars=id, var_name='time')"
        )


def _rows_are_lines(path: Path, rows: int, skipped: int) -> bool:
    """Whether each line after the header is a row: none is empty, or part of a field of several lines."""
    import mmap

    if path.suffix.lower() in COMPRESSED:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = len(data)
        while end and data[end - 1] in b"\r\n\0":
            end -= 1
        lines = 1 + sum(data[i : min(i + BLOCK, end)].count(b"\n") for i in range(0, end, BLOCK))
    return lines == skipped + 1 + rows
