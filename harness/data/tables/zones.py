"""Times on the clocks of a zone as UTC, so that steps have the same length over changes of the clock."""

from __future__ import annotations

import numpy as np

from harness.arrays import Bools, Ints, Times
from harness.data.tables.findings import Finding
from harness.data.tables.rows import RowOrigins
from harness.errors import BadData
from harness.fields.errors import did_you_mean

EFFECT = "steps have the same length over changes of the clock, and the season of a day moves by an hour there"


def zone_finding(name: str, what: str) -> Finding:
    """That the times of a column are read as UTC."""
    return Finding("changed", "time zone", f"column {name!r} has times {what}, which are read as UTC", EFFECT)


def are_dates(times: Times) -> bool:
    """Whether all times are at midnight."""
    return bool((times == times.astype("M8[D]")).all())


def localised(
    times: Times, codes: Ints, name: str, zone: str, origins: RowOrigins
) -> tuple[Times, tuple[Finding, ...]]:
    """Times (row,) on the clocks of a zone as UTC; dates stay as they are.

    `codes` are the series of the rows. Of an hour that the clocks showed twice, the rows of a series are in the order
    of the table: the first ones are those before the change. Raises BadData for times that the clocks never showed.
    """
    from zoneinfo import available_timezones

    import pandas as pd

    if are_dates(times):
        return times, ()
    unique, inverse = np.unique(times, return_inverse=True)
    try:
        index = pd.DatetimeIndex(unique)
        early, late = (
            index.tz_localize(zone, ambiguous=np.full(len(unique), is_first), nonexistent="NaT")
            .tz_convert("UTC")
            .tz_localize(None)
            .to_numpy(dtype="M8[ns]")[inverse]
            for is_first in (True, False)
        )
    except (ValueError, KeyError, TypeError) as error:
        hint = did_you_mean(zone, available_timezones()) or "use a name such as 'Europe/Berlin'"
        raise BadData(f"{zone!r} is not a time zone; {hint}".rstrip()) from error
    if np.isnat(early).any():
        row = int(np.argmax(np.isnat(early)))
        raise BadData(
            f"{origins.place(row)}: the clocks of {zone} never showed {str(times[row])[:19]}; leave out the time zone "
            "if the times are not those of these clocks"
        )
    order = np.argsort(codes, kind="stable")
    second = np.zeros(len(times), dtype=np.bool_)
    second[order] = _are_second(times[order], codes[order], (early != late)[order])
    return np.where(second, late, early), (zone_finding(name, f"on the clocks of {zone}"),)


def _are_second(times: Times, codes: Ints, is_twice: Bools) -> Bools:
    """Which rows of hours that clocks showed twice are of the second hour; rows are sorted by series.

    They are those from the first row on that is not later than the row before, up to the end of the hour.
    """
    result = np.zeros(len(times), dtype=np.bool_)
    rows = np.flatnonzero(is_twice)
    if not len(rows):
        return result
    follows = (np.diff(rows) == 1) & (codes[rows[1:]] == codes[rows[:-1]])
    turns = follows & (times[rows[1:]] <= times[rows[:-1]])
    run = np.concatenate([[0], np.cumsum(~follows)])  # rows that follow each other
    turned = np.cumsum(np.concatenate([[0], turns]))
    first_of_run = np.concatenate([[True], ~follows])
    result[rows] = turned - turned[first_of_run][run] > 0
    return result


def changes_of_clocks(times: Times) -> Bools:
    """Which times are in an hour that clocks of Europe or America show twice in autumn, (time,)."""
    month, day, weekday, hour = _parts(times)
    last_of_october = (month == 10) & (day > 24)
    first_of_november = (month == 11) & (day < 8)
    return np.asarray((weekday == 6) & (last_of_october | first_of_november) & (hour >= 1) & (hour < 3))


def hours_that_clocks_skip(times: Times) -> Bools:
    """Which times are in an hour that clocks of Europe or America skip in spring, (time,)."""
    month, day, weekday, hour = _parts(times)
    second_sunday = (day > 7) & (day < 15)
    return np.asarray((month == 3) & (weekday == 6) & (second_sunday | (day > 24)) & (hour >= 1) & (hour < 3))


def _parts(times: Times) -> tuple[Ints, Ints, Ints, Ints]:
    """The month, the day of the month, the weekday from Monday (0) on and the hour of times."""
    days = times.astype("M8[D]")
    months = days.astype("M8[M]")
    weekday = (days.astype(np.int64) + 3) % 7
    hour = (times - days).astype("m8[h]").astype(np.int64)
    return months.astype(np.int64) % 12 + 1, (days - months).astype(np.int64) + 1, weekday, hour
