"""The times of series of which a table has the first one: GluonTS stores them so."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from harness.arrays import Ints, Times
from harness.data.calendar import advance, check_times, frequency
from harness.data.tables.findings import Finding
from harness.data.tables.id_columns import listed
from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RowOrigins
from harness.data.tables.times import time_column
from harness.errors import BadData, BadInput

FREQ = "freq"  # the column of frequencies
ALIAS = re.compile(r"(\d*)([A-Za-z]+)(?:-([A-Z]{3}))?")
RENAMED = {"H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "N": "ns", "A": "Y"}  # by pandas 2.2
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
FIRST_DAYS = re.compile(r"\d*(MS|QS|YS)(-[A-Z]{3})?")


def times_of_starts(
    table: Any, name: str, series: Ints, steps: Ints, options: TableOptions, origins: RowOrigins
) -> tuple[Times, tuple[Finding, ...]]:
    """The times `steps[i]` steps after the start of series `series[i]`, which column `name` has.

    The frequency is that of the options, or of the column `freq`, whose aliases are those of periods of pandas, as in
    GluonTS: the start of a series is in its first period, of which the first day is the time. Raises BadInput if there
    is none, and BadData for times outside of the range of timestamps.
    """
    found = time_column(table[name], name, options, origins)
    starts = found.values
    if starts.dtype.kind != "M":
        return starts[series] + steps, found.findings
    freq = options.freq
    if freq is None:
        freq = first_day_alias(_stated(table, name))
        starts = _on_or_before(starts, freq)
    elif FIRST_DAYS.fullmatch(freq):
        starts = _on_or_before(starts, freq)
    places = [origins.place(row) for row in range(len(starts))]
    check_times(places, starts, np.bincount(series, minlength=len(starts)), freq)
    return np.asarray(advance(starts[series], freq, steps)), found.findings


def _stated(table: Any, name: str) -> str:
    """The one frequency that the table states."""
    stated = table[FREQ].drop_null().unique().to_pylist() if FREQ in table.column_names else []
    if len(stated) > 1:
        raise BadInput(f"column {FREQ!r} has the frequencies {listed(stated)}; a panel has one: select its rows")
    if not stated or not isinstance(stated[0], str):
        raise BadInput(
            f"each row is a series, of which column {name!r} has the first time; name the frequency by --freq, such as "
            "h, D or MS"
        )
    return stated[0]


def first_day_alias(alias: str) -> str:
    """The offset alias of the first days of periods with an alias of pandas, such as "MS" for "M", "h" for "H".

    An offset alias stays as it is. Raises BadData for what is neither.
    """
    match = ALIAS.fullmatch(alias)
    if match is None:
        frequency(alias)
        return alias
    count, unit, anchor = match.groups()
    unit = RENAMED.get(unit, unit)
    if unit == "W":
        return f"{count}W-{_after(anchor or 'SUN', WEEKDAYS)}"
    if unit in ("Q", "Y"):
        first = _after(anchor or "DEC", MONTHS)
        return f"{count}{unit}S" + (f"-{first}" if first != "JAN" else "")
    same = f"{count}{'MS' if unit == 'M' else unit}" + (f"-{anchor}" if anchor else "")
    frequency(same)
    return same


def _after(name: str, names: tuple[str, ...]) -> str:
    """The weekday or month after one."""
    if name not in names:
        raise BadData(f"{name!r} is not one of {', '.join(names)}")
    return names[(names.index(name) + 1) % len(names)]


def _on_or_before(starts: Times, freq: str) -> Times:
    """The last time of a frequency that is not after each start."""
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq)
    unique, inverse = np.unique(starts, return_inverse=True)
    return np.array([offset.rollback(pd.Timestamp(start)).to_datetime64() for start in unique], "M8[ns]")[inverse]
