"""The times of a table: a column of dates, texts or numbers → datetime64[ns], or integers without a calendar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from harness.arrays import Times
from harness.data.dates import FIRST_YEAR, LAST_YEAR
from harness.data.tables.findings import Finding
from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RowOrigins
from harness.data.tables.zones import are_dates, zone_finding
from harness.errors import BadData, Failure, attempt
from harness.fields.errors import short_repr

QUARTER = re.compile(r"\d{4}[- ]?Q[1-4]", re.IGNORECASE)
WEEK = re.compile(r"(\d{4})-?W(\d\d)(?:-?([1-7]))?", re.IGNORECASE)
OFFSET = re.compile(r"(?<=\d)\s?(Z|[+-]\d\d:?\d\d)$")  # from UTC
SHORT_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}\b.*")
SAMPLE = 1000  # texts by which a column is recognised as times
UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}  # of Unix times, by their digits


@dataclass(frozen=True, eq=False)
class TimeColumn:
    """The times of the rows of a table."""

    values: Times  # (row,): datetime64[ns], or int64 without a calendar
    findings: tuple[Finding, ...] = ()
    is_local: bool = True  # whether they are times without a zone


def is_time(column: Any) -> bool:
    """Whether the column of a table has dates: by its type, or as texts that are dates."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return True
    if not _is_text(kind):
        return False
    texts = column.drop_null().slice(0, SAMPLE).unique().to_pylist()
    if not texts or any(re.fullmatch(r"[-+.\d]*", text) and len(text) != 8 for text in texts):
        return False
    return not isinstance(attempt(partial(_parsed, texts, None)), Failure)


def time_column(column: Any, name: str, options: TableOptions, origins: RowOrigins) -> TimeColumn:
    """The times of a column; raises BadData for what is no time, which names the row.

    Times with a zone are those of UTC, or the dates of the zone if all are at midnight there.
    """
    import pyarrow as pa

    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise BadData(f"{origins.place(row)}: column {name!r} has no time; remove the row, or write its time")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_date(kind):
        return TimeColumn(_in_years(column.cast(pa.timestamp("s")), name, origins))
    if pa.types.is_timestamp(kind):
        return _with_zone(column, name, origins)
    if pa.types.is_integer(kind):
        return _numbers(column, name, origins)
    if pa.types.is_floating(kind) and _are_whole(column):
        return _numbers(column.cast(pa.int64()), name, origins)
    if _is_text(kind):
        return _texts(column, name, options, origins)
    raise BadData(f"column {name!r} has values of type {kind}, which are no times; name another one as the time")


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view())


def _are_whole(column: Any) -> bool:
    values = column.drop_null().to_numpy(zero_copy_only=False)
    return bool(np.isfinite(values).all() and (values == np.floor(values)).all())


def _in_years(column: Any, name: str, origins: RowOrigins) -> Times:
    """Timestamps without a zone in nanoseconds; raises BadData for those outside of their range."""
    values = column.to_numpy(zero_copy_only=False)
    years = values.astype("M8[Y]").astype(np.int64) + 1970
    outside = ~np.isnat(values) & ((years < FIRST_YEAR) | (years > LAST_YEAR))
    if outside.any():
        row = int(np.argmax(outside))
        raise BadData(
            f"{origins.place(row)}: the time {values[row]} in column {name!r} is outside of the range of timestamps, "
            f"{FIRST_YEAR} to {LAST_YEAR}"
        )
    return np.asarray(values.astype("M8[ns]"))


