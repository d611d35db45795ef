"""Dates as texts, and the years that timestamps of nanoseconds can hold."""

from __future__ import annotations

import re
from datetime import datetime

FIRST_YEAR, LAST_YEAR = 1678, 2261  # the whole years of datetime64[ns]
DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?)?)?)?)?", re.ASCII)


def year_of(text: str) -> int | None:
    """The year of a date such as 2017, 2017-10-01 or 2017-10-01T12:00; None for a text that is no date."""
    found = DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = found.groups()
    try:
        return datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
        ).year
    except ValueError:
        return None
