"""Wide tables, with a column for each series, as long ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.data.tables.columns import Columns
from harness.data.tables.findings import Finding
from harness.data.tables.grouping import SortedRows
from harness.data.tables.id_columns import listed
from harness.data.tables.number_columns import check_infinite, is_number, number_column
from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RepeatedOrigins, RowOrigins
from harness.errors import BadData


def long_table(
    table: Any, columns: Columns, options: TableOptions, origins: RowOrigins, findings: list[Finding]
) -> tuple[Any, Columns, RowOrigins]:
    """A wide table as a long one: the targets below each other, with their names as ids, or after the ids."""
    import pyarrow as pa

    roles = (columns.time, *columns.id, *columns.known, *columns.past, *columns.static)
    shared = [name for name in roles if name is not None]
    series, value = _free_name("series", shared), _free_name("value", shared)
    parts = []
    for name in columns.target:
        column = table[name]
        if is_number(column):
            found = number_column(column, name, options.decimal, origins)
            check_infinite(found.values, name, origins)
            findings += found.findings
            column = pa.chunked_array([pa.array(found.values)])
        part = table.select(shared).append_column(value, column)
        names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(table.num_rows, np.int32)), pa.array([name]))
        parts.append(part.append_column(series, names))
    try:
        long = pa.concat_tables(parts, promote_options="permissive").unify_dictionaries().combine_chunks()
    except pa.ArrowException as error:
        kinds = ", ".join(sorted({str(table[name].type) for name in columns.target}))
        raise BadData(f"the columns of a wide table must be all numbers or all texts, not {kinds}") from error
    reasons = {
        **columns.reasons,
        series: f"the names of the columns {listed(columns.target, 3)}",
        value: "their values",
    }
    described = replace(columns, id=(*columns.id, series), target=(value,), reasons=reasons)
    return long, described, RepeatedOrigins(rows=origins, count=table.num_rows)


def without_leading(rows: SortedRows, values: Floats) -> tuple[SortedRows, Floats]:
    """The rows from the first value of the target of each series on; all if it has none."""
    observed = ~np.isnan(values[:, 0])
    steps = np.arange(len(observed))
    first = np.minimum.reduceat(np.where(observed, steps, len(steps)), rows.offsets[:-1])
    kept = steps >= np.repeat(np.where(first < len(steps), first, 0), np.diff(rows.offsets))
    return (rows, values) if kept.all() else (rows.subset(kept), values[kept])


def _free_name(name: str, taken: list[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name
