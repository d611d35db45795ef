"""What came of holding ours against published numbers: for the terminal, and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from harness.report.numbers import fixed

if TYPE_CHECKING:
    from harness.verification.comparison import CaseResult

STYLES = {"holds": "green", "fails": "red", "not available": "yellow"}
COLUMNS: dict[str, tuple[Literal["left", "right"], int]] = {  # and how wide, so that tables align
    "": ("left", 28),
    "quantity": ("left", 19),
    "ours": ("right", 11),
    "published": ("right", 11),
    "difference": ("right", 10),
}


def findings_tables(findings: Iterable[CaseResult]) -> Iterator[Table]:
    """A table for each source, all of one width."""
    for source, mine in groupby(findings, key=lambda one: one.source):
        title = Text(source.title, style="bold not italic")
        title.append(f"  {source.reference}\n{source.setting}", style="not bold dim")
        table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, collapse_padding=True)
        for heading, (side, width) in COLUMNS.items():
            table.add_column(heading, justify=side, width=width, overflow="fold")
        table.add_column("verdict", no_wrap=True)
        shown = ""
        for one in mine:
            table.add_row(*_cells(one, shown), Text(one.verdict, style=STYLES[one.verdict]))
            shown = one.of
        yield table


def conclusions(findings: Sequence[CaseResult]) -> list[str]:
    """Why some could not be computed, each reason once, and at last how many hold."""
    verdicts = [one.verdict for one in findings]
    reasons: dict[str, dict[str, None]] = {}  # and the titles of whom they concern
    for one in findings:
        if one.reason:
            reasons.setdefault(one.reason, {})[one.source.title] = None
    counted = f"{verdicts.count('holds')} of {len(verdicts)} published numbers hold to the digits given"
    why = [f"{' · '.join(titles)}: {reason}" for reason, titles in reasons.items()]
    return [*why, f"{counted}, {verdicts.count('fails')} fail, {verdicts.count('not available')} are not available"]


def findings_csv(findings: Iterable[CaseResult]) -> str:
    """One row a number: where it is from, ours and theirs, the verdict."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    headings = ["source", "setting", "reference", "of", "quantity", "ours", "published", "digits", "difference"]
    writer.writerow([*headings, "verdict", "reason"])
    for one in findings:
        source = one.source.title, one.source.setting, one.source.reference
        ours, difference = ("" if math.isnan(value) else repr(value) for value in (one.ours, one.difference))
        published = f"{one.published:.{one.digits}f}"
        told = one.of, one.quantity, ours, published, one.digits, difference, one.verdict, one.reason
        writer.writerow([*source, *told])
    return file.getvalue()


def _cells(one: CaseResult, shown: str) -> list[str]:
    of = "" if one.of == shown else one.of
    difference = f"{one.difference:+.1e}" if one.difference else "0"
    difference = "–" if math.isnan(one.difference) else difference
    return [of, one.quantity, fixed(one.ours, one.digits), fixed(one.published, one.digits), difference]
