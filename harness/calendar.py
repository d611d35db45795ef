"""Timestamps, frequencies and dates: the one module that needs pandas, and only for calendars."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from harness.arrays import Ints, Times
from harness.errors import BadData, BadTask

if TYPE_CHECKING:
    from harness.panel import Panel

FIRST_YEAR, LAST_YEAR = np.datetime64("1678"), np.datetime64("2261")  # in nanoseconds since 1970


def advance(start: Times, freq: str | None, steps: Ints) -> Times:
    """The time `steps[i]` steps after `start[i]`; steps may have more axes behind the first."""
    steps = np.asarray(steps, dtype=np.int64)
    origin = start.reshape(start.shape + (1,) * (steps.ndim - start.ndim))
    if freq is None:
        return np.asarray(origin + steps)
    if not steps.any():
        return np.asarray(np.broadcast_to(origin, steps.shape).astype("datetime64[ns]"))
    fixed = _fixed_step(freq)
    if fixed is not None:
        return np.asarray(origin.astype("datetime64[ns]") + steps * fixed)
    return _advance_by_calendar(start, freq, steps)


@lru_cache(maxsize=64)
def _fixed_step(freq: str) -> np.timedelta64 | None:
    """The length of a step where all are equally long, None for months, quarters, business days."""
    import pandas as pd

    try:
        offset = pd.tseries.frequencies.to_offset(freq)
    except ValueError:
        raise BadData(
            f"{freq!r} is no frequency; use a pandas offset alias such as h, D, W-SAT, MS, QS or YS"
        ) from None
    if isinstance(offset, pd.offsets.Week):
        return np.timedelta64(7 * 86_400 * 10**9 * offset.n, "ns")
    if isinstance(offset, pd.offsets.Day):
        return np.timedelta64(86_400 * 10**9 * offset.n, "ns")
    if isinstance(offset, pd.offsets.Tick):
        return np.timedelta64(pd.Timedelta(offset).value, "ns")
    return None


def _advance_by_calendar(start: Times, freq: str, steps: Ints) -> Times:
    import pandas as pd

    result = np.empty(steps.shape, dtype="datetime64[ns]")
    if len(steps) and int(steps.min()) < 0:
        raise ValueError("a calendar is walked forward only")
    for first in np.unique(start):
        mine = start == first
        times = pd.date_range(first, periods=int(steps[mine].max()) + 1, freq=freq)
        if times[0] != first:
            raise BadData(f"a series starts at {first}, which is no time of frequency {freq!r}; the next is {times[0]}")
        result[mine] = times.to_numpy(dtype="datetime64[ns]")[steps[mine]]
    return result


def observations_until(panel: Panel, date: str) -> Ints:
    """The number of observations of each series up to a date, all of it: a day ends with its last hour.

    Raises BadTask if the text is no date or the panel has no calendar.
    """
    if panel.freq is None:
        raise BadTask(f"the date {date!r} means nothing here: the series are numbered, not dated; give a row count")
    after = _first_moment_after(date)
    counts = np.empty(len(panel), dtype=np.int64)
    lengths = panel.lengths
    for i in range(len(panel)):
        times = advance(panel.start[i : i + 1], panel.freq, np.arange(lengths[i])[None, :])[0]
        counts[i] = int(np.searchsorted(times, after, side="left"))
    return counts


def _first_moment_after(date: str) -> np.datetime64:
    try:
        named = np.datetime64(date if date[:1].isdigit() else "none")  # NumPy also takes "today", and "" for NaT
    except ValueError:
        raise BadTask(f"{date!r} is no date; write it as 2017-10-01 or 2017-10-01T12:00") from None
    if not FIRST_YEAR <= named.astype("datetime64[Y]") <= LAST_YEAR:
        raise BadTask(f"the date {date!r} lies outside of the years {FIRST_YEAR} to {LAST_YEAR} that timestamps span")
    after: np.datetime64 = (named + 1).astype("datetime64[ns]")
    return after


def aligned(panel: Panel, series: Ints, cutoffs: Ints) -> bool:
    """Whether these cutoffs, one a series, are at the same moment in time."""
    if len(series) <= 1:
        return True
    if panel.freq is None:
        return len(np.unique(panel.start[series] + cutoffs)) == 1
    return len(np.unique(advance(panel.start[series], panel.freq, cutoffs))) == 1
