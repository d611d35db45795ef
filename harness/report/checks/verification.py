"""Our numbers beside given ones: as tables for the terminal, and as CSV."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table

from harness.report.numbers import NOTHING, fixed
from harness.report.tables import csv_table
from harness.report.text import plain_text

if TYPE_CHECKING:
    from harness.verification.comparison import CaseResult, Verdict
    from harness.verification.published import Kind, Source

STYLES = {"holds": "green", "fails": "red", "error": "red", "skipped": "yellow"}
KINDS: dict[Kind, str] = {
    "published": "published numbers",
    "program": "outputs of other programs",
    "protocol": "results of published protocols or formulas",
    "count": "counts of windows",
}
TITLES: dict[Kind, str] = {"published": "published", "program": "output of", "protocol": "follows from", "count": ""}
COLUMNS: dict[str, tuple[Literal["left", "right"], int]] = {  # and their widths, so that tables align
    "": ("left", 28),
    "quantity": ("left", 19),
    "ours": ("right", 11),
    "given": ("right", 11),
    "difference": ("right", 10),
}
CSV_HEADINGS = (
    "source",
    "setting",
    "reference",
    "of",
    "quantity",
    "ours",
    "published",
    "digits",
    "difference",
    "verdict",
    "reason",
    "kind",
    "tolerance",
)


def verification_tables(results: Iterable[CaseResult]) -> Iterator[Table]:
    """A table for each source, all of one width."""
    for source, cases in groupby(results, key=lambda result: result.source):
        table = _empty_table(source)
        above = ""
        for result in cases:
            table.add_row(
                *map(plain_text, _cells(result, above)), plain_text(result.verdict, style=STYLES[result.verdict])
            )
            above = result.of
        yield table


def _empty_table(source: Source) -> Table:
    title = plain_text(source.title, style="bold not italic")
    setting = source.setting if source.tolerance is None else f"{source.setting}; holds within {source.tolerance:g}"
    title.append(plain_text(f"  {TITLES[source.kind]}: {source.reference}", setting, style="not bold dim"))
    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, collapse_padding=True)
    for heading, (side, width) in COLUMNS.items():
        table.add_column(heading, justify=side, width=width, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    return table


def _cells(result: CaseResult, above: str) -> list[str]:
    """The cells of a row; what the number is of is left out where the row above says the same."""
    of = "" if result.of == above else result.of
    numbers = fixed(result.ours, result.digits), fixed(result.published, result.digits)
    return [of, result.quantity, *numbers, _difference(result.difference)]


def _difference(value: float) -> str:
    if math.isnan(value):
        return NOTHING
    return f"{value:+.1e}" if value else "0"


def verification_lines(results: Sequence[CaseResult]) -> list[str]:
    """Why some numbers could not be computed, each reason once; then the verdicts of each kind, and of all."""
    verdicts = [result.verdict for result in results]
    reasons: dict[str, dict[str, None]] = {}  # and the titles of the sources concerned
    for result in results:
        if result.reason:
            reasons.setdefault(result.reason, {})[result.source.title] = None
    lines = [f"{' · '.join(titles)}: {reason}" for reason, titles in reasons.items()]
    for kind, names in KINDS.items():
        if of_kind := [result.verdict for result in results if result.kind == kind]:
            lines.append(_kind_summary(of_kind, names))
    computed = len(verdicts) - verdicts.count("skipped")
    within = any(result.source.tolerance is not None and not result.problem for result in results)
    precision = "to the digits given or within the tolerance" if within else "to the digits given"
    summary = [f"{verdicts.count('holds')} of {computed} numbers hold {precision}"]
    summary.append(f"{verdicts.count('fails')} fail")
    if errors := verdicts.count("error"):
        summary.append(f"{errors} could not be computed from altered data files")
    if skipped := verdicts.count("skipped"):
        summary.append(f"{skipped} skipped, data or results not available")
    return [*lines, ", ".join(summary)]


def _kind_summary(verdicts: Sequence[Verdict], names: str) -> str:
    """How many numbers of a kind hold, of those that were not skipped."""
    skipped = verdicts.count("skipped")
    if skipped == len(verdicts):
        return f"0 {names} were checked; {skipped} skipped, not available"
    line = f"{verdicts.count('holds')} of {len(verdicts) - skipped} {names} hold"
    return f"{line}; {skipped} skipped, not available" if skipped else line


def verification_csv(results: Iterable[CaseResult]) -> str:
    """One row a number: its source and kind, ours and the given one, the verdict."""
    return csv_table(CSV_HEADINGS, map(_csv_row, results))


def _csv_row(result: CaseResult) -> tuple[object, ...]:
    source = result.source.title, result.source.setting, result.source.reference
    published = f"{result.published:.{result.digits}f}"
    numbers = result.ours, published, result.digits, result.difference
    verdict = result.verdict, result.reason, result.kind, result.source.tolerance
    return *source, result.of, result.quantity, *numbers, *verdict
