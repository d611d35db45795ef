"""The decimal mark of a CSV file: that which its numbers show, or none where they fit both."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.tables.number_columns import clear_marks, is_missing, is_text
from harness.errors import BadData

THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}")  # 1.234, which has decimals or thousands
WHOLE = re.compile(r"[-+]?\d+")


def mark_of_fields(fields: Iterable[str], delimiter: str, path: Path) -> str | None:
    """The decimal mark that the first fields of a file show; None where they show none, or both.

    Raises BadData if files with semicolons, which are usual beside decimal commas, have numbers such as 1.234 only.
    """
    if delimiter == ",":
        return "."
    texts = sorted({field.strip() for field in fields})
    marks = clear_marks(texts)
    if len(marks) == 1:
        return marks.pop()
    points = [text for text in texts if THOUSANDS.fullmatch(text)]
    if delimiter == ";" and points and not marks:
        raise _unclear(points[0], path)
    return None


def check_thousands(table: Any, path: Path, texts_of: Callable[[Sequence[str]], Any]) -> None:
    """Raise BadData for a column of whole numbers and of numbers such as 1.234, which has decimals or thousands.

    `texts_of` gives the texts of columns, which those of numbers no longer have.
    """
    names = [name for name, count in Counter(table.column_names).items() if count == 1]  # others are refused later
    numbers = [name for name in names if _may_have_thousands(table[name])]
    read = texts_of(numbers) if numbers else None
    for name in names:
        if name not in numbers and not is_text(table[name]):
            continue
        column = read[name] if read is not None and name in numbers else table[name]
        texts = [text for text in column.drop_null().unique().to_pylist() if not is_missing(text)]
        points = [text for text in texts if THOUSANDS.fullmatch(text.strip())]
        if points and all(THOUSANDS.fullmatch(text.strip()) or WHOLE.fullmatch(text.strip()) for text in texts):
            raise _unclear(points[0], path, f" in column {name!r}")


def _may_have_thousands(column: Any) -> bool:
    """Whether numbers with a decimal point have at most three decimals, and those with decimals are below 1,000."""
    import pyarrow as pa

    if not pa.types.is_floating(column.type):
        return False
    values = np.abs(column.drop_null().to_numpy(zero_copy_only=False))
    values = values[np.isfinite(values)]
    rounded = np.round(values, 3)
    return bool(((values == np.floor(values)) | ((values == rounded) & (values >= 1) & (values < 1000))).all())


def _unclear(text: str, path: Path, where: str = "") -> BadData:
    return BadData(
        f"{path}: numbers such as {text!r}{where} may have the decimal mark '.' or ','; say which by --decimal"
    )
