"""The roles of the columns of a table: named by the options, or inferred where there is one reading only."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.data.tables.id_columns import USUAL, id_columns, id_of_blocks, is_telling, listed
from harness.data.tables.number_columns import is_number, is_text
from harness.data.tables.options import LISTS, Layout, TableOptions
from harness.data.tables.times import TIME_NAMES, is_time
from harness.errors import BadInput
from harness.fields.errors import did_you_mean, short_repr

TARGET_NAMES = ("target", "y", "value", "values", "sales", "demand")
ROW_NAMES = ("index", "unnamed: 0", "level_0", "rownames", "row", "row_id", "id")  # that may number the rows
UNNAMED_INDEX = re.compile(r"__index_level_\d+__")  # in a Parquet file of pandas
HEAD = 10_000  # rows
DATE_PARTS = ("year", "month", "week", "day")
NO_VALUES = "it has no values that a series can have"
NAMED = "named by --{role}"


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
    reasons: Mapping[str, str] = field(default_factory=dict)  # by column


def find_columns(table: Any, options: TableOptions) -> Columns:
    """The roles of the columns; raises BadInput for a name of none, and where there are several readings."""
    names = list(table.column_names)
    for name in options.named:
        if name not in names:
            known = f"{did_you_mean(name, names)}the columns are {listed(names)}"
            raise BadInput(f"there is no column {name!r}; {_repetition(name, names, options) or known}")
        if _is_nested(table[name]):
            raise BadInput(f"column {name!r} has values of type {table[name].type}, which a series cannot have")
    reasons = {name: NAMED.format(role=role) for role in ("time", *LISTS) for name in _named(options, role)}
    time = options.time if options.time is not None else _time(table, options, reasons)
    usable = [name for name in names if name != time and name not in options.named and is_usable(table[name])]
    reasons |= {name: NO_VALUES for name in names if name not in (time, *usable, *reasons)}
    if options.layout == "wide":
        return _wide(table, time, usable, options, reasons)
    rest = _without_row_numbers(table, usable, reasons)
    if time is not None:
        _check_day_times(table, time, usable)
    repeats = time is not None and not is_telling(table, [time])
    ids = options.id
    if not ids and time is not None and repeats:
        ids = id_columns(table, time, rest, options, reasons)
    elif not ids:
        ids = id_of_blocks(table, time, rest, reasons)
    rest = [name for name in rest if name not in ids]
    if options.target:
        targets = options.target
    elif options.layout != "long" and not ids and len([name for name in rest if is_number(table[name])]) > 1:
        targets = (_only_target(table, rest, reasons),)
    else:
        targets = (_target(table, rest, reasons),)
    rest = [name for name in rest if name not in targets]
    static = [name for name in rest if _is_constant(table, ids, name)]
    past = [name for name in rest if name not in static and (is_number(table[name]) or is_text(table[name]))]
    _check_static(table, ids, options)
    reasons |= dict.fromkeys(static, "it has one value in each series")
    reasons |= dict.fromkeys(past, "it changes over time, and is not named by --known")
    ignored = [name for name in names if name not in (time, *ids, *targets, *options.named, *static, *past)]
    return Columns(
        "long",
        time,
        tuple(ids),
        tuple(targets),
        options.known,
        (*options.past, *past),
        (*options.static, *static),
        tuple(ignored),
        reasons,
    )


def _repetition(name: str, names: Sequence[str], options: TableOptions) -> str:
    """How to name several columns that were written with commas between them; empty if there is none of them."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    role = next(role for role in ("time", *LISTS) if name in _named(options, role))
    if role == "time" or len(parts) < 2 or not set(parts) & set(names):
        return ""
    return f"repeat --{role}: {' '.join(f'--{role} {shlex.quote(part)}' for part in parts)}"


def _named(options: TableOptions, role: str) -> tuple[str, ...]:
    """The columns that the options name for a role."""
    value = getattr(options, role)
    return (value,) if isinstance(value, str) else value or ()


def is_usable(column: Any) -> bool:
    """Whether a column has values, of a type that a series may have."""
    return column.null_count < len(column) and not _is_nested(column)