def _with_zone(column: Any, name: str, origins: RowOrigins) -> TimeColumn:
    """Timestamps with or without a zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zone = column.type.tz
    if zone is None:
        return TimeColumn(_in_years(column, name, origins))
    local = _in_years(pc.local_timestamp(column), name, origins)
    if are_dates(local):
        return TimeColumn(local)
    plain = pa.timestamp(column.type.unit)
    utc = column.cast(pa.timestamp(column.type.unit, "UTC")).cast(plain)
    findings = () if zone == "UTC" else (zone_finding(name, f"of the zone {zone}"),)
    return TimeColumn(_in_years(utc, name, origins), findings, is_local=False)


def _numbers(column: Any, name: str, origins: RowOrigins) -> TimeColumn:
    """Whole numbers: years, dates such as 20240131, Unix times, or the numbers of steps."""
    values = column.to_numpy(zero_copy_only=False).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    digits = len(str(low))
    if _are_dates(values):
        dates = attempt(partial(_dates, values))
        if not isinstance(dates, Failure):
            what = (
                f"the numbers of column {name!r} are read as dates: {low} is {dates[np.argmin(values)].astype('M8[D]')}"
            )
            return TimeColumn(dates, (Finding("changed", "dates as numbers", what),))
    if digits in UNITS and len(str(high)) == digits and low > 0:
        times = values.astype(f"M8[{UNITS[digits]}]").astype("M8[ns]")
        example = times[np.argmin(values)].astype("M8[s]")
        what = f"the numbers of column {name!r} are read as Unix times: {low} is {example}"
        return TimeColumn(times, (Finding("changed", "dates as numbers", what),))
    return TimeColumn(values)


def _are_dates(values: Any) -> bool:
    low, high = int(values.min()), int(values.max())
    return len(str(low)) == len(str(high)) == 8 and low // 10_000 >= FIRST_YEAR and high // 10_000 <= LAST_YEAR


def _dates(values: Any) -> Times:
    """Dates of numbers such as 20240131."""
    import pandas as pd

    unique, inverse = np.unique(values, return_inverse=True)
    dates = pd.to_datetime(unique.astype(str), format="%Y%m%d").to_numpy(dtype="M8[ns]")
    return np.asarray(dates[inverse])


def _texts(column: Any, name: str, options: TableOptions, origins: RowOrigins) -> TimeColumn:
    """Texts, of which each distinct one is read once."""
    encoded = column.combine_chunks().dictionary_encode() if hasattr(column, "combine_chunks") else column
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    texts = encoded.dictionary.to_pylist()
    found: list[Finding] = []
    times = attempt(partial(_parsed, texts, _day_first(texts, name, options, found)))
    if isinstance(times, Failure):
        row = _first_unreadable(texts, codes, options.day_first)
        raise BadData(
            f"{origins.place(row)}: {short_repr(texts[codes[row]])} in column {name!r} is not a time like the others, "
            f"such as {short_repr(texts[0] if codes[row] else texts[-1])}; write all in one format, such as "
            "2024-03-31 or 2024-03-31T14:00"
        )
    values, zone = times
    result = values[codes]
    if zone:
        found.append(zone_finding(name, "with offsets from UTC"))
    return TimeColumn(result, tuple(found), is_local=not zone)


def _day_first(texts: Sequence[str], name: str, options: TableOptions, found: list[Finding]) -> bool | None:
    """Whether the day is first in dates such as 03/04/2024; raises BadData if that cannot be told."""
    parts = [match for text in texts if (match := SHORT_DATE.fullmatch(text.strip()))]
    if not parts or options.day_first is not None:
        return options.day_first
    firsts, seconds = (max(int(match[group]) for match in parts) for group in (1, 2))
    if firsts <= 12 and seconds <= 12:
        raise BadData(
            f"the dates of column {name!r}, such as {short_repr(parts[0][0])}, may have the day or the month first; "
            "say which by --day-first or --month-first, or write 2024-03-31"
        )
    order = "day" if firsts > 12 else "month"
    found.append(Finding("note", "order of dates", f"the dates of column {name!r} have the {order} first"))
    return firsts > 12


def _parsed(texts: Sequence[str], day_first: bool | None) -> tuple[Times, bool]:
    """Distinct texts as times, and whether they have offsets from UTC; raises ValueError for others."""
    import warnings

    import pandas as pd

    stripped = [text.strip() for text in texts]
    if all(QUARTER.fullmatch(text) for text in stripped):
        quarters = pd.PeriodIndex([re.sub(r"[- ]", "", text.upper()) for text in stripped], freq="Q")
        return quarters.to_timestamp().to_numpy(dtype="M8[ns]"), False
    if all(WEEK.fullmatch(text) for text in stripped):
        weeks = [_monday(text) for text in stripped]
        return np.array(weeks, "M8[ns]"), False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if day_first is None:
            local = [OFFSET.sub("", text) for text in stripped]
            times = attempt(lambda: _nanoseconds(pd.to_datetime(local, format="ISO8601")))
            if not isinstance(times, Failure):
                if local == stripped or are_dates(times):
                    return times, False
                return _nanoseconds(pd.to_datetime(stripped, format="ISO8601", utc=True)), True
        index: Any = pd.to_datetime(stripped, dayfirst=bool(day_first))
    return _nanoseconds(index), index.tz is not None


def _nanoseconds(index: Any) -> Times:
    """The times of an index of pandas, in UTC if they have a zone."""
    index = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    return np.asarray(index.to_numpy(dtype="M8[ns]"))


def _monday(text: str) -> np.datetime64:
    """The first day of an ISO week, or its day."""
    from datetime import date

    match = WEEK.fullmatch(text)
    assert match is not None
    return np.datetime64(date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1)), "ns")


def _first_unreadable(texts: Sequence[str], codes: Any, day_first: bool | None) -> int:
    """The first row whose text cannot be read together with those before it, by bisection."""
    low, high = 0, len(texts)  # the first `low` can be read, the first `high` cannot
    while high - low > 1:
        middle = (low + high) // 2
        if isinstance(attempt(partial(_parsed, texts[:middle], day_first)), Failure):
            high = middle
        else:
            low = middle
    return int(np.argmax(codes == high - 1))
