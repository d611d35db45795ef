"""Tables as CSV and as Markdown, and lists of names in a sentence."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from numbers import Number

from harness.fields.names import joined_names
from harness.report.text import visible

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # a spreadsheet computes a cell that starts so
# characters that Markdown does not show as they are; an underscore inside of a word stays
MARKDOWN = re.compile(r"[\\`*\[\]~|$]|(?<![^\W_])_|_(?![^\W_])")
BLOCK = re.compile(
    r"[#>]|[+-](?=[\s+-]|$)|\d+(?=[.)])"
)  # what starts a heading, a quotation or a list at the start of a line


def csv_table(headings: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV: numbers in full, yes or no for booleans, nothing for None and NaN.

    A text that a spreadsheet would compute as a formula starts with an apostrophe, and control characters are visible.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(_csv_text, headings))
    writer.writerows([_csv_value(value) for value in row] for row in rows)
    return file.getvalue()


def _csv_value(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, Number):
        return repr(float(value)) if isinstance(value, float) else value
    return _csv_text(str(value))


def _csv_text(text: str) -> str:
    """A text as a cell of CSV: no formula of a spreadsheet; numbers stay numbers."""
    formula = text.lstrip().startswith(FORMULA) or text.startswith(FORMULA)
    return ("'" if formula and not _is_number(text) else "") + visible(text, keep="\n\t")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[bool]) -> Iterator[str]:
    """The lines of a table in Markdown; cells are Markdown already."""
    yield _markdown_row(map(markdown_text, headings))
    yield "|" + "".join("---|" if side else "--:|" for side in left)
    yield from map(_markdown_row, rows)


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown_text(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    escaped = MARKDOWN.sub(r"\\\g<0>", text.replace("\n", " "))
    return visible(re.sub(r"&(?=#?\w+;)", "&amp;", escaped).replace("<", "&lt;"))


def markdown_line(text: str) -> str:
    """A text that Markdown shows as it is at the start of a heading or an item of a list."""
    text = text.strip()
    found = BLOCK.match(text)
    if found is None:
        return markdown_text(text)
    start, rest = found[0], text[found.end() :]
    return f"{start}\\{rest[0]}{markdown_text(rest[1:])}" if start.isdigit() else f"\\{start}{markdown_text(rest)}"


def markdown_list(lines: Iterable[str]) -> str:
    """A list of texts in Markdown."""
    return "\n".join(f"- {markdown_line(line)}" for line in lines)


def some_of(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return joined_names(names[:most]) + more
