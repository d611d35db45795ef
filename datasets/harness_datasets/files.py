"""Datasets in published files (M4, ETT); a malformed file is an error that names the file and line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np

from harness import BadData, Channel, Floats, Panel

ETT_CHANNELS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
ETT_HEADER = ("date", *ETT_CHANNELS)


def m4(horizon: int, season_length: int, train: Path, test: Path) -> Panel:
    """Series of the M4 competition: the values of the training file, followed by those of the test file.

    `RollingOrigin(horizon, windows=1)` is the official protocol. The files have no dates.
    """
    past, ahead = _m4_series(train), _m4_series(test)
    for name, values in ahead.items():
        if len(values) != horizon:
            raise BadData(f"{test}: series {name!r} has {len(values)} values, but the horizon is {horizon}")
    unmatched = sorted(past.keys() ^ ahead.keys())
    if unmatched:
        raise BadData(f"series {unmatched[0]!r} is in only one of {train} and {test}; the files do not match")
    return Panel.of(
        [np.concatenate([values, ahead[name]]) for name, values in past.items()],
        ids=tuple(past),
        season_length=season_length,
    )


# Horizons and season lengths of the competition, which are 1 for weekly and daily series.
m4_yearly = partial(m4, 6, 1)
m4_quarterly = partial(m4, 8, 4)
m4_monthly = partial(m4, 18, 12)
m4_weekly = partial(m4, 13, 1)
m4_daily = partial(m4, 14, 1)
m4_hourly = partial(m4, 48, 24)


def ett(minutes: int, *paths: Path) -> Panel:
    """Electricity transformers, one series per file, all seven variables as targets; a task may select `("OT",)`."""
    starts, series = zip(*(_ett_series(path, np.timedelta64(minutes, "m")) for path in paths), strict=True)
    return Panel.of(
        series,
        ids=[path.stem for path in paths],
        start=np.array(starts),
        freq="h" if minutes == 60 else f"{minutes}min",
        season_length=24 * 60 // minutes,
        channels=[Channel(name) for name in ETT_CHANNELS],
    )


ett_hourly = partial(ett, 60)
ett_quarter_hourly = partial(ett, 15)


def _m4_series(path: Path) -> dict[str, Floats]:
    """The values of each series by its id; a row is a series, quoted, padded with empty cells."""
    rows = _rows(path, padding=",")
    _, header = next(rows, (1, []))
    if header[:1] != ["V1"]:
        raise BadData(f"{path}, line 1: the header must begin with V1, not {','.join(header)[:40]!r}")
    series: dict[str, Floats] = {}
    for line, (name, *cells) in rows:
        if not cells:
            raise BadData(f"{path}, line {line}: series {name!r} is empty")
        if name in series:
            raise BadData(f"{path}, line {line}: series {name!r} occurs twice")
        series[name] = _numbers(path, line, cells)
    if not series:
        raise BadData(f"{path} holds no series")
    return series


def _ett_series(path: Path, step: np.timedelta64) -> tuple[np.datetime64, Floats]:
    """The time of the first row, and the values of all rows (time, variable), which must be one step apart."""
    rows = _rows(path)
    _, header = next(rows, (1, []))
    if tuple(header) != ETT_HEADER:
        raise BadData(f"{path}, line 1: the header must be {','.join(ETT_HEADER)}, not {','.join(header)[:80]!r}")
    lines = list(rows)
    if not lines:
        raise BadData(f"{path} holds no rows")
    try:
        values = np.array([cells for _, (_, *cells) in lines], dtype=np.float64)
        times = np.array([date for _, (date, *_) in lines], dtype="datetime64[s]")
        valid = values.shape[1:] == (len(ETT_CHANNELS),) and bool(np.isfinite(values).all())
        valid = valid and not np.isnat(times).any() and bool((np.diff(times) == step).all())
    except ValueError:
        valid = False
    if not valid:
        _refuse(path, lines, step)
    return times[0], values


def _refuse(path: Path, lines: Sequence[tuple[int, list[str]]], step: np.timedelta64) -> NoReturn:
    """Raise BadData for the first malformed line of a file that has one."""
    expected = None
    for line, (date, *cells) in lines:
        if len(cells) != len(ETT_CHANNELS):
            raise BadData(f"{path}, line {line}: {len(cells)} values, not {len(ETT_CHANNELS)}")
        _numbers(path, line, cells)
        time = _time(path, line, date)
        if expected is not None and time != expected:
            raise BadData(f"{path}, line {line}: {date} is not {step} after the line before")
        expected = time + step
    raise BadData(f"{path} cannot be read")


def _rows(path: Path, padding: str = "") -> Iterator[tuple[int, list[str]]]:
    """The number and cells of each line that is not empty, without quotes and trailing padding."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line.replace('"', "").strip().rstrip(padding or None).split(",")


def _time(path: Path, line: int, date: str) -> np.datetime64:
    try:
        return np.datetime64(date or "none", "s")  # NumPy would read an empty text as NaT
    except ValueError:
        raise BadData(f"{path}, line {line}: {date!r} is not a date") from None


def _numbers(path: Path, line: int, cells: Sequence[str]) -> Floats:
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        bad = next(i for i, cell in enumerate(cells) if not _is_finite(cell))
        raise BadData(f"{path}, line {line}: value {bad + 1} is {cells[bad]!r}, not a number")
    return numbers


def _is_finite(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
