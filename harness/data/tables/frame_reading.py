"""Data frames as series, with messages for users of Python."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from harness.data.tables.findings import check_findings
from harness.data.tables.frames import arrow_table
from harness.data.tables.options import TableOptions
from harness.data.tables.reading import TableReading, read_table
from harness.data.tables.rows import RowOrigins
from harness.errors import BadInput

OPTION = re.compile(r"--([a-z][a-z-]*)")
ARGUMENTS = {
    "wide": "layout='wide'",
    "day-first": "day_first=True",
    "month-first": "day_first=False",
    "season": "season_length=",
}


def read_frame(frame: object, options: TableOptions) -> TableReading:
    """The series of a data frame; messages name arguments instead of options of the command line."""
    try:
        reading = read_table(arrow_table(frame), options, RowOrigins())
    except BadInput as error:
        raise type(error)(_with_arguments(str(error))) from error
    findings = tuple(
        replace(
            finding,
            problem=_with_arguments(finding.problem),
            effect=_with_arguments(finding.effect),
            remedy=_with_arguments(finding.remedy),
        )
        for finding in reading.findings
    )
    return replace(reading, findings=findings)


def _with_arguments(text: str) -> str:
    """A text with arguments of Python, such as `time_zone=`, instead of options such as `--time-zone`."""
    return re.sub(OPTION, lambda match: f"`{ARGUMENTS.get(match[1], match[1].replace('-', '_') + '=')}`", text)


def frame_fields(frame: object, options: TableOptions) -> dict[str, Any]:
    """The arguments of the panel of a data frame; raises BadTable for what must be mended first."""
    reading = read_frame(frame, options)
    check_findings(reading.findings)
    return reading.panel_fields()
