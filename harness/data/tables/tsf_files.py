"""Files of the Monash forecasting archive (.tsf): a line for each series, after a header.

The format is described by R. Godahewa et al., Monash Time Series Forecasting Archive, NeurIPS 2021 (datasets).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.data.calendar import advance
from harness.errors import BadData

FREQUENCIES = {
    "yearly": "YS",
    "quarterly": "QS",
    "monthly": "MS",
    "weekly": "7D",
    "daily": "D",
    "hourly": "h",
    "half_hourly": "30min",
    "10_minutes": "10min",
    "minutely": "min",
    "4_seconds": "4s",
}
TIME, VALUE = "time", "value"


@dataclass
class _Header:
    attributes: list[tuple[str, str]] = field(default_factory=list)  # (name, type)
    frequency: str | None = None


def read_tsf(path: Path) -> tuple[Any, str | None]:
    """The file as a long pyarrow.Table, and its frequency; raises BadData, which names the line."""
    try:
        lines = path.read_text(encoding="utf-8", errors="strict").splitlines()
    except UnicodeDecodeError:
        lines = path.read_text(encoding="cp1252").splitlines()
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}") from error
    header, first = _header(lines, path)
    rows, values = [], []
    for number, line in enumerate(lines[first:], first + 1):
        if line.strip() and not line.startswith("#"):
            facts, series = _series(line, header, f"{path}, line {number}")
            rows.append(facts)
            values.append(series)
    if not rows:
        raise BadData(f"{path} has no series after @data")
    return _table(header, rows, values), header.frequency


def _header(lines: list[str], path: Path) -> tuple[_Header, int]:
    header = _Header()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key = words[0].lower()
        if key == "@data":
            return header, number
        if key == "@attribute" and len(words) == 3:
            header.attributes.append((words[1], words[2].lower()))
        elif key == "@frequency" and len(words) == 2:
            if words[1].lower() not in FREQUENCIES:
                known = ", ".join(FREQUENCIES)
                raise BadData(f"{path}, line {number}: the frequency {words[1]!r} is not known; it is one of {known}")
            header.frequency = FREQUENCIES[words[1].lower()]
        elif not key.startswith("@"):
            raise BadData(f"{path}, line {number}: the header has {line[:40]!r} before @data, not @attribute or @data")
    raise BadData(f"{path} has no line @data, so it is no file of the Monash archive")


def _series(line: str, header: _Header, where: str) -> tuple[list[Any], Floats]:
    """The attributes and the values of a line."""
    parts = line.strip().rsplit(":", maxsplit=len(header.attributes))
    if len(parts) != len(header.attributes) + 1:
        raise BadData(f"{where}: {len(parts) - 1} attributes instead of {len(header.attributes)}, separated by ':'")
    facts: list[Any] = []
    for text, (name, kind) in zip(parts[:-1], header.attributes, strict=True):
        try:
            facts.append(_date(text) if kind == "date" else float(text) if kind == "numeric" else text)
        except ValueError:
            raise BadData(f"{where}: {text!r} is no {kind} of attribute {name!r}") from None
    values = np.empty(parts[-1].count(",") + 1)
    for i, text in enumerate(parts[-1].split(",")):
        try:
            values[i] = np.nan if text.strip() in ("?", "NaN", "") else float(text)
        except ValueError:
            raise BadData(f"{where}: {text!r}, value {i + 1} of the series, is not a number") from None
    return facts, values


def _date(text: str) -> np.datetime64:
    """A time such as 2012-01-01 00-00-00."""
    day, _, time = text.strip().partition(" ")
    return np.datetime64(f"{day}T{time.replace('-', ':')}" if time else day, "ns")


def _table(header: _Header, rows: list[list[Any]], values: list[Floats]) -> Any:
    """A row for each value, with the attributes of its series."""
    import pyarrow as pa

    lengths = np.array([len(series) for series in values])
    codes = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
    steps = np.arange(lengths.sum()) - np.repeat(np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    columns: dict[str, Any] = {}
    for i, (name, kind) in enumerate(header.attributes):
        if kind != "date":
            facts = pa.array([row[i] for row in rows])
            columns[name] = (
                pa.DictionaryArray.from_arrays(pa.array(codes), facts) if kind == "string" else facts.take(codes)
            )
    dated = [i for i, (_, kind) in enumerate(header.attributes) if kind == "date"]
    if len(dated) == 1 and header.frequency is not None:
        starts = np.array([row[dated[0]] for row in rows], "M8[ns]")
        starts = _period_starts(starts, header.frequency)
        columns[TIME] = np.concatenate(
            [advance(starts[i : i + 1], header.frequency, np.arange(n)[None])[0] for i, n in enumerate(lengths)]
        )
    else:
        columns[TIME] = steps
    columns[VALUE] = np.concatenate(values)
    return pa.table(columns)


def _period_starts(starts: Any, frequency: str) -> Any:
    """The starts of series of months, quarters and years at the first day of each."""
    if frequency in ("MS", "QS", "YS"):
        months = starts.astype("M8[M]").astype(np.int64)
        size = {"MS": 1, "QS": 3, "YS": 12}[frequency]
        return (months // size * size).astype("M8[M]").astype("M8[ns]")
    return starts
