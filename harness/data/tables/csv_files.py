"""CSV files with any delimiter, encoding, decimal mark and compression, read by PyArrow."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.tables.rows import RowOrigin
from harness.errors import BadData

DELIMITERS = (",", ";", "\t", "|")
HEAD = 1 << 20  # bytes in which delimiter, encoding and decimal mark are looked for
LINES = 200
NULLS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "-nan", "<NA>")
COMMA_NUMBER, POINT_NUMBER = re.compile(r"[-+]?\d+,\d+"), re.compile(r"[-+]?\d+\.\d+")
NUMBER = re.compile(r"[-+]?[\d.,]+")
BLOCK = 1 << 24


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written."""

    delimiter: str
    encoding: str
    decimal: str


def read_csv(path: Path, decimal: str | None) -> tuple[Any, RowOrigin]:
    """A CSV file as a pyarrow.Table; raises BadData, which names the line, for a file that is none."""
    import pyarrow as pa

    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            head = stream.read(HEAD)
    except (OSError, pa.ArrowException) as error:
        raise BadData(f"{path} cannot be read: {error}") from error
    if not head.strip():
        raise BadData(f"{path} is empty")
    written = csv_format(head, path, decimal)
    table = _read(path, written, {})
    zoned = [field.name for field in table.schema if pa.types.is_timestamp(field.type) and field.type.tz]
    if zoned:  # as texts, which tell the dates of a zone from times in UTC
        table = _read(path, written, {name: pa.dictionary(pa.int32(), pa.string()) for name in zoned})
    _check_header(table.column_names, path)
    unit = "row" if _has_other_lines(path) else "line"
    return table, RowOrigin(path.name, 2 if unit == "line" else 1, unit)


def csv_format(head: bytes, path: Path, decimal: str | None = None) -> CsvFormat:
    """How a file is written, of which `head` is the beginning; raises BadData for what is no table."""
    encoding = _encoding(head)
    if b"\0" in head and not encoding.startswith("utf-16"):
        raise BadData(f"{path} is not a text file; files of Excel and Parquet are recognised by .xlsx and .parquet")
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = text.splitlines()
    lines = lines[: min(LINES, max(1, len(lines) - 1 if len(head) == HEAD else len(lines)))]
    counts = {mark: _fields(lines, mark) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: _agreement(counts[mark]))
    return CsvFormat(delimiter, encoding, decimal or _decimal(lines[1:], delimiter))


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for cut in range(4):  # a character may end after the head
        try:
            head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return "utf-8"
    return "cp1252"


def _fields(lines: Sequence[str], delimiter: str) -> list[int]:
    """The number of fields of each line that is not empty."""
    return [len(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter) if row]


def _agreement(counts: list[int]) -> tuple[float, int]:
    """How many lines have as many fields as the first, and how many these are; nothing where it is one."""
    if not counts or counts[0] < 2:
        return 0.0, 0
    return sum(count == counts[0] for count in counts) / len(counts), counts[0]


def _decimal(lines: Sequence[str], delimiter: str) -> str:
    """A comma where fields such as 1,5 are numbers with a decimal comma."""
    if delimiter == ",":
        return "."
    fields = [field.strip() for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter) for field in row]
    numbers = [field for field in fields if NUMBER.fullmatch(field)]
    commas = [field for field in numbers if "," in field]
    clear = [field for field in commas if COMMA_NUMBER.fullmatch(field) and len(field.partition(",")[2]) != 3]
    others = any(POINT_NUMBER.fullmatch(field) for field in numbers)
    return "," if clear and not others and all(COMMA_NUMBER.fullmatch(field) for field in commas) else "."


def _read(path: Path, written: CsvFormat, types: dict[str, Any]) -> Any:
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
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        auto_dict_encode=True,
        auto_dict_max_cardinality=1 << 20,
        decimal_point=written.decimal,
        column_types=types,
    )
    for threads in (True, False):  # without threads, the number of a wrong line is known
        read = pacsv.ReadOptions(use_threads=threads, block_size=BLOCK, encoding=written.encoding)
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
    where = "" if row.number is None else f", line {row.number}"
    raise BadData(
        f"{path}{where}: {row.actual_columns} fields instead of {row.expected_columns} separated by "
        f"{written.delimiter!r}; correct the line, or put texts with {written.delimiter!r} in quotes"
    )


def _check_header(names: Sequence[str], path: Path) -> None:
    """Raise BadData for a first line of numbers, or without a name for a column."""
    if all(NUMBER.fullmatch(name.strip()) for name in names):
        raise BadData(f"{path}: the first line has no names of columns; write them there")
    for i, name in enumerate(names):
        if not name.strip():
            raise BadData(f"{path}: column {i + 1} has no name in the first line; write one there")


def _has_other_lines(path: Path) -> bool:
    """Whether lines are not rows: some are empty or have fields of several lines, or it is compressed."""
    import mmap

    with path.open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data.find(b"\n\n") >= 0 or data.find(b"\n\r\n") >= 0:
                return True
            return data.find(b'"') >= 0 and re.search(rb'"[^"\n]*\n', data) is not None
