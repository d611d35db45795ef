"""Calendar covariates: the time of day and the time of week of each step, as known covariates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from harness.arrays import Floats, Ints, Times
from harness.data.calendar import advance
from harness.data.channel import Channel
from harness.data.tables.frequencies import DAY, step_length
from harness.data.tables.zones import in_zone

PERIODS = (("time of day", DAY), ("time of week", 7 * DAY))  # nanoseconds
ORDER = 2  # sines and cosines of each period
MONDAY = 4 * DAY  # the first one after 1970-01-01


def calendar_channels(freq: str | None) -> tuple[Channel, ...]:
    """The known covariates of a frequency; none without times, and for steps of half a week or longer."""
    waves = _waves(freq)
    return tuple(Channel(f"{name} {wave} {k}", "known covariate") for name, _, k in waves for wave in ("sin", "cos"))


def calendar_values(start: Times, lengths: Ints, freq: str, zone: str | None) -> Floats:
    """The values of the channels of a frequency, (row, channel), in series of these starts and lengths.

    They are sin(2πkt / p) and cos(2πkt / p), where t is the time since Monday at 0:00 on the clocks of `zone`, p a day
    or a week, and k is 1 or 2. Without a zone, the times are those of the clocks; with one, they are of UTC.
    """
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    times = advance(np.repeat(start, lengths), freq, np.arange(lengths.sum()) - np.repeat(firsts, lengths))
    if zone is not None:
        times = in_zone(times, zone).tz_localize(None).to_numpy()
    since_monday = times.astype("M8[ns]").astype(np.int64) - MONDAY
    waves = _waves(freq)
    values = np.empty((len(times), 2 * len(waves)))
    for i, (_, period, k) in enumerate(waves):
        angle = 2 * np.pi * k * (since_monday % period / period)
        values[:, 2 * i], values[:, 2 * i + 1] = np.sin(angle), np.cos(angle)
    return values


def calendar_problem(freq: str | None, channels: Sequence[Channel], others: Iterable[str]) -> str | None:
    """Why a table cannot have calendar covariates; None if it can. `others` are names that are not of channels."""
    if freq is None:
        return "calendar covariates need times, and the table has none; name their column by --time"
    added = calendar_channels(freq)
    if not added:
        return (
            f"calendar covariates are for steps shorter than half a week, and the frequency is {freq!r}, whose season "
            "forecasters learn from lags"
        )
    classes = [channel.name for channel in channels if channel.role == "target" and channel.categories is not None]
    if classes:
        return f"calendar covariates are for targets that are numbers, and {classes[0]!r} has classes"
    names = {*others, *(channel.name for channel in channels)}
    taken = [channel.name for channel in added if channel.name in names]
    if taken:
        return f"a column is called {taken[0]!r}, which is the name of a calendar covariate; rename the column"
    return None


def _waves(freq: str | None) -> list[tuple[str, int, int]]:
    """The name and the length of each period, and how often its waves repeat in it: at least two steps each."""
    step = None if freq is None else step_length(freq)
    if step is None:
        return []
    return [(name, period, k) for name, period in PERIODS for k in range(1, ORDER + 1) if 2 * k * step < period]
