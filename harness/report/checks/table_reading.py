"""How a file was read, as lines: its columns, its series and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.data.tables.reading import TableReading

LEVELS = ("changed", "note")


def reading_lines(reading: TableReading, name: str) -> Iterator[str]:
    """A line on the columns, one on the series, and one for each finding that is no error, which is raised."""
    columns = reading.columns
    named = [(role, getattr(columns, role)) for role in ("id", "target", "known", "past", "static", "ignored")]
    roles = [] if columns.time is None else [f"time {columns.time}"]
    if columns.layout == "wide":
        roles.append(f"series {columns.reasons[columns.id[-1]].removeprefix('the names of ')}")
        named = [(role, names) for role, names in named if role not in ("id", "target")]
        named = [("id", columns.id[:-1]), *named]
    roles += [f"{role} {', '.join(names)}" for role, names in named if names]
    if reading.calendar:
        roles.append(f"calendar {', '.join(reading.calendar)}")
    yield f"{name}: {'; '.join(roles)}"
    rows = reading.rows
    if rows is not None:
        lengths = np.diff(rows.offsets) if reading.lengths is None else reading.lengths
        shortest, longest = int(lengths.min()), int(lengths.max())
        of_each = f"{longest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
        freq = f"frequency {rows.freq}" if rows.freq else "no calendar"
        yield (
            f"{len(rows.ids):,} series of {of_each} observations, {freq}, season length "
            f"{reading.season_length} ({reading.season_reason})"
        )
    for level in LEVELS:
        for finding in reading.findings:
            if finding.level == level:
                yield f"{level}: {finding}"
