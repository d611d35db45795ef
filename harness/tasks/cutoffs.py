"""Dates as cutoffs, and whether cutoffs of several series are simultaneous."""

from __future__ import annotations

import numpy as np

from harness.arrays import Ints
from harness.data.calendar import advance
from harness.data.panel import Panel
from harness.errors import BadTask
from harness.tasks.counts import check_date


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
    check_date(date)
    after: np.datetime64 = (np.datetime64(date) + 1).astype("datetime64[ns]")
    return after


def are_aligned(panel: Panel, series: Ints, cutoffs: Ints) -> bool:
    """Whether these cutoffs, one of each series, are at the same time."""
    if len(series) <= 1:
        return True
    if panel.freq is None:
        return len(np.unique(panel.start[series] + cutoffs)) == 1
    return len(np.unique(advance(panel.start[series], panel.freq, cutoffs))) == 1
