"""How a table of data was read, and what its checks found, as text for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from harness.data.tables.findings import LEVELS
from harness.report.catalog.listings import listing
from harness.report.text import output_width, visible

if TYPE_CHECKING:
    from harness.data.tables.findings import Finding
    from harness.data.tables.reading import TableReading

HEADINGS = {"error": "to be mended first", "changed": "changed while reading", "note": "notes"}
ROLES = ("time", "id", "target", "known", "past", "static", "ignored")
MOST_COLUMNS = 12  # of a role that are listed


def reading_text(reading: TableReading) -> str:
    """Which column is what and why, and the series that they contain."""
    parts = [listing("columns", ("role", "column", "because"), _columns(reading))]
    if reading.rows is not None:
        parts.append("\n".join(["SERIES", *_facts(_series(reading)), ""]))
    return "\n".join(parts)


def findings_text(findings: Sequence[Finding]) -> str:
    """The findings of each level under a heading, with their effects and remedies."""
    lines: list[str] = []
    for level in LEVELS:
        found = [finding for finding in findings if finding.level == level]
        if found:
            lines += [HEADINGS[level].upper(), *(line for finding in found for line in _finding(finding)), ""]
    return "\n".join(lines) if lines else "The checks found nothing.\n"


def _columns(reading: TableReading) -> Iterator[tuple[str, str, str]]:
    columns = reading.columns
    for role in ROLES:
        value = getattr(columns, role)
        names = (value,) if isinstance(value, str) else value or ()
        kept = names if len(names) <= MOST_COLUMNS else names[: MOST_COLUMNS - 1]
        for name in kept:
            yield role, name, columns.reasons.get(name, "")
        if len(kept) < len(names):
            yield role, f"… and {len(names) - len(kept):,} more", ""
    for name in reading.calendar:
        yield "known", name, "computed from the times"


def _series(reading: TableReading) -> Iterator[tuple[str, str]]:
    """What the series of a table are, as pairs of a name and a text."""
    rows, lengths = reading.rows, reading.lengths
    assert rows is not None
    assert lengths is not None
    first, last = first_and_last_time(reading)
    ids = ", ".join(rows.ids[:3])
    yield "series", f"{len(rows.ids):,}: {ids}, …" if len(rows.ids) > 3 else f"{len(rows.ids):,}: {ids}"
    shortest, longest = int(lengths.min()), int(lengths.max())
    of_each = f"{longest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
    yield "observations", f"{int(lengths.sum()):,}, in each series {of_each}"
    yield "times", f"{first} to {last}"
    yield "frequency", "none: steps are numbered" if rows.freq is None else rows.freq
    steps = f"{reading.season_length:,} step{'s' if reading.season_length > 1 else ''}"
    yield "season length", f"{steps} ({reading.season_reason})"
    for channel in reading.channels:
        kind = "" if channel.categories is None else f", {len(channel.categories):,} classes"
        yield "channel", f"{channel.name} ({channel.role}{kind})"
    for name in reading.static or {}:
        yield "static", name
    ahead = int(rows.offsets[-1] - lengths.sum())
    if ahead:
        yield "rows ahead", f"{ahead:,} after the last actuals, which are not evaluated"


def first_and_last_time(reading: TableReading) -> tuple[str, str]:
    """The first and the last time of all series, up to the last actuals."""
    import numpy as np

    from harness.data.calendar import period
    from harness.data.tables.zones import time_text

    rows, lengths = reading.rows, reading.lengths
    assert rows is not None
    assert lengths is not None
    if rows.freq is None:
        assert rows.numbers is not None
        ends = rows.numbers.at(np.arange(len(lengths)), lengths - 1)
        return str(int(rows.numbers.first.min())), str(int(ends.max()))
    first, last = period(rows.start, rows.freq, np.zeros(len(lengths), dtype=np.int64), lengths - 1)
    return time_text(first, rows.zone), time_text(last, rows.zone)


def _facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Names and texts in two columns; the same name as above is left out."""
    lines: list[str] = []
    known = list(pairs)
    width = max(len(name) for name, _ in known)
    before = ""
    for name, text in known:
        label = name if name != before else ""
        lines += _wrapped(visible(text), f"  {label:<{width}}  ", " " * (width + 4))
        before = name
    return lines


def _finding(finding: Finding) -> Iterator[str]:
    yield from _wrapped(f"{finding.check}: {_sentence(finding.problem)}", "  ", "    ")
    if finding.effect:
        yield from _wrapped(f"Effect: {_sentence(finding.effect)}", "    ", "      ")
    if finding.remedy:
        yield from _wrapped(f"Remedy: {_sentence(finding.remedy)}", "    ", "      ")


def _sentence(text: str) -> str:
    return f"{visible(text).rstrip('.')}."


def _wrapped(text: str, first: str, others: str) -> list[str]:
    width = max(output_width(), 40)
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False) or [first]
