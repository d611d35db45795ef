"""Dates as cutoffs, and whether cutoffs of several series are simultaneous."""

from __future__ import annotations

import numpy as np

from harness.arrays import Ints
from harness.data.calendar import advance
from harness.data.panel import Panel
from harness.errors import BadTask

FIRST_YEAR, LAST_YEAR = np.datetime64("1678"), np.datetime64("2261")  # in nanoseconds since 1970


def observations_until(panel: Panel, date: str) -> Ints:
    """The number of observations of each series up to the end of a date: a day ends with its last hour.

    Raises BadTask if the text is no date or the panel has no calendar.
    """
    if panel.freq is None:
        raise BadTask(f"the date {date!r} cannot be used: the series are numbered, not dated; give a row count")
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
        raise BadTask(f"{date!r} is not a date; write it as 2017-10-01 or 2017-10-01T12:00") from None
    if not FIRST_YEAR <= named.astype("datetime64[Y]") <= LAST_YEAR:
        raise BadTask(f"the date {date!r} is outside of the range of timestamps, {FIRST_YEAR} to {LAST_YEAR}")
    after: np.datetime64 = (named + 1).astype("datetime64[ns]")
    return after


def are_aligned(panel: Panel, series: Ints, cutoffs: Ints) -> bool:
    """Whether these cutoffs, one of each series, are at the same time."""
    if len(series) <= 1:
        return True
    if panel.freq is None:
        return len(np.unique(panel.start[series] + cutoffs)) == 1
    return len(np.unique(advance(panel.start[series], panel.freq, cutoffs))) == 1
