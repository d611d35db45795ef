"""The seasonal phase of each forecast step, by its calendar name (hour, weekday, month, quarter) where it has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from harness.analysis.slicing.groups import Grouping
from harness.arrays import Ints, Times
from harness.data.calendar import advance
from harness.evaluation.outcomes import Actuals

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
SECONDS = 86_400  # of a day
DAY = np.timedelta64(1, "D")


class Names(NamedTuple):
    """The calendar names of the phases of a season."""

    number: Callable[[Times], Ints]  # the phase of each time, in the order of the season
    name: Callable[[int], str]  # the name of a phase


def by_season(actuals: Actuals, gap: int, season_length: int) -> Grouping:
    """By hour, weekday, month or quarter where the season is a day, a week or a year of the calendar.

    Otherwise by phase 0 … m − 1, counted from the start of each series.
    """
    steps = actuals.cutoffs[:, None] + gap + np.arange(actuals.values.shape[1])  # from the series' start
    numbers: Ints = steps % season_length
    phase_name: Callable[[int], str] = str
    if actuals.start is not None and actuals.freq is not None:
        names = _names(advance(actuals.start[:1], actuals.freq, np.arange(season_length + 1)[None])[0])
        if names is not None:
            times = advance(actuals.start[actuals.series], actuals.freq, steps)
            numbers, phase_name = names.number(times), names.name
    present, index = np.unique(numbers, return_inverse=True)
    return Grouping(tuple(phase_name(int(phase)) for phase in present), index.reshape(steps.shape).astype(np.int64))


def _names(season: Times) -> Names | None:
    """The names of the phases, from the times of one season and of the first step of the next."""
    span, phases = season[-1] - season[0], len(season) - 1
    if span == DAY and (np.diff(season) == span / phases).all():
        return Names(_second_of_day, _clock)
    if span == 7 * DAY:
        if phases <= len(DAYS):
            return Names(_weekday, lambda day: DAYS[day])
        return Names(_second_of_week, lambda second: f"{DAYS[second // SECONDS][:3]} {_clock(second % SECONDS)}")
    months = season.astype("datetime64[M]").astype(np.int64)
    if months[-1] - months[0] == 12 and phases == 12:
        return Names(_month, lambda month: MONTHS[month])
    if months[-1] - months[0] == 12 and phases == 4:
        return Names(lambda times: _month(times) // 3, lambda quarter: f"Q{quarter + 1}")
    return None


def _second_of_day(times: Times) -> Ints:
    seconds: Ints = (times - times.astype("datetime64[D]")).astype("timedelta64[s]").astype(np.int64)
    return seconds


def _weekday(times: Times) -> Ints:
    days: Ints = (times.astype("datetime64[D]").astype(np.int64) + 3) % 7  # day 0 was a Thursday
    return days


def _second_of_week(times: Times) -> Ints:
    return _weekday(times) * SECONDS + _second_of_day(times)


def _month(times: Times) -> Ints:
    months: Ints = times.astype("datetime64[M]").astype(np.int64) % 12
    return months


def _clock(second: int) -> str:
    text = f"{second // 3600:02d}:{second // 60 % 60:02d}"
    return text if second % 60 == 0 else f"{text}:{second % 60:02d}"
