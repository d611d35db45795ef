"""Times on the clocks of a zone as UTC, so that steps have the same length over changes of the clock."""

from __future__ import annotations

from typing import Any

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
    of the table: the first ones are those before the change, or after it where the times of the series mostly fall.
    Raises BadData for times that the clocks never showed.
    """
    import pandas as pd

    if are_dates(times):
        return times, ()
    checked_zone(zone)
    unique, inverse = np.unique(times, return_inverse=True)
    index = pd.DatetimeIndex(unique)
    early, late = (
        index.tz_localize(zone, ambiguous=np.full(len(unique), is_first), nonexistent="NaT")
        .tz_convert("UTC")
        .tz_localize(None)
        .to_numpy(dtype="M8[ns]")[inverse]
        for is_first in (True, False)
    )
    if np.isnat(early).any():
        row = int(np.argmax(np.isnat(early)))
        raise BadData(
            f"{origins.place(row)}: the clocks of {zone} never showed {str(times[row])[:19]}; leave out the time zone "
            "if the times are not those of these clocks"
        )
    order = _in_time(times, codes)
    second, unclear = np.zeros((2, len(times)), dtype=np.bool_)
    second[order], unclear[order] = _second_and_unclear(times[order], codes[order], (early != late)[order])
    findings = [zone_finding(name, f"on the clocks of {zone}")]
    if unclear.any():
        findings.append(_unclear_finding(times, unclear, zone, origins))
    return np.where(second, late, early), tuple(findings)


def checked_zone(zone: str) -> str:
    """The name of a time zone; raises BadData for a name of none."""
    from zoneinfo import available_timezones

    import pandas as pd

    try:
        pd.DatetimeIndex([]).tz_localize(zone)
    except (ValueError, KeyError, TypeError) as error:
        hint = did_you_mean(zone, available_timezones()) or "use a name such as 'Europe/Berlin'"
        raise BadData(f"{zone!r} is not a time zone; {hint}".rstrip()) from error
    return zone


def in_zone(times: Times, zone: str) -> Any:
    """Times of UTC as those of a zone, a DatetimeIndex of pandas."""
    import pandas as pd

    return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(zone)


def time_text(time: Any, zone: str | None = None) -> str:
    """A time in ISO 8601 to the second: a date where it is midnight, and a time of UTC with the offset of its zone."""
    if not isinstance(time, np.datetime64):
        return str(time)
    if zone is not None:
        return str(in_zone(np.array([time]), zone)[0].isoformat(timespec="seconds"))
    return str(time.astype("M8[s]")).removesuffix("T00:00:00")


def _unclear_finding(times: Times, unclear: Bools, zone: str, origins: RowOrigins) -> Finding:
    """That rows of an hour that the clocks showed twice may be before or after the change."""
    row, count = int(np.argmax(unclear)), int(unclear.sum())
    more = f"; {count:,} such rows" if count > 1 else ""
    problem = (
        f"{origins.place(row)}: the clocks of {zone} showed {time_text(times[row])} twice, and its series has it once, "
        f"which is read as the time before the change{more}"
    )
    example = in_zone(np.array([times[row]]), "UTC").tz_localize(None).tz_localize(zone, ambiguous=np.array([False]))
    remedy = f"write times with their offset from UTC, such as {example[0].isoformat(timespec='seconds')}"
    return Finding("changed", "daylight saving time", problem, "the time after the change has no row", remedy)


def _in_time(times: Times, codes: Ints) -> Ints:
    """The order of rows by series, and in a series that of the table, or the reverse where its times mostly fall."""
    order = np.argsort(codes, kind="stable")
    same = codes[order[1:]] == codes[order[:-1]]
    rises = np.sign(np.diff(times[order]).astype(np.int64)) * same
    falls: Bools = np.asarray(np.bincount(codes[order[1:]], weights=rises, minlength=codes.max() + 1) < 0)
    if not falls.any():
        return order
    rows = np.arange(len(codes))
    return np.asarray(np.lexsort((np.where(falls[codes], -rows, rows), codes)))


def _second_and_unclear(times: Times, codes: Ints, is_twice: Bools) -> tuple[Bools, Bools]:
    """Which rows of hours that clocks showed twice are of the second hour, and for which this is unclear.

    Rows are sorted by series. Those of the second hour are those from the first row on that is not later than the row
    before, up to the end of the hour. It is unclear where the hour of a series has no such row.
    """
    result, unclear = np.zeros((2, len(times)), dtype=np.bool_)
    rows = np.flatnonzero(is_twice)
    if not len(rows):
        return result, unclear
    follows = (np.diff(rows) == 1) & (codes[rows[1:]] == codes[rows[:-1]])
    turns = follows & (times[rows[1:]] <= times[rows[:-1]])
    run = np.concatenate([[0], np.cumsum(~follows)])  # rows that follow each other
    turns_of_rows = np.concatenate([[False], turns])
    turned = np.cumsum(turns_of_rows)
    first_of_run = np.concatenate([[True], ~follows])
    result[rows] = turned - turned[first_of_run][run] > 0
    unclear[rows] = ~np.isin(run, run[turns_of_rows])
    return result, unclear


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
