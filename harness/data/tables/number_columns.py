"""The numbers of a table: columns of numbers, of true and false, and of numbers that are written as texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.data.tables.findings import Finding
from harness.data.tables.rows import RowOrigins
from harness.errors import BadData
from harness.fields.errors import short_repr

MISSING = frozenset(
    ("", "-", "--", ".", "na", "n/a", "nan", "null", "none", "nil", "#n/a", "?", "missing", "-nan", "<na>")
)
PLAIN = re.compile(r"[-+−]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
GROUPED = {
    ".": re.compile(r"[-+−]?[1-9]\d{0,2}([,' \u00a0\u202f]\d{3})+(\.\d+)?"),
    ",": re.compile(r"[-+−]?[1-9]\d{0,2}([.' \u00a0\u202f]\d{3})+(,\d+)?"),
}
COMMA = re.compile(r"[-+−]?\d+,\d+")
UNCLEAR = re.compile(r"[-+−]?[1-9]\d{0,2}([.,])\d{3}")  # 1,234 is a number of thousands, or one with decimals
WITH_UNIT = re.compile(r"[€$£¥]\s?[-+]?\d[\d.,' ]*|[-+]?\d[\d.,' ]*\s?[%€$£¥]")
SAMPLE = 1000  # texts by which a column is recognised as numbers


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """The numbers of the rows of a table."""

    values: Floats  # (row,); NaN is a missing value
    findings: tuple[Finding, ...] = ()


def is_number(column: Any) -> bool:
    """Whether a column has numbers, or texts that are numbers."""
    import pyarrow as pa

    kind = column.type
    if (
        pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    ):
        return True
    if pa.types.is_null(kind):
        return True
    if not is_text(column):
        return False
    texts = [text for text in column.drop_null().slice(0, SAMPLE).unique().to_pylist() if not is_missing(text)]
    numbers = [text for text in texts if _is_numeric(text.strip())]
    return len(numbers) > len(texts) / 2


def is_text(column: Any) -> bool:
    """Whether a column has texts, also as the categories of a data frame."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view())


def check_units(column: Any, name: str, origins: RowOrigins) -> None:
    """Raise BadData for texts that are numbers with a sign of a currency or of percent, which are no classes."""
    texts = column.slice(0, SAMPLE).to_pylist()
    row = next((i for i, text in enumerate(texts) if text is not None and WITH_UNIT.fullmatch(str(text))), None)
    if row is not None:
        raise BadData(
            f"{origins.place(row)}: {short_repr(texts[row])} in column {name!r} has a sign of a unit; write numbers "
            f"alone, in pandas: frame[{name!r}] = frame[{name!r}].str.replace(r'[%€$£¥ ]', '', regex=True)"
        )


def number_column(column: Any, name: str, decimal: str | None, origins: RowOrigins) -> NumberColumn:
    """The numbers of a column; raises BadData for a value that is none, which names the row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_text(column):
        return _of_texts(column, name, decimal, origins)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if not is_number(column):
        raise BadData(f"column {name!r} has values of type {column.type}, which are no numbers")
    values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return NumberColumn(np.asarray(values, dtype=np.float64))


def check_infinite(values: Floats, name: str, origins: RowOrigins) -> None:
    """Raise BadData for infinite values of a column."""
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise BadData(
            f"{origins.place(row)}: column {name!r} has the value {values[row]}, which cannot be scored; leave it "
            "empty if it is missing, in pandas: frame = frame.replace([np.inf, -np.inf], np.nan)"
        )


def is_missing(text: str) -> bool:
    """Whether a text among numbers is a missing value."""
    return text.strip().lower() in MISSING


def _is_numeric(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in (PLAIN, COMMA, *GROUPED.values()))


def _of_texts(column: Any, name: str, decimal: str | None, origins: RowOrigins) -> NumberColumn:
    """Texts as numbers, of which each distinct one is read once."""
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    texts = [text.strip() for text in encoded.dictionary.to_pylist()]
    numbers = [text for text in texts if not is_missing(text)]
    mark = decimal or _decimal_mark(numbers, name)
    read = np.full(len(texts) + 1, np.nan)  # the last one is that of missing values
    for i, text in enumerate(texts):
        if is_missing(text):
            continue
        number = _number(text, mark)
        if number is None:
            row = int(np.argmax(codes == i))
            raise BadData(
                f"{origins.place(row)}: {short_repr(text)} in column {name!r} is not a number; correct it, or leave "
                "the value empty if it is missing"
            )
        read[i] = number
    has_missing = len(numbers) < len(texts)
    unclear = [text for text in numbers if UNCLEAR.fullmatch(text) and not (has_missing and mark in text)]
    unusual = [text for text in numbers if not PLAIN.fullmatch(text)] or unclear
    example = next(iter(unusual if has_missing or unusual else numbers), None)
    what = f"the texts of column {name!r} are read as numbers"
    if example is not None:
        what += f": {short_repr(example)} is {_number(example, mark):g}"
    elif numbers:
        what += f": {short_repr(next(text for text in texts if is_missing(text)))} is a missing value"
    effect, remedy = "the series has these numbers", "if they are others, state the decimal mark by --decimal"
    return NumberColumn(read[codes], (Finding("changed", "numbers as texts", what, effect, remedy),))


def _decimal_mark(texts: list[str], name: str) -> str:
    """The decimal mark of numbers in texts; raises BadData where that is unclear."""
    numbers = [text for text in texts if _is_numeric(text)]  # what is none is found later
    others = [text for text in numbers if not PLAIN.fullmatch(text) or UNCLEAR.fullmatch(text)]
    if not others:
        return "."
    marks = clear_marks(numbers)
    if len(marks) == 1:
        return marks.pop()
    if all(PLAIN.fullmatch(text) for text in others) and not marks:
        return "."  # numbers such as 1.234 among others without a thousands separator
    raise BadData(
        f"the numbers of column {name!r}, such as {short_repr(others[0])}, may have the decimal mark '.' or ','; say "
        "which by --decimal"
    )


def clear_marks(texts: Iterable[str]) -> set[str]:
    """The decimal marks of texts that are numbers with one of both marks only; numbers of thousands fit both."""
    clear = [text for text in texts if _is_numeric(text) and not UNCLEAR.fullmatch(text)]
    fitting = [[mark for mark in ".," if _fits(text, mark)] for text in clear]
    return {marks[0] for marks in fitting if len(marks) == 1}


def _fits(text: str, mark: str) -> bool:
    return _number(text, mark) is not None


def _number(text: str, mark: str) -> float | None:
    """A text as a number with this decimal mark; None if it is none."""
    if GROUPED[mark].fullmatch(text):
        text = re.sub(r"[' \u00a0\u202f]", "", text).replace("," if mark == "." else ".", "")
    text = text.replace("−", "-")
    if mark == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    return float(text) if PLAIN.fullmatch(text) else None
