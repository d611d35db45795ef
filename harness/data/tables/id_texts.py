"""The ids of series in CSV files, which stay texts where numbers would be others, such as 7 instead of 007."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from harness.data.tables.id_columns import is_id_name
from harness.data.tables.options import TableOptions

PADDED = re.compile(r"[-+]?0\d+")
WHOLE_WITH_DECIMALS = re.compile(r"\.0*$")  # 7.0, which is 7


def with_texts_of_ids(table: Any, options: TableOptions, texts_of: Callable[[Sequence[str]], Any]) -> Any:
    """The table with the texts of columns of ids that were read as numbers, if these are not the same.

    They are not if a text begins with 0 and has more digits, or if several texts are one number. The columns are those
    that the options name, or whose name is usual for an id; a number of its own in each row is no id. `texts_of` gives
    the texts of columns.
    """
    names = [name for name in table.column_names if _is_candidate(table, name, options)]
    if not names:
        return table
    read = texts_of(names)
    for name in names:
        texts = [text.strip() for text in read[name].drop_null().unique().to_pylist()]
        distinct = {WHOLE_WITH_DECIMALS.sub("", text) for text in texts}
        numbers = len(table[name].drop_null().unique())
        if len(distinct) > numbers or any(PADDED.fullmatch(text) for text in texts):
            table = table.set_column(table.column_names.index(name), name, read[name])
    return table


def _is_candidate(table: Any, name: str, options: TableOptions) -> bool:
    """Whether a column of numbers may be one of ids."""
    import pyarrow as pa

    if table.column_names.count(name) > 1 or name.strip() in {*options.named} - {*options.id}:
        return False
    kind = table[name].type
    if name.strip() in options.id:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
    return (
        not options.id
        and bool(pa.types.is_integer(kind))
        and is_id_name(name)
        and len(table[name].unique()) < table.num_rows
    )
