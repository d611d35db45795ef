"""Calendars: timestamps that are a number of steps of a frequency apart; the only module that needs pandas."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from harness.arrays import Ints, Times
from harness.errors import BadData


def advance(start: Times, freq: str | None, steps: Ints) -> Times:
    """The time `steps[i]` steps after `start[i]`; `steps` may have more axes after the first."""
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
    """The length of a step of a fixed frequency; None for months, quarters and business days."""
    import pandas as pd

    try:
        offset = pd.tseries.frequencies.to_offset(freq)
    except ValueError:
        raise BadData(
            f"{freq!r} is not a frequency; use a pandas offset alias such as h, D, W-SAT, MS, QS or YS"
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
        raise ValueError("steps of a calendar frequency must not be negative")
    for first in np.unique(start):
        selected = start == first
        times = pd.date_range(first, periods=int(steps[selected].max()) + 1, freq=freq)
        if times[0] != first:
            raise BadData(
                f"a series starts at {first}, which is not a time of frequency {freq!r}; the next is {times[0]}"
            )
        result[selected] = times.to_numpy(dtype="datetime64[ns]")[steps[selected]]
    return result
