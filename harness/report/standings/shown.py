"""Which forecasters and columns of standings a table shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UnknownName
from harness.fields.names import split_names
from harness.report.numbers import NOTHING, error
from harness.report.standings.column import Cell, Column, Value
from harness.report.standings.columns import data_columns, standings_columns, table_columns
from harness.results.standings import Row, Standings

ALWAYS = ("#", "forecaster")  # headings of the terminal that a choice of columns does not leave out


@dataclass(frozen=True)
class Shown:
    """The forecasters and columns that a table of standings shows; by default all.

    The rows are those `only` of these names, which may be several between commas, and the `top` ranks; with both,
    either. Ranks, scores and tests remain those of the whole board. `columns` are names as in CSV, or headings of the
    terminal.
    """

    only: tuple[str, ...] = ()
    top: int | None = None
    columns: tuple[str, ...] = ()

    def rows(self, standings: Standings) -> tuple[Row, ...]:
        """The rows that are shown; raises UnknownName for a forecaster that is not on the board."""
        known = {row.forecaster for row in standings.rows}
        only = split_names(self.only, known)
        for name in only:
            if name not in known:
                raise UnknownName(f"forecaster with results on board {standings.board!r}", name, known)
        if not only and self.top is None:
            return standings.rows
        return tuple(row for row in standings.rows if row.forecaster in only or 0 < row.rank <= (self.top or 0))

    def cells(self, standings: Standings) -> list[Cell]:
        """The columns of a table in the terminal, those that were chosen in their order; raises UnknownName."""
        cells = [cell for _, cell in table_columns(standings, "terminal")]
        if not self.columns:
            return cells
        always = [cell for cell in cells if cell.heading in ALWAYS]
        chosen = [_cell(name, standings) for name in self.columns]
        return [*always, *(cell for cell in chosen if cell.heading not in ALWAYS)]

    def data(self, standings: Standings) -> dict[str, Column]:
        """The columns of CSV by their names, the forecaster first; raises UnknownName."""
        columns = data_columns(standings, "csv")
        if not self.columns:
            return columns
        names = [_csv_name(given, standings) for given in self.columns]
        return {name: columns[name] for name in dict.fromkeys(["forecaster", *names])}


EVERYTHING = Shown()


def _cell(name: str, standings: Standings) -> Cell:
    """A column as the terminal shows it, by its heading or its name; its value where only CSV has the column."""
    for _, cell in table_columns(standings, "terminal"):
        if cell.heading == name:
            return cell
    column = data_columns(standings, "csv")[_csv_name(name, standings)]
    if shown := column.tables.get("terminal"):
        return shown[0]
    is_text = any(isinstance(column.value(row), str) for row in standings.rows)
    return Cell(name, lambda row: value_text(column.value(row)), style="words" if is_text else "number")


def _csv_name(name: str, standings: Standings) -> str:
    """The name in CSV of a column: given as it is, as the column's own, or as its heading in the terminal."""
    in_csv = data_columns(standings, "csv")
    if name in in_csv:
        return name
    for column in standings_columns(standings):
        headings = [cell.heading for cell in column.tables.get("terminal", ())]
        if "csv" in column.names and name in (column.name, *headings):
            return column.names["csv"]
    raise UnknownName(f"column of board {standings.board!r}", name, in_csv)


def value_text(value: Value) -> str:
    """A value of a column in a few characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    return error(value) if isinstance(value, float) else str(value)


def listed(names: Sequence[str]) -> str:
    """Names as they are listed in a sentence: a, b and c."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
