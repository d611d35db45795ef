"""All checks of a table: those of reading it, and those of its values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.data.calendar import advance
from harness.data.tables.files import read_file
from harness.data.tables.findings import LEVELS, Finding
from harness.data.tables.frame_reading import read_frame
from harness.data.tables.options import TableOptions
from harness.data.tables.pandas_lines import pandas_lines
from harness.data.tables.reading import TableReading, read_table
from harness.data.tables.value_checks import Values, value_findings


def check_table(reading: TableReading) -> tuple[Finding, ...]:
    """What was found in a table: errors, then changes, then notes."""
    found = [*reading.findings, *_value_findings(reading)]
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))


def _value_findings(reading: TableReading) -> list[Finding]:
    if reading.rows is None or reading.lengths is None:
        return []
    fields = reading.panel_fields()
    rows = reading.rows
    of_table = len(reading.channels) - len(reading.calendar)
    ahead = np.diff(rows.offsets) - reading.lengths
    return value_findings(
        Values(
            fields["ids"],
            fields["channels"][:of_table],
            fields["values"][:, :of_table],
            fields["offsets"],
            ahead,
            reading.up_to_actuals(rows.absent),
            fields["season_length"],
            rows.time_text,
            fields["freq"],
            None if rows.freq is None else advance(rows.start, rows.freq, reading.lengths - 1),
            rows.zone,
            pandas_lines(reading.columns),
        )
    )


def read_any(data: object, options: TableOptions) -> TableReading:
    """A file, a folder or a data frame; raises BadInput or BadData for what cannot be read."""
    if isinstance(data, str | Path):
        file = read_file(Path(data), options)
        return read_table(file.table, file.options, file.origins, file.reasons)
    return read_frame(data, options)
