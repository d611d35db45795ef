"""Columns of lists, one list of values for each series."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from harness.arrays import Ints


@dataclass(frozen=True, eq=False)
class ListColumn:
    """A column of lists, or of lists of lists the part that has its own name in a long table."""

    name: str
    origin: str  # the column of the table
    lists: Any  # pyarrow.LargeListArray (series,)

    @cached_property
    def lengths(self) -> Ints:
        """The number of values of each list, 0 for a missing one, (series,)."""
        import pyarrow.compute as pc

        return np.asarray(pc.list_value_length(self.lists).fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)

    @cached_property
    def values(self) -> Any:
        """The values of all lists below each other."""
        return self.lists.flatten()

    def at(self, rows: Ints, positions: Ints) -> Any:
        """The values at positions of the lists of some rows, missing after the end of a list."""
        import pyarrow as pa

        lengths = self.lengths
        if len(positions) == lengths.sum() and bool((np.bincount(rows, minlength=len(lengths)) == lengths).all()):
            return self.values  # all of them, in their order
        begins = np.cumsum(lengths) - lengths
        return self.values.take(pa.array(begins[rows] + positions, mask=positions >= lengths[rows]))


def is_list(column: Any) -> bool:
    """Whether the values of a column are lists."""
    import pyarrow as pa

    kind = column.type
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(check(kind) for check in (*checks, pa.types.is_large_list_view))


def list_columns(column: Any, name: str) -> list[ListColumn]:
    """A column of lists; of lists of lists, a column for the first list of each row, one for the second and so on.

    Those of several have the names `name_0`, `name_1` and so on. None if the values are no lists.
    """
    if not is_list(column):
        return []
    outer = ListColumn(name, name, _array(column))
    if not is_list(outer.lists.values):
        return [outer]
    return [ListColumn(part, name, _array(inner)) for part, inner in elements(outer).items()]


def elements(column: ListColumn) -> dict[str, Any]:
    """The elements of the lists at each position, missing where a list is shorter, (series,), by their names."""
    rows = np.arange(len(column.lists))
    width = int(column.lengths.max(initial=0))
    names = [column.name] if width == 1 else [f"{column.name}_{i}" for i in range(width)]
    return {name: column.at(rows, np.full(len(rows), i)) for i, name in enumerate(names)}


def _array(column: Any) -> Any:
    """A column as one pyarrow.LargeListArray."""
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.cast(pa.large_list(array.type.value_type))
