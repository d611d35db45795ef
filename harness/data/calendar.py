"""Calendars: timestamps that are a number of steps of a frequency apart; the only module that needs pandas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.arrays import Ints, Times
from harness.data.dates import LAST_YEAR
from harness.errors import BadData, Failure, attempt
from harness.fields.errors import short_repr

if TYPE_CHECKING:
    import pandas as pd

# Names of offsets before pandas 2.2, which the process of a forecaster may have, by their present names
FORMER_ALIASES = {
    "ME": "M",
    "QE": "Q",
    "YE": "A",
    "YS": "AS",
    "BME": "BM",
    "BQE": "BQ",
    "BYE": "BA",
    "BYS": "BAS",
    "SME": "SM",
    "CBME": "CBM",
}
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


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


def period(start: Times, freq: str, firsts: Ints, lasts: Ints) -> tuple[np.datetime64, np.datetime64]:
    """The earliest of the times `firsts[i]` steps after `start[i]`, and the latest of those `lasts[i]` steps after."""
    origins, series = np.unique(start, return_inverse=True)
    least, most = np.full(len(origins), np.iinfo(np.int64).max), np.full(len(origins), np.iinfo(np.int64).min)
    np.minimum.at(least, series, firsts)
    np.maximum.at(most, series, lasts)
    step = _fixed_step(freq)
    if step is None:  # one addition of an offset for each start, since a range of dates takes long
        offset = _offset(freq)
        begins = [_timestamp(origin) + int(count) * offset for origin, count in zip(origins, least, strict=True)]
        ends = [_timestamp(origin) + int(count) * offset for origin, count in zip(origins, most, strict=True)]
        return min(begins).to_datetime64(), max(ends).to_datetime64()
    times = origins.astype("datetime64[ns]")
    return (times + least * step).min(), (times + most * step).max()


def iso_time(time: np.datetime64) -> str:
    """A time in ISO 8601 to the second; a date alone where it is midnight."""
    return str(time.astype("datetime64[s]")).removesuffix("T00:00:00")


def frequency(freq: Any) -> str | None:
    """A pandas offset alias, that of an offset or of a frequency; raises BadData for what is none."""
    if freq is None:
        return None
    alias = freq if isinstance(freq, str) else getattr(freq, "freqstr", None)
    if not isinstance(alias, str):
        raise BadData(f"freq must be a pandas offset alias such as 'h', 'D' or 'MS', not {short_repr(freq)}")
    _offset(alias)
    return str.__str__(alias)


def check_times(ids: Sequence[str], start: Times, lengths: Ints, freq: str) -> None:
    """Raise BadData unless each series starts at a time of the frequency, and ends in the years of timestamps."""
    offset = _offset(freq)
    if _step_without_anchor(freq) is None:
        for first in np.unique(start):
            if not offset.is_on_offset(_timestamp(first)):
                _refuse_start(ids[int(np.argmax(start == first))], first, freq)
    step = _fixed_step(freq)
    ahead = lengths - 1
    size = _usual_step(offset) if step is None else float(step.astype(np.int64))  # nanoseconds
    ends = start.astype(np.int64) + np.where(ahead > 0, ahead * size, 0.0)
    farthest = int(np.argmax(ends))
    limit = int(np.datetime64(f"{LAST_YEAR + 1}", "ns").astype(np.int64))
    if step is not None or not ahead[farthest]:
        late = ends[farthest] >= limit
    else:
        end = attempt(lambda: _timestamp(start[farthest]) + int(ahead[farthest]) * offset)
        late = isinstance(end, Failure) or end.year > LAST_YEAR
    if late:
        raise BadData(
            f"series {ids[farthest]!r}: {lengths[farthest]} observations of frequency {freq!r} from {start[farthest]} "
            f"end after {LAST_YEAR}, the last year of timestamps"
        )


@lru_cache(maxsize=64)
def _offset(freq: str) -> Any:
    """The offset of an alias, a positive step in time."""
    import pandas as pd

    offset = attempt(partial(pd.tseries.frequencies.to_offset, freq))
    former = re.sub("[A-Z]+", lambda found: FORMER_ALIASES.get(found[0], found[0]), freq, count=1)
    if isinstance(offset, Failure) and former != freq:
        found = attempt(partial(pd.tseries.frequencies.to_offset, former))
        offset = offset if isinstance(found, Failure) else found
    if isinstance(offset, Failure) or offset is None or offset.n < 1:
        renamed = re.search(r"(?:use '|you mean )([\w-]+)", str(offset))  # pandas has renamed some
        remedy = f"did you mean {renamed[1]!r}? " if renamed else ""
        raise BadData(
            f"{freq!r} is not a frequency; {remedy}use a pandas offset alias such as h, D, W-SAT, MS, QS or YS"
        )
    return offset


@lru_cache(maxsize=64)
def _fixed_step(freq: str) -> np.timedelta64 | None:
    """The length of a step of a fixed frequency; None for months, quarters and business days."""
    import pandas as pd

    offset = _offset(freq)
    if isinstance(offset, pd.offsets.Week):
        return np.timedelta64(7 * 86_400 * 10**9 * offset.n, "ns")
    return _step_without_anchor(freq)


@lru_cache(maxsize=64)
def _step_without_anchor(freq: str) -> np.timedelta64 | None:
    """The length of a step of a frequency that may start at any time: days and parts of days."""
    import pandas as pd

    offset = _offset(freq)
    if isinstance(offset, pd.offsets.Day):
        return np.timedelta64(86_400 * 10**9 * offset.n, "ns")
    if isinstance(offset, pd.offsets.Tick):
        return np.timedelta64(pd.Timedelta(offset).value, "ns")
    return None


def _usual_step(offset: Any) -> float:
    """The nanoseconds of a step from 1970; more than there are where it leads out of the years of timestamps."""
    import pandas as pd

    origin = pd.Timestamp("1970-01-01")
    steps = attempt(lambda: (origin + 10 * offset - origin) / pd.Timedelta(1, "ns"))
    return 2.0**63 if isinstance(steps, Failure) else float(steps / 10)


def _timestamp(time: np.datetime64) -> pd.Timestamp:
    import pandas as pd

    return pd.Timestamp(time)


def _refuse_start(name: str, first: np.datetime64, freq: str) -> None:
    """Raise BadData for a start that is no time of a frequency; say what is."""
    offset, start = _offset(freq), _timestamp(first)
    weekday = WEEKDAYS[start.weekday()]
    weeks = type(offset).__name__ == "Week"
    remedy = f"; for weeks from that day, use freq='{offset.n if offset.n > 1 else ''}W-{weekday}'" if weeks else ""
    raise BadData(
        f"series {name!r} starts at {first}, which is not a time of frequency {freq!r}; "
        f"the next is {offset.rollforward(start)}{remedy}"
    )


def _advance_by_calendar(start: Times, freq: str, steps: Ints) -> Times:
    import pandas as pd

    result = np.empty(steps.shape, dtype="datetime64[ns]")
    if len(steps) and int(steps.min()) < 0:
        raise ValueError("steps of a calendar frequency must not be negative")
    for first in np.unique(start):
        selected = start == first
        times = pd.date_range(first, periods=int(steps[selected].max()) + 1, freq=_offset(freq))
        if times[0] != first:
            raise BadData(
                f"a series starts at {first}, which is not a time of frequency {freq!r}; the next is {times[0]}"
            )
        result[selected] = times.to_numpy(dtype="datetime64[ns]")[steps[selected]]
    return result
