"""Distances between cutoffs that are pandas offsets, as numbers of steps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from harness_fev.tasks import FevTask, refusal

FIELD = "window_step_size"


def steps_of(task: FevTask, times: Any) -> int:
    """The steps between cutoffs of a task that states them as a pandas offset, on series with these times.

    Raises BadInput for what is no offset, and for one that is not the same number of steps between all cutoffs.
    """
    import pandas as pd

    name, step = task.task_name, str(task.window_step_size)
    try:
        offset = pd.tseries.frequencies.to_offset(step)
    except ValueError as error:
        raise refusal(name, FIELD, f"{step!r} is no offset of pandas") from error
    freq = pd.infer_freq(pd.DatetimeIndex(times)) if len(times) > 2 else None
    if freq is None:
        raise refusal(name, FIELD, f"{step!r} needs data of a regular frequency")
    if offset.n < 1:
        raise refusal(name, FIELD, f"{step!r} must be positive")
    first = pd.Timestamp(str(task.initial_cutoff))
    cutoffs = [first, *(first + number * offset for number in range(1, max(task.num_windows, 2)))]
    grid = pd.date_range(pd.Timestamp(times[0]), cutoffs[-1], freq=freq)
    known = [int(grid.searchsorted(cutoff, side="right")) for cutoff in cutoffs]  # observations up to each cutoff
    steps = {later - earlier for earlier, later in pairwise(known)}
    if len(steps) != 1 or steps == {0}:
        counts = " and ".join(map(str, sorted(steps)))
        raise refusal(
            name, FIELD, f"{step!r} is no fixed number of steps of the frequency {freq}: cutoffs are {counts} apart"
        )
    return steps.pop()
