"""A column of standings, and how each view shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.results.standings import Row

Value = float | str | bool | None
Table = Literal["terminal", "markdown", "page"]  # views for readers: headings and texts
Data = Literal["csv", "frame", "metric", "tag"]  # views for programs: names and values; metrics and tags are MLflow's
WIDTH = 100  # characters of a terminal


@dataclass(frozen=True)
class Cell:
    """How a view for readers shows a column."""

    heading: str
    text: Callable[[Row], str]
    interval: Callable[[Row], str] = lambda row: ""  # beside the text, on the page
    style: str = "number"  # CSS classes on the page; the last one is the kind of cell
    most: int = WIDTH  # characters in a terminal: of a name or a text where there is little room, of a task's heading
    least: int = WIDTH  # characters to which a name or a text may shrink
    priority: int = 5  # in a terminal: columns of a higher one are left out first, those of 0 never

    @property
    def kind(self) -> str:
        """The kind of cell, by which views choose its layout: rank, name, skill, seeds, task, failed, words, number."""
        return self.style.rpartition(" ")[2]

    @property
    def can_shrink(self) -> bool:
        """Whether a terminal may shorten its texts, which are no numbers."""
        return self.kind in ("name", "failed", "words")


@dataclass(frozen=True)
class Column:
    """A column of standings: its meaning, its value in a row, and how each view shows it."""

    name: str
    meaning: str
    value: Callable[[Row], Value]
    names: Mapping[Data, str] = field(default_factory=dict)  # in the views for programs that have it
    tables: Mapping[Table, tuple[Cell, ...]] = field(default_factory=dict)  # in the views for readers that show it
    best_first: Literal["ascending", "descending"] = "ascending"  # order in which the best comes first
    optional: bool = False  # whether data frames leave it out where no row has a value
    important: bool = False  # whether the table of a board in MLflow shows it
    unit: str = ""  # of measured costs: seconds, rate, bytes, joules, number or identifier
    factor: float = 1.0  # of the metric in MLflow
    tag_text: Callable[[Row], str] = lambda row: ""  # the value of the tag in MLflow

    def has_value(self, row: Row) -> bool:
        """Whether the row has a value other than NaN, an empty text and False."""
        value = self.value(row)
        return bool(value) and value == value

    def number(self, row: Row) -> float:
        """The value as a number, NaN where it is none."""
        value = self.value(row)
        return math.nan if value is None or isinstance(value, str) else float(value)


def column_names(name: str, *views: Data) -> dict[Data, str]:
    """One name in several views; by default in all that hold numbers."""
    return dict.fromkeys(views or ("csv", "frame", "metric"), name)


def text_tables(*cells: Cell) -> dict[Table, tuple[Cell, ...]]:
    """The same cells in the terminal and in Markdown."""
    return {"terminal": cells, "markdown": cells}
