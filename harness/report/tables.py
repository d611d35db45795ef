"""Tables as CSV and as Markdown, and lists of names in a sentence."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence


def csv_table(headings: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV: numbers in full, yes or no for truth values, nothing for None and NaN."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([_csv_value(value) for value in row] for row in rows)
    return file.getvalue()


def _csv_value(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else value


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[bool]) -> Iterator[str]:
    """The lines of a table in Markdown; cells are Markdown already."""
    yield _markdown_row(map(markdown_text, headings))
    yield "|" + "".join("---|" if side else "--:|" for side in left)
    yield from map(_markdown_row, rows)


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown_text(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def markdown_list(lines: Iterable[str]) -> str:
    """A list of texts in Markdown."""
    return "\n".join(f"- {markdown_text(line)}" for line in lines)


def some_of(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