def _is_nested(column: Any) -> bool:
    """Whether the values of a column are lists, structures or bytes."""
    import pyarrow as pa

    kind = column.type
    return bool(pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _without_row_numbers(table: Any, names: Sequence[str], reasons: dict[str, str]) -> list[str]:
    """The columns without those that number the rows, which have another value in each, or are an index of pandas."""
    import pyarrow as pa

    numbers = [name for name in names if name.strip().lower() in ROW_NAMES and _is_row_number(table[name])]
    numbers += [name for name in names if UNNAMED_INDEX.fullmatch(name) and pa.types.is_integer(table[name].type)]
    reasons |= dict.fromkeys(numbers, "it numbers the rows")
    return [name for name in names if name not in numbers]


def _is_row_number(column: Any) -> bool:
    import pyarrow as pa

    if not pa.types.is_integer(column.type) or column.null_count or len(column) < 2:
        return False
    values = column.to_numpy()
    return bool((values[1:] == values[:-1] + 1).all())


def _time(table: Any, options: TableOptions, reasons: dict[str, str]) -> str | None:
    """The column of times: the only one with dates, or else one with a usual name."""
    free: list[str] = [name for name in table.column_names if name not in options.named]
    dates = [name for name in free if is_time(table[name])]
    usual = [name for name in dates or free if name.strip().lower() in TIME_NAMES]
    if len(dates) == 1:
        reasons[dates[0]] = "the only column with dates"
        return dates[0]
    if len(usual) == 1 and (dates or is_number(table[usual[0]]) or is_text(table[usual[0]])):
        reasons[usual[0]] = USUAL
        return usual[0]
    if len(dates) > 1:
        raise BadInput(f"the columns {listed(dates)} have dates; name the time by --time")
    parts = [name for name in usual if name.strip().lower() in DATE_PARTS and is_number(table[name])]
    if len(parts) > 1:
        raise BadInput(
            f"the columns {listed(parts)} may be parts of a date; write it in one column, in pandas: "
            f"frame['time'] = pd.to_datetime(frame[{parts!r}].assign(day=1)); or name the time by --time"
        )
    return None


def _check_day_times(table: Any, time: str, rest: Sequence[str]) -> None:
    """Raise BadInput for days whose times of the day are in a column of their own."""
    import pyarrow as pa

    clocks = [name for name in rest if pa.types.is_time(table[name].type)]
    if clocks and is_time(table[time]) and not is_telling(table, [time]):
        raise BadInput(
            f"column {time!r} has days, and {clocks[0]!r} times of the day; write both in one column, in pandas: "
            f"frame['when'] = pd.to_datetime(frame[{time!r}].astype(str) + ' ' + frame[{clocks[0]!r}].astype(str))"
        )


def _target(table: Any, rest: Sequence[str], reasons: dict[str, str]) -> str:
    """The target: the only column of numbers, or the only one with a usual name."""
    numbers = [name for name in rest if is_number(table[name])]
    usual = [name for name in numbers if name.strip().lower() in TARGET_NAMES]
    if len(numbers) == 1:
        reasons[numbers[0]] = "the only column of numbers"
        return numbers[0]
    if len(usual) == 1:
        reasons[usual[0]] = USUAL
        return usual[0]
    if not numbers:
        raise BadInput(f"no column has numbers to forecast{_reasons_of_none(table, rest, reasons)}")
    raise BadInput(f"name the target by --target: one of {listed(numbers)}")


def _reasons_of_none(table: Any, rest: Sequence[str], reasons: Mapping[str, str]) -> str:
    """What the columns have instead of numbers, and what can be done."""
    texts = {name: table[name].drop_null()[0].as_py() for name in rest}
    empty = [name for name, reason in reasons.items() if reason == NO_VALUES]
    found = [f"column {name!r} has values such as {short_repr(value)}" for name, value in list(texts.items())[:3]]
    if empty:
        found.append(f"without values are {listed(empty)}")
    remedy = (
        "write its values as numbers, or name a target of classes by --target"
        if texts
        else "name the target by --target"
    )
    return "".join(f"; {each}" for each in (*found, remedy))


def _only_target(table: Any, rest: Sequence[str], reasons: dict[str, str]) -> str:
    """The target of a table with one row for each time, which may also have one series in each column."""
    numbers = [name for name in rest if is_number(table[name])]
    usual = [name for name in numbers if name.strip().lower() in TARGET_NAMES]
    if len(usual) == 1:
        reasons[usual[0]] = USUAL
        return usual[0]
    raise BadInput(
        f"the columns {listed(numbers)} may be {len(numbers)} series, or the target and covariates of one; say "
        "--wide, or name the target by --target"
    )


def _wide(table: Any, time: str | None, rest: Sequence[str], options: TableOptions, reasons: dict[str, str]) -> Columns:
    """A series for each column of numbers, of each id where ids are named, with the covariates that are named."""
    if options.static and not options.id:
        raise BadInput("a wide table has no column --static without --id: each of its columns is a series")
    _check_static(table, options.id, options)
    numbers = [name for name in table.column_names if name in rest and is_number(table[name])]
    targets = options.target or tuple(numbers)
    if not targets:
        raise BadInput(f"no column has numbers to forecast: {listed(rest)}")
    ignored = tuple(name for name in table.column_names if name not in (time, *targets, *options.named))
    reasons |= {name: "a column of numbers of a wide table" for name in targets if name not in options.target}
    return Columns("wide", time, options.id, targets, options.known, options.past, options.static, ignored, reasons)


def _is_constant(table: Any, ids: Sequence[str], name: str) -> bool:
    """Whether a column has one value in each series; the first rows are looked at first."""
    if table.num_rows > HEAD and not _is_constant(table.slice(0, HEAD), ids, name):
        return False
    series = table.group_by(list(ids)).aggregate([]).num_rows if ids else 1
    return bool(table.group_by([*ids, name]).aggregate([]).num_rows == series)


def _check_static(table: Any, ids: Sequence[str], options: TableOptions) -> None:
    """Raise BadInput for a static covariate that changes within a series."""
    for name in options.static:
        if not _is_constant(table, ids, name):
            raise BadInput(f"column {name!r} changes within a series; name it by --known or --past, not by --static")
