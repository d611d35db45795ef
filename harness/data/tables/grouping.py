"""The series of a long table: their rows, sorted by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.arrays import Ints, Times
from harness.data.tables.findings import Finding
from harness.data.tables.rows import RowOrigins
from harness.data.tables.zones import time_text
from harness.errors import BadData


@dataclass(frozen=True, eq=False)
class SortedRows:
    """The rows of a table, sorted by series and time."""

    ids: tuple[str, ...]
    order: Ints | None  # (row,) their positions in the table; None if the table is sorted
    offsets: Ints  # (series + 1,)
    times: Times  # (row,)
    zone: str | None = None  # in which messages write times of UTC

    def sorted(self, column: Any) -> Any:
        """An array (row, …) in this order."""
        return column if self.order is None else column[self.order]

    def place(self, row: int, origins: RowOrigins) -> str:
        """The place in the table of a sorted row."""
        return origins.place(int(row if self.order is None else self.order[row]))

    def series_of(self, row: int) -> str:
        """The id of the series of a row."""
        return self.ids[int(np.searchsorted(self.offsets, row, side="right")) - 1]

    def time_text(self, row: int) -> str:
        """The time of a sorted row in a message."""
        return time_text(self.times[row], self.zone)

    @property
    def codes(self) -> Ints:
        """The series of each row."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.offsets))

    def subset(self, rows: Any) -> SortedRows:
        """Only these of the sorted rows, a mask or positions in their order."""
        order = np.arange(len(self.times)) if self.order is None else self.order
        codes = self.codes[rows]
        counts = np.bincount(codes, minlength=len(self.ids))
        left = np.flatnonzero(counts)
        return replace(
            self,
            ids=tuple(self.ids[i] for i in left),
            order=order[rows],
            offsets=np.concatenate([[0], np.cumsum(counts[left])]),
            times=self.times[rows],
        )


def series_codes(table: Any, ids: Sequence[str], origins: RowOrigins) -> tuple[Ints, tuple[str, ...]]:
    """The series of each row of a table, and the ids of series, in the order in which they appear."""
    if not ids:
        return np.zeros(table.num_rows, dtype=np.int64), ("0",)
    codes: Ints = np.zeros(table.num_rows, dtype=np.int64)
    names: list[str] = [""]
    for i, column in enumerate(ids):
        encoded = table[column].combine_chunks()
        if encoded.null_count:
            row = int(np.argmax(encoded.is_null().to_numpy(zero_copy_only=False)))
            raise BadData(f"{origins.place(row)}: column {column!r} is empty, and names the series; fill it in")
        if not hasattr(encoded, "dictionary"):
            encoded = encoded.dictionary_encode()
        texts = [_id_text(value) for value in encoded.dictionary.to_pylist()]
        inner = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        codes, appear = _in_order(codes * len(texts) + inner)
        names = [
            f"{names[code // len(texts)]}/{texts[code % len(texts)]}" if i else texts[code] for code in appear.tolist()
        ]
    return codes, tuple(names)


def _id_text(value: object) -> str:
    """The id of a series as a text; whole numbers have no decimals."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _in_order(codes: Ints) -> tuple[Ints, Ints]:
    """Codes from 0 on in the order in which they appear, and the original codes of each."""
    present, firsts, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[inverse], present[order]


def sort_rows(
    codes: Ints, ids: tuple[str, ...], times: Times, origins: RowOrigins, zone: str | None = None
) -> tuple[SortedRows, tuple[Finding, ...]]:
    """The rows sorted by series and time; rows of the same series and time stay in their order."""
    offsets = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(ids)))])
    later, same = codes[1:] > codes[:-1], codes[1:] == codes[:-1]
    falls = times[1:] < times[:-1]
    if bool((later | (same & ~falls)).all()):
        return SortedRows(ids, None, offsets, times, zone), ()
    found: tuple[Finding, ...] = ()
    if bool((same & falls).any()):
        row = int(np.argmax(same & falls)) + 1
        problem = (
            f"{origins.place(row)}: in series {ids[codes[row]]!r}, {time_text(times[row], zone)} follows "
            f"{time_text(times[row - 1], zone)}"
        )
        found = (Finding("changed", "unsorted rows", problem, "rows were sorted by time"),)
    order = np.lexsort((times, codes))
    return SortedRows(ids, order, offsets, times[order], zone), found
