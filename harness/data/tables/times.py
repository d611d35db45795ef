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
from harness.data.tables.calendar_numbers import calendar_times
from harness.data.tables.findings import Finding
from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RowOrigins
from harness.data.tables.time_texts import parsed_times
from harness.data.tables.zones import are_dates, time_text, zone_finding
from harness.errors import BadData, Failure, attempt
from harness.fields.errors import short_repr

SHORT_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}\b.*")
NUMBER = re.compile(r"[-+]?\d*\.?\d*")
TIME_NAMES = ("time", "timestamp", "date", "datetime", "ds", "year", "month", "week", "day", "step", "t", "period")
YEAR_NAMES, MONTH_NAMES = ("year", "date", "ds", "period"), ("month", "date", "ds", "period")
MOST_STEPS = 2**62
SAMPLE = 1000  # texts by which a column is recognised as times
DATED, NUMBERED = "steps have the frequency of these dates", "if they are no dates, name another column by --time"
UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}  # of Unix times, by their digits


@dataclass(frozen=True, eq=False)
class TimeColumn:
    """The times of the rows of a table."""

    values: Times  # (row,): datetime64[ns], or int64 without a calendar
    findings: tuple[Finding, ...] = ()
    zone: str | None = None  # the zone that they had before they were read as UTC; None for dates and naive times
    day_first: bool = False  # texts that have the day first


def is_time(column: Any) -> bool:
    """Whether the column of a table has dates: by its type, or as texts that are dates."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return True
    if not _is_text(kind):
        return False
    texts = column.drop_null().slice(0, SAMPLE).unique().to_pylist()
    if not texts or any(NUMBER.fullmatch(text) and len(text) != 8 for text in texts):
        return False
    parsed = [attempt(partial(parsed_times, texts, day_first)) for day_first in (None, True)]
    return any(not isinstance(each, Failure) for each in parsed)


def time_column(column: Any, name: str, options: TableOptions, origins: RowOrigins) -> TimeColumn:
    """The times of a column; raises BadData for what is no time, which names the row.

    Times with a zone are those of UTC, or the dates of the zone if all are at midnight there.
    """
    import pyarrow as pa

    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise BadData(f"{origins.place(row)}: column {name!r} has no time; remove the row, or write its time")
    if pa.types.is_dictionary(column.type) and not _is_text(column.type):
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
    return TimeColumn(_in_years(utc, name, origins), findings, zone)


def _numbers(column: Any, name: str, origins: RowOrigins) -> TimeColumn:
    """Whole numbers: years, dates such as 20240131, times such as 2024013114, Unix times, or the numbers of steps."""
    values = column.to_numpy(zero_copy_only=False).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    digits = len(str(low))
    if high - low > MOST_STEPS:
        raise BadData(f"column {name!r} has the times {low} and {high}, which are too far apart; correct them")
    if name.lower() in YEAR_NAMES and low >= FIRST_YEAR and high <= LAST_YEAR:
        years = (values - 1970).astype("M8[Y]").astype("M8[ns]")
        return TimeColumn(years, (_as_dates(name, low, years.min()),))
    if name.lower() in MONTH_NAMES and low // 100 >= FIRST_YEAR and high // 100 <= LAST_YEAR and _have_months(values):
        dates = ((values // 100 - 1970) * 12 + values % 100 - 1).astype("M8[M]").astype("M8[ns]")
        return TimeColumn(dates, (_as_dates(name, low, dates.min()),))
    if _are_dates(values):
        dates = attempt(partial(_dates, values))
        if not isinstance(dates, Failure):
            return TimeColumn(dates, (_as_dates(name, low, dates.min()),))
    by_digits = calendar_times(values, name, origins)
    if by_digits is not None:
        return TimeColumn(by_digits, (_as_dates(name, low, by_digits.min()),))
    if digits in UNITS and len(str(high)) == digits and low > 0:
        times = values.astype(f"M8[{UNITS[digits]}]").astype("M8[ns]")
        example = times[np.argmin(values)].astype("M8[s]")
        what = f"the numbers of column {name!r} are read as Unix times: {low} is {example}"
        return TimeColumn(times, (Finding("changed", "dates as numbers", what, DATED, NUMBERED),))
    return TimeColumn(values)


def _as_dates(name: str, number: int, date: Any) -> Finding:
    what = f"the numbers of column {name!r} are read as dates: {number} is {time_text(date)}"
    return Finding("changed", "dates as numbers", what, DATED, NUMBERED)


def _have_months(values: Any) -> bool:
    """Whether all numbers end in a month, such as 202401."""
    return bool(((values % 100 >= 1) & (values % 100 <= 12)).all())


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
    import pyarrow as pa

    encoded = column.combine_chunks().dictionary_encode() if hasattr(column, "combine_chunks") else column
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    texts = encoded.dictionary.to_pylist()
    found: list[Finding] = []
    is_short = [SHORT_DATE.fullmatch(text.strip()) is not None for text in texts]
    if len(set(is_short)) > 1:
        raise _other_format(
            texts, int(np.argmax(codes == is_short.index(not is_short[codes[0]]))), codes, name, origins
        )
    day_first = _day_first(texts, name, options, found)
    times = attempt(partial(parsed_times, texts, day_first))
    if isinstance(times, Failure):
        raise _other_format(texts, _first_unreadable(texts, codes, day_first), codes, name, origins)
    values, offsets = times
    result = _in_years(pa.array(values[codes]), name, origins)
    if offsets and offsets != ("UTC",):
        found.append(zone_finding(name, "with offsets from UTC"))
    zone = None if not offsets else offsets[0] if len(offsets) == 1 else "UTC"
    return TimeColumn(result, tuple(found), zone, bool(day_first))


def _other_format(texts: Sequence[str], row: int, codes: Any, name: str, origins: RowOrigins) -> BadData:
    """The error of a text that is no time, or in another format than the others."""
    text = short_repr(texts[codes[row]])
    others = next((other for i, other in enumerate(texts) if i != codes[row]), None)
    what = "is not a time" if others is None else f"is not a time like the others, such as {short_repr(others)}"
    return BadData(
        f"{origins.place(row)}: {text} in column {name!r} {what}; write all in one format, such as 2024-03-31 or "
        f"2024-03-31T14:00, in pandas: frame[{name!r}] = pd.to_datetime(frame[{name!r}], format='mixed', dayfirst=True)"
    )


def _day_first(texts: Sequence[str], name: str, options: TableOptions, found: list[Finding]) -> bool | None:
    """Whether the day is first in dates such as 03/04/2024; raises BadData if that is unclear."""
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
    clear = next(match[0] for match in parts if int(match[1 if order == "day" else 2]) > 12)
    what = f"the dates of column {name!r} have the {order} first, as {short_repr(clear)} shows"
    remedy = "if that date is wrong, state the order by --day-first or --month-first"
    found.append(Finding("note", "order of dates", what, "all dates are read in this order", remedy))
    return firsts > 12


def _first_unreadable(texts: Sequence[str], codes: Any, day_first: bool | None) -> int:
    """The first row whose text cannot be read together with those before it, by bisection."""
    low, high = 0, len(texts)  # the first `low` can be read, the first `high` cannot
    while high - low > 1:
        middle = (low + high) // 2
        if isinstance(attempt(partial(parsed_times, texts[:middle], day_first)), Failure):
            high = middle
        else:
            low = middle
    return int(np.argmax(codes == high - 1))
