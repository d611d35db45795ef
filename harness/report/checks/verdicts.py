"""Results of checks as rows of a table, of which each can be printed when it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table

from harness.report.text import plain_text

if TYPE_CHECKING:
    from harness.plugins.check_results import CheckResult

VERDICT = 11  # characters of the longest verdict
LEAST_DETAIL = 20  # characters


def verdict_heading(name: str, width: int) -> Group:
    """The title of the table, and the headings of its columns."""
    table = _table(width)
    table.add_row(*(plain_text(heading, style="bold") for heading in ("check", "verdict", "detail")))
    return Group(plain_text(f"check {name}", style="table.title"), table)


def verdict_row(result: CheckResult, width: int) -> Table:
    """What was checked, and whether it passed."""
    word = "unsupported" if result.passed and result.skipped else "passed" if result.passed else "FAILED"
    style = "yellow" if result.skipped else "green" if result.passed else "red"
    table = _table(width)
    table.add_row(plain_text(result.name), plain_text(word, style=style), plain_text(result.detail))
    return table


def _table(width: int) -> Table:
    """A table of one row, whose columns are as wide as in the others."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False, width=width)
    names = max((width - VERDICT - 6) // 2, LEAST_DETAIL)
    table.add_column(width=names, overflow="fold")
    table.add_column(width=VERDICT, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    return table
