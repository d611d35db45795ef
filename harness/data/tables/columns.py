"""The roles of the columns of a table: named by the options, or inferred where there is one reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.arrays import Bools
from harness.data.tables.number_columns import is_number, is_text
from harness.data.tables.options import Layout, TableOptions
from harness.data.tables.times import is_time
from harness.errors import BadInput
from harness.fields.errors import did_you_mean

TIME_NAMES = ("time", "timestamp", "date", "datetime", "ds", "year", "month", "week", "day", "step", "t", "period")
ID_NAMES = ("unique_id", "item_id", "id", "series", "series_id", "series_name", "ts_id", "item", "store", "sku")
TARGET_NAMES = ("target", "y", "value", "values", "sales", "demand")


@dataclass(frozen=True)
class Columns:
    """The columns of a table by their roles, and why each has its role."""

    layout: Layout
    time: str | None
    id: tuple[str, ...]
    target: tuple[str, ...]
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def find_columns(table: Any, options: TableOptions) -> Columns:
    """The roles of the columns; raises BadInput for a name of none, and where there are several readings."""
    names = list(table.column_names)
    for name in options.named:
        if name not in names:
            raise BadInput(f"there is no column {name!r}; {did_you_mean(name, names)}the columns are {_listed(names)}")
    time = options.time if options.time is not None else _time(table, options)
    rest: list[str] = [name for name in names if name != time and name not in options.named]
    if options.layout == "wide":
        return _wide(table, time, rest, options)
    repeats = time is not None and _repeats(table, [time])
    ids = options.id or (_ids(table, str(time), rest, options) if repeats else _ids_of_blocks(table, time, rest))
    rest = [name for name in rest if name not in ids]
    if options.target or options.layout == "long":
        targets = options.target or (_target(table, rest),)
    elif not ids and not options.id and len([name for name in rest if is_number(table[name])]) > 1:
        targets = (_only_target(table, rest),)
    else:
        targets = (_target(table, rest),)
    rest = [name for name in rest if name not in targets]
    keys = list(ids)
    static = [name for name in rest if _is_constant(table, keys, name)]
    past = [name for name in rest if name not in static and (is_number(table[name]) or is_text(table[name]))]
    ignored = [name for name in rest if name not in static and name not in past]
    return Columns(
        "long",
        time,
        tuple(ids),
        tuple(targets),
        options.known,
        (*options.past, *past),
        (*options.static, *static),
        tuple(ignored),
    )


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _time(table: Any, options: TableOptions) -> str | None:
    """The column of times: the only one with dates, or else one with a usual name."""
    free: list[str] = [name for name in table.column_names if name not in options.named]
    dates = [name for name in free if is_time(table[name])]
    usual = [name for name in dates or free if name.strip().lower() in TIME_NAMES]
    if len(dates) == 1:
        return dates[0]
    if len(usual) == 1 and (dates or is_number(table[usual[0]]) or is_text(table[usual[0]])):
        return usual[0]
    if len(dates) > 1:
        raise BadInput(f"the columns {_listed(dates)} have dates; name the time by --time")
    return None


def _repeats(table: Any, keys: Sequence[str]) -> bool:
    """Whether two rows have the same values in these columns."""
    return bool(table.group_by(list(keys), use_threads=False).aggregate([]).num_rows < table.num_rows)


def _ids(table: Any, time: str, rest: Sequence[str], options: TableOptions) -> tuple[str, ...]:
    """The columns that tell series apart, where times repeat."""
    if options.layout is None and not rest:
        return ()
    free = [name for name in rest if name not in options.target]
    named = [name for name in free if name.strip().lower() in ID_NAMES]
    texts = [name for name in free if is_text(table[name]) and not is_number(table[name])]
    for candidates in (named, texts):
        telling = [name for name in candidates if not _repeats(table, [time, name])]
        if len(telling) == 1:
            return (telling[0],)
        if len(telling) > 1:
            fewest = sorted(telling, key=lambda name: _distinct(table, name))
            if _distinct(table, fewest[0]) < _distinct(table, fewest[1]):
                return (fewest[0],)
            raise BadInput(f"the columns {_listed(telling)} tell the series apart; name one of them by --id")
    if len(named) == 1:
        return (named[0],)
    if len(texts) > 1 and not _repeats(table, [time, *texts]):
        return tuple(texts)
    if len(texts) == 1:
        return (texts[0],)
    if not texts:
        return ()
    raise BadInput(f"times repeat; name the columns that tell the series apart by --id: {_listed(free)}")


def _distinct(table: Any, name: str) -> int:
    return len(table[name].unique())


def _ids_of_blocks(table: Any, time: str | None, rest: Sequence[str]) -> tuple[str, ...]:
    """The column that tells series apart where no time repeats: it has a usual name, or times rise in its blocks only.

    An id of its own for each row names no series.
    """
    named = [name for name in rest if name.strip().lower() in ID_NAMES and not is_time(table[name])]
    if len(named) == 1 and _distinct(table, named[0]) < table.num_rows:
        return (named[0],)
    if time is None:
        return ()
    falls = _changes(table[time], "less")
    if not falls.any():
        return ()
    candidates = [name for name in rest if is_text(table[name]) and not is_number(table[name])]
    telling = [name for name in candidates if (_changes(table[name], "not_equal") | ~falls).all()]
    return (telling[0],) if len(telling) == 1 else ()


def _changes(column: Any, comparison: str) -> Bools:
    """Whether each row but the first compares so to the one before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    compared = getattr(pc, comparison)(values[1:], values[:-1])
    return np.asarray(compared.fill_null(False).to_numpy(zero_copy_only=False))


def _target(table: Any, rest: Sequence[str]) -> str:
    """The target: the only column of numbers, or the only one with a usual name."""
    numbers = [name for name in rest if is_number(table[name])]
    usual = [name for name in numbers if name.strip().lower() in TARGET_NAMES]
    if len(numbers) == 1:
        return numbers[0]
    if len(usual) == 1:
        return usual[0]
    if not numbers:
        raise BadInput(f"no column has numbers to forecast; name the target by --target: {_listed(rest)}")
    raise BadInput(f"name the target by --target: one of {_listed(numbers)}")


def _only_target(table: Any, rest: Sequence[str]) -> str:
    """The target of a table with one row for each time, which may also have one series in each column."""
    numbers = [name for name in rest if is_number(table[name])]
    usual = [name for name in numbers if name.strip().lower() in TARGET_NAMES]
    if len(usual) == 1:
        return usual[0]
    raise BadInput(
        f"the columns {_listed(numbers)} may be {len(numbers)} series, or the target and covariates of one; say "
        "--wide, or name the target by --target"
    )


def _wide(table: Any, time: str | None, rest: Sequence[str], options: TableOptions) -> Columns:
    """A series for each column of numbers, with the covariates that are named."""
    for role in ("id", "static"):
        if getattr(options, role):
            raise BadInput(f"a wide table has no column --{role}: each of its columns is a series")
    targets = options.target or tuple(name for name in rest if is_number(table[name]))
    if not targets:
        raise BadInput(f"no column has numbers to forecast: {_listed(rest)}")
    ignored = tuple(name for name in rest if name not in targets)
    return Columns("wide", time, (), targets, options.known, options.past, (), ignored)


def _is_constant(table: Any, ids: Sequence[str], name: str) -> bool:
    """Whether a column has one value in each series."""
    series = table.group_by(list(ids)).aggregate([]).num_rows if ids else 1
    return bool(table.group_by([*ids, name]).aggregate([]).num_rows == series)
