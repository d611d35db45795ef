"""Whether the series of a file or a data frame have calendar covariates by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.data.tables.frequencies import longer_season, season_length
from harness.data.tables.seasons import Searchable, compare_seasons

if TYPE_CHECKING:
    from harness.data.tables.reading import TableReading

MOST_ROWS = 2_000_000  # each of which has up to eight values more
WHY = (
    "the time of day and of the week are known covariates: values differ by the weekday, and lags cover a day; "
    "--no-calendar leaves them out"
)
TOO_LARGE = (
    "without the time of day and of the week as known covariates, which would multiply the memory of this data; "
    "--calendar adds them"
)


def with_default_calendar(reading: TableReading, steps: int, reasons: list[str]) -> TableReading:
    """The series with calendar covariates, if they are of hours or minutes and have a week before the last `steps`.

    The lags of forecasters cover the week of daily data. Where values do not differ by the weekday, the covariates made
    forecasts worse rather than better.
    """
    lengths, rows = reading.lengths, reading.rows
    if lengths is None or rows is None or reading.calendar_problem() is not None:
        return reading
    day, week = season_length(rows.freq), longer_season(rows.freq)
    if week == 1 or reading.season_length >= week:
        return reading
    targets = [i for i, channel in enumerate(reading.channels) if channel.role == "target"]
    before = Searchable(rows.values, targets, rows.offsets[:-1], np.maximum(lengths - steps, 0))
    if compare_seasons(before, day, week, shortest=week - 2 * day).length == 1:
        return reading
    if lengths.sum() > MOST_ROWS:
        reasons.append(TOO_LARGE)
        return reading
    reasons.append(WHY)
    return reading.with_calendar()
