"""Numbers that are the digits of times: 2024013114, also with minutes and seconds."""

from __future__ import annotations

from functools import partial

import numpy as np

from harness.arrays import Bools, Ints, Times
from harness.data.tables.rows import RowOrigins
from harness.data.tables.zones import time_text
from harness.errors import BadData, Failure, attempt

FORMATS = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}  # by their digits
FIRST_YEAR, LAST_YEAR = 1900, 2099  # Unix times of ten digits begin with such a year from 2030 to 2036 only


def calendar_times(values: Ints, name: str, origins: RowOrigins) -> Times | None:
    """The times of numbers such as 2024013114; None for others.

    Raises BadData where only the time of the day is wrong, such as 24 hours, or where Unix times fit as well.
    """
    low, high = int(values.min()), int(values.max())
    digits = len(str(high))
    if low <= 0 or len(str(low)) != digits or digits not in FORMATS:
        return None
    days = values // 10 ** (digits - 8)
    if days.min() // 10_000 < FIRST_YEAR or days.max() // 10_000 > LAST_YEAR:
        return None
    if isinstance(attempt(partial(_parsed, days, "%Y%m%d")), Failure):
        return None
    wrong = _have_wrong_clocks(values, digits)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadData(
            f"{origins.place(row)}: {values[row]} in column {name!r} has a date, and a time of the day that no clock "
            "shows; write hours from 0 to 23, or 2024-03-31T14:00"
        )
    times = _parsed(values, FORMATS[digits])
    if digits == 10 and not _are_regular(times):
        unix = np.datetime64(low, "s")
        raise BadData(
            f"the numbers of column {name!r}, such as {low}, may be times such as {time_text(times.min())} or Unix "
            f"times such as {time_text(unix)}; write them as 2024-03-31T14:00"
        )
    return times


def _parsed(values: Ints, written: str) -> Times:
    import pandas as pd

    unique, inverse = np.unique(values, return_inverse=True)
    times = pd.to_datetime(unique.astype(str), format=written).to_numpy(dtype="M8[ns]")
    return np.asarray(times[inverse])


def _have_wrong_clocks(values: Ints, digits: int) -> Bools:
    """Which numbers have more than 23 hours, 59 minutes or 59 seconds."""
    wrong = np.zeros(len(values), dtype=np.bool_)
    for place, most in zip(range(digits - 10, -1, -2), (23, 59, 59), strict=False):
        wrong |= values // 10**place % 100 > most
    return wrong


def _are_regular(times: Times) -> bool:
    """Whether half of the differences or more are the same, or all times are of the same hour of the day."""
    unique = np.unique(times)
    if len(unique) < 2:
        return False
    _, counts = np.unique(np.diff(unique), return_counts=True)
    hours = unique - unique.astype("M8[D]")
    return bool(2 * counts.max() >= len(unique) - 1 or (hours == hours[0]).all())
