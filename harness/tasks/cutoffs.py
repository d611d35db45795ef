"""Cutoffs: dates as cutoffs, whether cutoffs are simultaneous, and whether a panel has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.arrays import Ints
from harness.data.calendar import advance
from harness.data.numbers import NotNumbers, whole_numbers
from harness.data.panel import Panel
from harness.errors import BadInput, BadTask
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


def checked_windows(panel: Panel, series: ArrayLike, cutoffs: ArrayLike) -> tuple[Ints, Ints]:
    """The series and cutoffs of windows as arrays (window,); raises BadInput for those that the panel does not have."""
    series, cutoffs = _whole_numbers(series, "series"), _whole_numbers(cutoffs, "cutoffs")
    if series.ndim != 1 or series.shape != cutoffs.shape:
        raise BadInput(
            f"series and cutoffs must have one element a window, not the shapes {series.shape} and {cutoffs.shape}"
        )
    wrong = (series < 0) | (series >= len(panel))
    if wrong.any():
        raise BadInput(
            f"series must be positions from 0 to {len(panel) - 1}, the series of the panel, not {series[wrong][0]}"
        )
    lengths = panel.lengths[series]
    outside = (cutoffs < 1) | (cutoffs > lengths)
    if outside.any():
        window = int(np.argmax(outside))
        raise BadInput(
            f"cutoff {cutoffs[window]} of series {panel.ids[series[window]]!r} is not from 1 to {lengths[window]}, the "
            "number of observations of this series"
        )
    return series, cutoffs


def _whole_numbers(values: ArrayLike, what: str) -> Ints:
    try:
        return whole_numbers(values)
    except NotNumbers as error:
        raise BadInput(f"{what} must be an array of whole numbers; it {error}") from None
