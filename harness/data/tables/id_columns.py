"""The columns of a long table that identify its series, where the options name none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.arrays import Bools
from harness.data.tables.number_columns import is_number, is_text
from harness.data.tables.options import TableOptions
from harness.data.tables.times import is_time
from harness.errors import BadInput

ID_NAMES = ("unique_id", "item_id", "id", "series", "series_id", "series_name", "ts_id", "item", "store", "sku", "shop")
ID_ENDINGS = ("_id", "_nbr", "_no")
HEAD = 10_000  # rows
USUAL = "its name is usual for this role"


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names in a message, of which the last ones are counted."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def is_telling(table: Any, keys: Sequence[str]) -> bool:
    """Whether no two rows have the same values in these columns; the first rows are looked at first."""
    if table.num_rows > HEAD and not is_telling(table.slice(0, HEAD), keys):
        return False
    return bool(table.group_by(list(keys), use_threads=False).aggregate([]).num_rows == table.num_rows)


def id_columns(
    table: Any, time: str, rest: Sequence[str], options: TableOptions, reasons: dict[str, str]
) -> tuple[str, ...]:
    """The columns that identify series, where times repeat."""
    free = [name for name in rest if name not in options.target]
    named = [name for name in free if is_id_name(name)]
    texts = [name for name in free if name not in named and is_text(table[name]) and not is_number(table[name])]
    found: tuple[str, ...] = ()
    for candidates in (named, texts):
        telling = [name for name in candidates if is_telling(table, [time, name])]
        fewest = sorted(telling, key=lambda name: _distinct(table, name))
        if len(fewest) > 1 and _distinct(table, fewest[0]) == _distinct(table, fewest[1]):
            raise BadInput(f"the columns {listed(telling)} each identify the series; name one of them by --id")
        found = found or tuple(fewest[:1])
    if not found and is_telling(table, [time, *named, *texts]):
        found = _least(table, time, [*named, *texts])
    found = found or _number_ids(table, time, [name for name in free if name not in (*named, *texts)])
    if not found and len(named or texts) > 1:
        raise BadInput(f"times repeat; name the columns that identify the series by --id: {listed(free)}")
    found = found or tuple(named or texts)
    reasons |= dict.fromkeys(found, "each series has one row for each time by it")
    return found


def is_id_name(name: str) -> bool:
    """Whether a name is usual for a column that identifies series."""
    name = name.strip().lower()
    return name in ID_NAMES or name.endswith(ID_ENDINGS)


def _least(table: Any, time: str, names: list[str]) -> tuple[str, ...]:
    """The columns without the last ones that are not needed for one row of each series and time."""
    for name in reversed(names):
        others = [other for other in names if other != name]
        if others and is_telling(table, [time, *others]):
            names = others
    return tuple(names)


def _number_ids(table: Any, time: str, names: Sequence[str]) -> tuple[str, ...]:
    """The only column of whole numbers that identifies series: each is in two rows or more on average."""
    import pyarrow as pa

    whole = [name for name in names if pa.types.is_integer(table[name].type) and len(names) > 1]
    few = [name for name in whole if 2 * _distinct(table, name) <= table.num_rows]
    telling = [name for name in few if is_telling(table, [time, name])]
    if len(telling) > 1:
        raise BadInput(f"times repeat; name the column that identifies the series by --id: one of {listed(telling)}")
    return tuple(telling)


def _distinct(table: Any, name: str) -> int:
    return len(table[name].unique())


def id_of_blocks(table: Any, time: str | None, rest: Sequence[str], reasons: dict[str, str]) -> tuple[str, ...]:
    """The column that identifies series where no time repeats: it has a usual name, or times rise in its blocks only.

    An id of its own for each row names no series.
    """
    named = [name for name in rest if is_id_name(name) and not is_time(table[name])]
    if len(named) == 1 and _distinct(table, named[0]) < table.num_rows:
        reasons[named[0]] = USUAL
        return (named[0],)
    if time is None or table[time].null_count:
        return ()
    falls = _changes(table[time], "less")
    if not falls.any():
        return ()
    candidates = [name for name in rest if is_text(table[name]) and not is_number(table[name])]
    telling = [name for name in candidates if (_changes(table[name], "not_equal") | ~falls).all()]
    if len(telling) != 1:
        return ()
    reasons[telling[0]] = "times rise within the rows of each of its values"
    return (telling[0],)


def _changes(column: Any, comparison: str) -> Bools:
    """Whether each row but the first compares so to the one before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    compared = getattr(pc, comparison)(values[1:], values[:-1])
    return np.asarray(compared.fill_null(False).to_numpy(zero_copy_only=False))
