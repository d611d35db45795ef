"""The bins that times are combined in, which are the steps of a frequency; they are those of `resample` of pandas."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.arrays import Ints, Times
from harness.data.tables.zones import in_zone


def bins(times: Times, freq: str, zone: str | None) -> tuple[Ints, Times, str | None]:
    """The number of the bin of each time, the times of the bins, and the zone of these.

    All series have the same bins. Ends of months, quarters and years, and weeks, which are named by their last day, end
    with that day; others begin with their time. Days and longer steps are those of the zone of the times, which are of
    UTC: their bins are dates, without a zone. Parts of days are counted from midnight of the zone before all times.
    """
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq)
    if isinstance(offset, pd.offsets.Tick) and not isinstance(offset, pd.offsets.Day):
        step, origin = pd.Timedelta(offset).value, _midnight(times, zone)
        at = (times - origin).astype(np.int64) // step
        return at, np.asarray(origin + (at * step).astype("m8[ns]")), zone
    local = times if zone is None else in_zone(times, zone).tz_localize(None).to_numpy(dtype="M8[ns]")
    first, base = pd.Timestamp(local.min()), offset.base
    last = pd.Timestamp(local.max()) + offset
    grid = pd.date_range(base.rollback(first.normalize()), last, freq=base).to_numpy(dtype="M8[ns]")
    if _has_ends(offset):
        steps = np.searchsorted(grid, local.astype("M8[D]").astype("M8[ns]"), side="left")
        at = -((steps.min() - steps) // offset.n)
    else:
        steps = np.searchsorted(grid, local, side="right") - 1
        at = (steps - steps.min()) // offset.n
    return at, grid[steps.min() + at * offset.n], None


def is_in_days(freq: str) -> bool:
    """Whether the steps of a frequency are days or longer on the calendar."""
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq)
    return isinstance(offset, pd.offsets.Day) or not isinstance(offset, pd.offsets.Tick)


def _has_ends(offset: Any) -> bool:
    """Whether the time of a step of an offset is its last day."""
    import pandas as pd

    ends = pd.offsets
    kinds = (ends.Week, ends.MonthEnd, ends.QuarterEnd, ends.YearEnd, ends.BMonthEnd, ends.BQuarterEnd, ends.BYearEnd)
    return isinstance(offset, kinds)


def _midnight(times: Times, zone: str | None) -> Times:
    """The last midnight of a zone at the first of times of UTC; a later time where the clocks skip it."""
    first = times.min(keepdims=True)
    if zone is None:
        return np.asarray(first.astype("M8[D]").astype("M8[ns]"))
    local = in_zone(first, zone).tz_localize(None).normalize()
    start = local.tz_localize(zone, ambiguous=np.array([True]), nonexistent="shift_forward")
    return np.asarray(start.tz_convert(None).to_numpy(dtype="M8[ns]"))
