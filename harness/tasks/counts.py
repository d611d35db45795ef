"""Checks of the whole numbers and dates in tasks."""

from __future__ import annotations

from harness.data.dates import FIRST_YEAR, LAST_YEAR, year_of
from harness.errors import BadTask
from harness.fields.errors import short_repr

MOST = 10**9


def check_counts(value: object, least: int, *names: str) -> None:
    """Raise BadTask where an attribute is neither None nor a count from `least` on."""
    for name in names:
        count = getattr(value, name)
        if count is not None and count > MOST:
            raise BadTask(f"{name} must be at most {MOST:,}, not {short_repr(count)}")
        if count is not None and count < least:
            raise BadTask(f"{name} must be at least {least:,}, not {short_repr(count)}")


def check_date(date: str) -> None:
    """Raise BadTask for a text that is no date, or a date that no timestamp can hold."""
    year = year_of(date)
    if year is None:
        raise BadTask(f"{short_repr(date)} is not a date; write it as 2017-10-01 or 2017-10-01T12:00")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise BadTask(f"the date {date!r} is outside of the range of timestamps, {FIRST_YEAR} to {LAST_YEAR}")
