"""Texts as times: ISO 8601, dates with the day or the month first, months, quarters and weeks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.arrays import Times
from harness.data.tables.zones import are_dates
from harness.errors import Failure, attempt

QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])|Q([1-4])[- /]?(\d{4})", re.IGNORECASE)
MONTH = re.compile(r"(\d{4})[- ]?M(\d\d?)", re.IGNORECASE)  # as Eurostat writes it
NAMED_MONTH = re.compile(r"[a-z]{3}[-/ '’]\d\d", re.IGNORECASE)  # such as Jan-24
WEEK = re.compile(r"(\d{4})-?W(\d\d)(?:-?([1-7]))?", re.IGNORECASE)
OFFSET = re.compile(r"(?<=\d)\s?(Z|[+-]\d\d:?\d\d)$")  # from UTC
OF_HOURS = re.compile(r"(T\d\d(\d\d){0,2}|:\d\d)([.,]\d+)?\s?[+-]\d\d$")  # ends in an offset without minutes
HAS_YEAR = re.compile(r"(?<!\w)(\d{4}|\d{8})(?!\d)")
SHORT_YEAR = re.compile(r"(\d{1,2}[./ -](\d{1,2}|[^\W\d_]{3,9})|[^\W\d_]{3})[./ '’-]\d\d\b", re.IGNORECASE)


def parsed_times(texts: Sequence[str], day_first: bool | None) -> tuple[Times, tuple[str, ...]]:
    """Distinct texts as times, and their distinct offsets from UTC; raises ValueError for others.

    With offsets, such as "+01:00" or "+01", the times are those of UTC. Dates and times without offsets have none.
    """
    import warnings

    import pandas as pd

    stripped = [OF_HOURS.sub(r"\g<0>:00", text.strip()) for text in texts]
    if not all(HAS_YEAR.search(text) or SHORT_YEAR.match(text) for text in stripped):
        raise ValueError("a text has no year")  # which pandas would take from today
    if all(QUARTER.fullmatch(text) for text in stripped):
        return np.array([_quarter(text) for text in stripped], "M8[ns]"), ()
    if all(MONTH.fullmatch(text) for text in stripped):
        stripped = [MONTH.sub(lambda match: f"{match[1]}-{int(match[2]):02d}", text) for text in stripped]
    if all(NAMED_MONTH.fullmatch(text) for text in stripped):
        named = [text[:3] + text[-2:] for text in stripped]
        return _without_zone(pd.to_datetime(named, format="%b%y")), ()
    if all(WEEK.fullmatch(text) for text in stripped):
        weeks = [_monday(text) for text in stripped]
        return np.array(weeks, "M8[ns]"), ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if day_first is None:
            local = [OFFSET.sub("", text) for text in stripped]
            times = attempt(lambda: _without_zone(pd.to_datetime(local, format="ISO8601")))
            if not isinstance(times, Failure):
                if local == stripped or are_dates(times):
                    return times, ()
                return _without_zone(pd.to_datetime(stripped, format="ISO8601", utc=True)), _offsets(stripped)
        index: Any = pd.to_datetime(stripped, dayfirst=bool(day_first))
    return _without_zone(index), () if index.tz is None else _offsets(stripped)


def _offsets(texts: Sequence[str]) -> tuple[str, ...]:
    """The distinct offsets from UTC at the end of texts: "UTC" or, for example, "+01:00"."""
    found = [match[1] if (match := OFFSET.search(text)) else "Z" for text in texts]
    full = {"UTC" if each.strip("+-:0") in ("", "Z") else f"{each[:3]}:{each[-2:]}" for each in found}
    return tuple(sorted(full))


def _without_zone(index: Any) -> Times:
    """The times of an index of pandas, in UTC if they have a zone; raises ValueError if one is missing."""
    index = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    if index.hasnans:
        raise ValueError("a text is no time")
    return np.asarray(index.to_numpy())  # in the unit of pandas, which has more years than nanoseconds


def _quarter(text: str) -> np.datetime64:
    """The first day of a quarter such as 2024Q1 or Q1 2024."""
    match = QUARTER.fullmatch(text)
    assert match is not None
    year, quarter = (match[1], match[2]) if match[1] else (match[4], match[3])
    return np.datetime64(f"{year}-{3 * int(quarter) - 2:02d}-01", "ns")


def _monday(text: str) -> np.datetime64:
    """The first day of an ISO week, or its day."""
    from datetime import date

    match = WEEK.fullmatch(text)
    assert match is not None
    return np.datetime64(date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1)), "ns")
