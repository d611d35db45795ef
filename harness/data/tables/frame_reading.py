"""Data frames as series, and messages for users of Python, which name arguments instead of options."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from harness.data.tables.findings import Finding, check_findings
from harness.data.tables.frames import arrow_table
from harness.data.tables.options import AGGREGATES, FILLS, TableOptions
from harness.data.tables.reading import TableReading, read_table
from harness.data.tables.rows import RowOrigins
from harness.errors import BadInput

VALUES = "|".join(  # of options, in messages
    (
        rf"--aggregate (?:{'|'.join(AGGREGATES)})\b",
        rf"--fill (?:{'|'.join(FILLS)})\b",
        r"--freq (?:\d*[A-Z]+(?:-[A-Z]{3})?|h|min|s)\b",
        r"--time-zone [A-Z]\w+/\w+",
        r"--season \d+",
    )
)
OPTION = rf"(?:{VALUES}|--[a-z][a-z-]*)"
OPTIONS = re.compile(rf"{OPTION}(?: {OPTION})*")
REPEATED = re.compile(r"repeat --([a-z]+): (--.+)")
ARGUMENTS = {
    "--wide": 'layout="wide"',
    "--long": 'layout="long"',
    "--day-first": "day_first=True",
    "--month-first": "day_first=False",
    "--season": "season_length=",
    "--calendar": "calendar=True",
    "--no-calendar": "calendar=False",
}


def read_frame(frame: object, options: TableOptions) -> TableReading:
    """The series of a data frame; messages name arguments of Python."""
    return read_for_python(lambda: read_table(arrow_table(frame), options, RowOrigins()))


def read_for_python(read: Callable[[], TableReading]) -> TableReading:
    """What `read` returns; its findings and errors name arguments of Python."""
    try:
        reading = read()
    except BadInput as error:
        error.args = (with_arguments(str(error)),)
        raise
    return replace(reading, findings=findings_with_arguments(reading.findings))


def findings_with_arguments(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings that name arguments of Python instead of options of the command line."""
    return tuple(
        replace(
            finding,
            problem=with_arguments(finding.problem),
            effect=with_arguments(finding.effect),
            remedy=with_arguments(finding.remedy),
        )
        for finding in findings
    )


def with_arguments(text: str) -> str:
    """A text with arguments, such as `freq="D"`, instead of options of the command line, such as --freq D."""
    text = REPEATED.sub(_list_argument, text)
    return OPTIONS.sub(lambda match: f"`{', '.join(map(_argument, re.findall(OPTION, match[0])))}`", text)


def _argument(option: str) -> str:
    """An option, with its value if it has one, as an argument."""
    name, _, value = option.partition(" ")
    if name in ARGUMENTS:
        return ARGUMENTS[name] + value
    argument = name.removeprefix("--").replace("-", "_")
    return f'{argument}="{value}"' if value else f"{argument}="


def _list_argument(match: re.Match[str]) -> str:
    """The repeated option of several columns as a list."""
    columns = [part for part in shlex.split(match[2]) if part != f"--{match[1]}"]
    return f"pass `{match[1]}={json.dumps(columns, ensure_ascii=False)}`"


def frame_fields(frame: object, options: TableOptions) -> dict[str, Any]:
    """The arguments of the panel of a data frame; raises BadTable for what must be mended first."""
    reading = read_frame(frame, options)
    check_findings(reading.findings)
    return reading.panel_fields()
