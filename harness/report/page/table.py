"""The standings as a table that can be read without JavaScript."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.report.numbers import sortable
from harness.report.page.bars import Bar, domain, gain, skill_bar
from harness.report.standings.column import Cell, Column
from harness.report.standings.columns import table_columns
from harness.report.standings.rows import scale
from harness.results.standings import Row, Standings

MOST_ROWS = 30  # of a table that does not scroll by itself


@dataclass(frozen=True)
class Table:
    """The columns of the standings, and what their cells need beyond the values of a row."""

    columns: list[tuple[Column, Cell]]
    bars: Mapping[str, Bar | None]  # by forecaster: its skill
    best: Mapping[str, float]  # by task: its lowest score, or that of rounding; empty if the lowest is not the best
    before_tasks: int  # columns
    after_tasks: int
    scale: str  # of the scores
    has_intervals: bool
    tall: bool


def table(standings: Standings) -> Table:
    """The table of these standings."""
    columns, rows = table_columns(standings, "page"), standings.rows
    tasks = [position for position, (_, cell) in enumerate(columns) if cell.kind == "task"]
    gains = {row.forecaster: gain(row, standings.logarithmic) for row in rows}
    span = domain(gains.values())
    return Table(
        columns,
        {name: skill_bar(*shown, span) for name, shown in gains.items()},
        _best(standings),
        tasks[0] if tasks else 0,
        len(columns) - tasks[-1] - 1 if tasks else 0,
        scale(standings),
        any(math.isfinite(limit) for row in rows for limit in row.interval("skill")),
        len(rows) > MOST_ROWS,
    )


def sort_value(row: Row, column: Column, cell: Cell) -> str | None:
    """What a script sorts a cell by, None for what comes last."""
    value = column.value(row)
    if isinstance(value, str):
        return value
    windows = row.failed_windows / 1e6 if cell.kind == "failed" else 0  # cells first, then windows
    return sortable(column.number(row) + windows)


def _best(standings: Standings) -> dict[str, float]:
    if standings.best != "lowest" or len(standings.rows) < 2:
        return {}
    scores = {task: [row.scores.get(task, math.nan) for row in standings.rows] for task in standings.tasks}
    known = {task: [score for score in values if math.isfinite(score)] for task, values in scores.items()}
    lowest = {task: min(values) for task, values in known.items() if len(values) > 1}
    return {task: max(score, standings.rounding.get(task, score)) for task, score in lowest.items()}
