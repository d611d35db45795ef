"""Standings as CSV."""

from __future__ import annotations

from harness.report.standings.shown import EVERYTHING, Shown
from harness.report.tables import csv_table
from harness.results.standings import Standings


def standings_csv(standings: Standings, shown: Shown = EVERYTHING) -> str:
    """One row a forecaster, in all columns that CSV has; costs where `harness bench` measured any."""
    columns, rows = shown.data(standings), shown.rows(standings)
    return csv_table(list(columns), ([column.value(row) for column in columns.values()] for row in rows))
