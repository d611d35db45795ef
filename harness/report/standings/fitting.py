"""Fits a table into a width: which columns it has, and how wide they are. Numbers are never broken or cut."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table

from harness.report.standings.column import Cell
from harness.report.text import plain_text, visible

if TYPE_CHECKING:
    from rich.console import JustifyMethod, OverflowMethod

EDGE = 1  # character at the left of a table
GAP = 2  # characters between columns
MOST_DISTINCT = 48  # characters to which names grow so that they stay different
IMPORTANT = 4  # the highest priority of columns for which names are shortened


@dataclass(frozen=True)
class ShownColumn:
    """A column with the texts of all rows."""

    cell: Cell
    texts: tuple[str, ...]

    @property
    def is_task(self) -> bool:
        """Whether it shows the errors on a task."""
        return self.cell.kind == "task"

    @property
    def heading(self) -> list[str]:
        """The lines of its heading: the name of a task may take several."""
        name = visible(self.cell.heading)
        return (textwrap.wrap(name, self.cell.most) or [name]) if self.is_task else [name]

    @property
    def natural(self) -> int:
        """The width of its longest text."""
        return max(cell_len(visible(text)) for text in (*self.heading, *self.texts))

    @property
    def width(self) -> int:
        """Its width where there is room: texts that may be shortened have a limit."""
        return min(self.natural, max(self.cell.most, self.distinct)) if self.cell.can_shrink else self.natural

    @property
    def distinct(self) -> int:
        """The least width at which names that differ still do when they are shortened, if it is below a limit."""
        if self.cell.kind != "name":
            return self.cell.least
        names = sorted(set(map(visible, self.texts)))
        shared = max((cell_len(_common_beginning(*pair)) for pair in pairwise(names)), default=0)
        needed = min(shared + 2, self.natural)  # one more character, and "…"
        return self.cell.least if needed > MOST_DISTINCT else max(needed, self.cell.least)


def _common_beginning(first: str, second: str) -> str:
    """The characters that two texts begin with."""
    different = (i for i, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1])
    return first[: next(different, min(len(first), len(second)))]


def fitting_columns(columns: Sequence[ShownColumn], width: int, *, in_order: bool = False) -> list[ShownColumn]:
    """The columns that fit, chosen by their priority, or `in_order`: then the first ones.

    Of the tasks these are the first ones, so that none replaces another. Names are shortened for
    important columns only.
    """
    kept: list[ShownColumn] = []
    is_full = False
    for column in columns if in_order else sorted(columns, key=lambda column: column.cell.priority):
        in_turn = in_order or column.is_task
        needed = least_width if column.cell.priority <= IMPORTANT else table_width
        if column.cell.priority == 0 or (not (is_full and in_turn) and needed([*kept, column]) <= width):
            kept.append(column)
        else:
            is_full |= in_turn
    return [column for column in columns if column in kept]


def table_width(columns: Sequence[ShownColumn]) -> int:
    """How wide a table of them is, with what stands between them and at the edges."""
    return sum(column.width + GAP for column in columns) + EDGE


def fitted_table(title: str, columns: Sequence[ShownColumn], width: int) -> Table:
    """A table without rows, whose columns fit this width; texts fold or are shortened, numbers stay whole."""
    table = Table(
        title=plain_text(title, style="table.title"),
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column, characters in zip(columns, column_widths(columns, width), strict=True):
        folds = column.cell.kind in ("failed", "words")
        side: JustifyMethod = "left" if column.cell.can_shrink else "right"
        overflow: OverflowMethod = "fold" if folds else "ellipsis"
        heading = plain_text(*column.heading)
        table.add_column(heading, justify=side, overflow=overflow, no_wrap=not folds, width=characters)
    return table


def least_width(columns: Sequence[ShownColumn]) -> int:
    """How wide the table is if texts are shortened as far as they may be."""
    return table_width(columns) - sum(
        max(column.width - column.distinct, 0) for column in columns if column.cell.can_shrink
    )


def column_widths(columns: Sequence[ShownColumn], width: int) -> list[int]:
    """Of each column, so that all fit; failed results shrink before names do, and names grow before them.

    Names shrink as long as they stay different, and further only where there is no other room.
    """
    excess = table_width(columns) - width
    widths = [column.width for column in columns]
    shrinking = [i for i, column in enumerate(columns) if column.cell.can_shrink]
    for least in ([column.distinct for column in columns], [column.cell.least for column in columns]):
        for i in reversed(shrinking):
            cut = min(max(excess, 0), max(widths[i] - least[i], 0))
            widths[i], excess = widths[i] - cut, excess - cut
    for i in shrinking:
        more = min(max(-excess, 0), columns[i].natural - widths[i])
        widths[i], excess = widths[i] + more, excess + more
    return widths
