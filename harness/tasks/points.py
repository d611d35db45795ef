"""Points in time: which windows are forecast at the same time, and which rows of all series are known then."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from harness.arrays import Ints, Times
from harness.data.calendar import advance
from harness.data.panel import Panel


def points_in_time(panel: Panel, series: Ints, cutoffs: Ints) -> Ints:
    """Which point in time each window is forecast at, (window,): 0 for the earliest.

    Windows of different series are at the same point if the first steps after their cutoffs have the same time; without
    a calendar, if start and cutoff have the same sum.
    """
    starts = panel.start[series]
    if not len(series) or (starts == starts[0]).all():  # so that no calendar is needed
        return np.unique(cutoffs, return_inverse=True)[1].astype(np.int64)
    return np.unique(advance(starts, panel.freq, cutoffs), return_inverse=True)[1].astype(np.int64)


def rows_known(panel: Panel, series: int, cutoff: int) -> Ints:
    """How many rows of each series are before the first step after a cutoff of one of them, (series,)."""
    start = panel.start[series]
    if (panel.start == start).all():
        return np.minimum(panel.lengths, cutoff)
    if panel.freq is None:
        return np.asarray(np.clip(start + cutoff - panel.start, 0, panel.lengths), dtype=np.int64)
    time = advance(panel.start[series : series + 1], panel.freq, np.array([cutoff]))[0]
    counts = np.empty(len(panel), dtype=np.int64)
    for first in np.unique(panel.start):
        begun = panel.start == first
        counts[begun] = np.searchsorted(_times(first, panel.freq, int(panel.lengths[begun].max())), time, side="left")
    return np.minimum(counts, panel.lengths)


@lru_cache(maxsize=256)
def _times(start: np.datetime64, freq: str, length: int) -> Times:
    """The times of a series of this length."""
    times: Times = advance(np.array([start]), freq, np.arange(length)[None, :])[0]
    return times
