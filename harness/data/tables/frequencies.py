"""The frequency of times: found from their differences, and the positions of times in steps of a frequency."""

from __future__ import annotations

from functools import partial

import numpy as np

from harness.arrays import Bools, Ints, Times
from harness.data.calendar import WEEKDAYS, frequency
from harness.data.tables.zones import are_dates
from harness.errors import Failure, attempt

NANOSECONDS = {"D": 86_400 * 10**9, "h": 3600 * 10**9, "min": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
DAY = NANOSECONDS["D"]
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
HEAD = 1000  # times that are looked at first
LEAST_SHARE = 0.5  # of the differences of times that must be one step
BUSINESS_WEEKS = 2  # without a Saturday or Sunday that tell business days
SEASONS = {
    "D": 7,
    "B": 5,
    "W": 1,
    "MS": 12,
    "ME": 12,
    "QS": 4,
    "QE": 4,
    "YS": 1,
    "YE": 1,
    "h": 24,
    "min": 1440,
    "s": 60,
}


def find_frequency(times: Times, offsets: Ints) -> str | None:
    """The frequency of times that rise in each series, as a pandas offset alias; None if they have none.

    At least half of the differences are one step, and all are whole numbers of steps.
    """
    inside = np.ones(max(len(times) - 1, 0), dtype=np.bool_)
    inside[offsets[1:-1] - 1] = False
    differences: Ints = np.diff(times.astype(np.int64))[inside].astype(np.int64)
    if not len(differences):
        return None
    if are_dates(times):
        days = times.astype("M8[D]")
        found = _calendar_frequency(days, inside)
        if found is not None:
            return found
    sizes, counts = np.unique(differences, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    if counts.max() < LEAST_SHARE * len(differences) or (sizes % step).any():
        return None
    return _fixed_frequency(step, times, offsets)


def _calendar_frequency(days: Times, inside: Bools) -> str | None:
    """Months, quarters, years or business days, of dates; None if they are none of these."""
    for end in "SE":
        if are_ends_of_months(days[:HEAD], end) and are_ends_of_months(days, end):
            months = days.astype("M8[M]").astype(np.int64)
            if months.min() < months.max():
                return _month_frequency(months, inside, end)
    weekday = (days.astype(np.int64) + 3) % 7
    span = int((days.max() - days.min()).astype(np.int64))
    if span >= 7 * BUSINESS_WEEKS and bool((weekday < 5).all()):
        steps = np.diff((days.astype(np.int64) + 3) // 7 * 5 + weekday)[inside]  # in business days
        if (steps == 1).mean() >= LEAST_SHARE:
            return "B"
    return None


def are_ends_of_months(days: Times, end: str) -> bool:
    """Whether all days are the first ("S") or the last ("E") ones of their months."""
    return not days_of_months(days if end == "S" else days + 1).any()


def days_of_months(times: Times) -> Ints:
    """The days of times in their months, from 0 on."""
    days = times.astype("M8[D]")
    return np.asarray((days - days.astype("M8[M]")).astype(np.int64))


def _month_frequency(months: Ints, inside: Bools, end: str) -> str | None:
    """Every month, quarter or year; `end` is "S" for their first day and "E" for their last one."""
    differences = np.diff(months)[inside]
    if (differences <= 0).any():
        return None
    sizes, counts = np.unique(differences, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    if counts.max() < LEAST_SHARE * len(differences) or (sizes % step).any():
        return None
    month, phases = int(months[0]), np.unique(months % step)
    if step in (3, 12) and len(phases) == 1:
        name = {3: "Q", 12: "Y"}[step] + end
        if end == "S":  # a quarter is named by its first months, a year by its first one
            anchor = MONTHS[month % 12] if step == 12 else MONTHS[month % 3]
            return name if anchor == "JAN" else f"{name}-{anchor}"
        anchor = MONTHS[month % 12] if step == 12 else MONTHS[month % 3 + 9]
        return name if anchor == "DEC" else f"{name}-{anchor}"
    return f"M{end}" if step == 1 else f"{step}M{end}"


def _fixed_frequency(step: int, times: Times, offsets: Ints) -> str:
    """A step of so many nanoseconds as an alias; weeks from the weekday of all series, or else days."""
    name = next(name for name, size in NANOSECONDS.items() if step % size == 0)
    count = step // NANOSECONDS[name]
    if name == "D" and count % 7 == 0:
        weekdays = np.unique((times[offsets[:-1]].astype("M8[D]").astype(np.int64) + 3) % 7)
        if len(weekdays) == 1:
            weeks = count // 7
            return f"{weeks if weeks > 1 else ''}W-{WEEKDAYS[int(weekdays[0])]}"
    return f"{count if count > 1 else ''}{name}"


def weekdays_of(times: Times, offsets: Ints) -> Ints:
    """The weekday of the first time of each series; 0 is Monday."""
    return np.asarray((times[offsets[:-1]].astype("M8[D]").astype(np.int64) + 3) % 7)


def positions(times: Times, offsets: Ints, freq: str | None) -> tuple[Ints, Bools, Times]:
    """The steps from the start of each series to each time, which times are between steps, and the starts.

    Each series has steps from its own start, also if these are of several days, weeks, months and so on.
    """
    starts = times[offsets[:-1]]
    ahead = (times - np.repeat(starts, np.diff(offsets))).astype(np.int64)
    if freq is None:
        return ahead, np.zeros(len(times), dtype=np.bool_), starts
    step = _fixed_length(freq)
    if step is not None:
        return ahead // step, ahead % step != 0, starts
    grid, count = _grid(times, freq)
    at = np.searchsorted(grid, times, side="right") - 1
    on = grid[at]
    steps = at - np.repeat(at[offsets[:-1]], np.diff(offsets))
    return steps // count, np.asarray((on != times) | (steps % count != 0)), on[offsets[:-1]]


def step_length(freq: str) -> int | None:
    """The nanoseconds of a step of days, business days or parts of days; None for other frequencies."""
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq)
    return int(offset.n * DAY) if isinstance(offset, pd.offsets.BusinessDay) else _fixed_length(freq)


def _fixed_length(freq: str) -> int | None:
    """The nanoseconds of a step that may start at any time, of days and parts of days; None for other frequencies."""
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq)
    if isinstance(offset, pd.offsets.Day):
        return int(offset.n * DAY)
    return int(pd.Timedelta(offset).value) if isinstance(offset, pd.offsets.Tick) else None


def _grid(times: Times, freq: str) -> tuple[Times, int]:
    """All single steps of a frequency from before the first time to after the last one, and how many its steps have."""
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq)
    first = offset.base.rollback(pd.Timestamp(times.min()).normalize())
    last = pd.Timestamp(times.max()) + offset.base
    return pd.date_range(first, last, freq=offset.base).to_numpy(dtype="M8[ns]"), offset.n


def season_length(freq: str | None) -> int:
    """The usual season of a frequency in steps: a day of hours and minutes, a week of days, a year of months."""
    import pandas as pd

    if freq is None:
        return 1
    offset = pd.tseries.frequencies.to_offset(freq)
    name = offset.rule_code.partition("-")[0] if offset.n == 1 else offset.base.rule_code.partition("-")[0]
    season = SEASONS.get(name, 1)
    if season % offset.n == 0 and season > 1:
        return int(season // offset.n)
    return 1


def longer_season(freq: str | None) -> int:
    """The week in steps of a frequency whose usual season is a day; 1 for other frequencies."""
    import pandas as pd

    day = season_length(freq)
    offset = pd.tseries.frequencies.to_offset(freq) if day > 1 else None
    return 7 * day if isinstance(offset, pd.offsets.Hour | pd.offsets.Minute) else 1


def seasons_of(freq: str | None, length: int) -> tuple[int, ...]:
    """A season length, and the usual and the longer season of a frequency, in ascending order and without 1."""
    return tuple(sorted({length, season_length(freq), longer_season(freq)} - {1}))


def customary_season(freq: str | None) -> int:
    """The season in steps that data of weeks often have, a year; 1 for other frequencies."""
    import pandas as pd

    offset = None if freq is None else pd.tseries.frequencies.to_offset(freq)
    weeks = 0
    if isinstance(offset, pd.offsets.Week):
        weeks = offset.n
    elif isinstance(offset, pd.offsets.Day):
        weeks = offset.n // 7 if offset.n % 7 == 0 else 0
    return 52 // weeks if weeks and 52 % weeks == 0 else 1


def is_frequency(freq: str) -> bool:
    """Whether a text is a pandas offset alias of a positive step."""
    return not isinstance(attempt(partial(frequency, freq)), Failure)
