"""The times at which series start, as given → datetime64[ns], or integers where time has no calendar."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import Any

import numpy as np

from harness.arrays import Ints, Times
from harness.data.dates import FIRST_YEAR, LAST_YEAR, year_of
from harness.errors import BadData, Failure, attempt
from harness.fields.arguments import whole_number
from harness.fields.errors import FieldError, short_repr

FARTHEST = 2**62  # of numbered time
DATES = "a date without a time zone, such as 2024-03-30 or 2024-03-30T12:00"


def start_times(starts: Any, dated: bool) -> Times:
    """The start of each series, (series,); a single start is an array without axes.

    Raises BadData for what is no date, has a time zone, is missing, or is outside of the years of timestamps; and
    without a calendar for what is no whole number.
    """
    array = attempt(partial(np.asarray, starts))
    if isinstance(array, Failure) or array.ndim > 1 or np.ma.is_masked(starts):
        raise BadData(f"start must be one time, or a list of one time per series, not {short_repr(starts)}")
    if (array.dtype.kind == "M") != dated and array.dtype.kind in "Miu":
        raise BadData(
            "series start at dates exactly where the panel has a frequency: "
            + ("say their start, such as start='2024-03-30'" if dated else "say their freq, such as freq='D'")
        )
    if not dated:
        return array.astype(np.int64) if array.dtype.kind in "iu" and _are_near(array) else _numbers(array)
    if array.dtype.kind != "M":
        array = np.array([_timestamp(start) for start in array.ravel().tolist()], "M8[ns]").reshape(array.shape)
    return _in_range(array)


def _are_near(numbers: Any) -> bool:
    return bool((numbers <= FARTHEST).all() and (numbers >= -FARTHEST).all())


def _numbers(array: Any) -> Ints:
    numbers = []
    for start in array.ravel().tolist():
        try:
            number = whole_number(start)
        except FieldError as error:
            raise BadData(f"start {error.problem}; dates need a frequency, such as freq='D'") from None
        if abs(number) > FARTHEST:
            raise BadData(f"start must be between −2⁶² and 2⁶², not {short_repr(number)}")
        numbers.append(number)
    return np.array(numbers, np.int64).reshape(array.shape)


def _timestamp(start: object) -> np.datetime64:
    """A date or a text as datetime64, not yet in nanoseconds where that may overflow."""
    if isinstance(start, str):
        if year_of(start) is None:
            raise BadData(f"start must be {DATES}, not {short_repr(start)}")
        return _checked(np.datetime64(start), start)
    if isinstance(start, datetime) and start.tzinfo is not None:
        raise BadData(
            f"start must be {DATES}, not {short_repr(start)}; drop the time zone, in pandas by tz_localize(None)"
        )
    if isinstance(start, np.datetime64):
        return _checked(start, start)
    to_datetime64 = getattr(start, "to_datetime64", None)  # of pandas: it keeps nanoseconds
    if isinstance(start, date):
        return _checked(np.datetime64(start) if to_datetime64 is None else to_datetime64(), start)
    raise BadData(f"start must be {DATES}, not {short_repr(start)}")


def _checked(time: np.datetime64, start: object) -> np.datetime64:
    if np.isnat(time):
        raise BadData(f"start must be {DATES}, not {short_repr(start)}: it is missing")
    _in_range(np.asarray(time))
    nanoseconds: np.datetime64 = time.astype("M8[ns]")
    return nanoseconds


def _in_range(times: Times) -> Times:
    """The times in nanoseconds; raises BadData for one that is missing or would overflow."""
    if np.isnat(times).any():
        raise BadData(f"start must be {DATES}: one is missing (NaT)")
    years = times.astype("M8[Y]").astype(np.int64) + 1970
    outside = (years < FIRST_YEAR) | (years > LAST_YEAR)
    if outside.any():
        first = times[outside][0] if times.ndim else times[()]
        raise BadData(f"the start {first} is outside of the range of timestamps, {FIRST_YEAR} to {LAST_YEAR}")
    return times.astype("M8[ns]")
