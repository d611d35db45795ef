"""Where the rows of a table come from: the lines of a file, for messages."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

from harness.arrays import Ints


@dataclass(frozen=True)
class RowOrigin:
    """A part of a table: the file that it was read from, and the number there of its first row."""

    name: str = ""  # of the file; empty for a data frame
    first: int = 0  # the number of the first row of the part
    unit: str = "row"  # what the number counts


@dataclass(frozen=True)
class RowOrigins:
    """The origins of the rows of a table, part by part."""

    parts: tuple[RowOrigin, ...] = (RowOrigin(),)
    begins: tuple[int, ...] = (0,)  # the row of the table at which each part begins

    def place(self, row: int) -> str:
        """A row in a message: "sales.csv, line 17"."""
        part = bisect_right(self.begins, row) - 1
        origin = self.parts[part]
        number = f"{origin.unit} {row - self.begins[part] + origin.first:,}"
        return f"{origin.name}, {number}" if origin.name else number


@dataclass(frozen=True, eq=False)
class ListOrigins(RowOrigins):
    """The origins of values of lists, of which each row of a table has one."""

    rows: RowOrigins = RowOrigins()  # of the table
    offsets: Ints = field(default_factory=lambda: np.zeros(1, dtype=np.int64))  # of the lists, (row + 1,)

    def place(self, row: int) -> str:
        """A value in a message: "sales.jsonl, row 3, value 17"."""
        series = int(np.searchsorted(self.offsets, row, side="right")) - 1
        first = min(self.rows.parts[0].first, 1)
        return f"{self.rows.place(series)}, value {row - self.offsets[series] + first:,}"


@dataclass(frozen=True, eq=False)
class RepeatedOrigins(RowOrigins):
    """The origins of rows of a table that has those of another one several times, below each other."""

    rows: RowOrigins = RowOrigins()  # of the other table
    count: int = 1  # of its rows

    def place(self, row: int) -> str:
        """A row in a message: that of the other table."""
        return self.rows.place(row % self.count)
