"""Standings as CSV."""

from __future__ import annotations

from harness.report.columns import data_columns
from harness.report.tables import csv_table
from harness.results.standings import Standings


def standings_csv(standings: Standings) -> str:
    """One row a forecaster, in all columns that CSV has; costs where `harness bench` measured any."""
    columns = data_columns(standings, "csv")
    return csv_table(list(columns), ([column.value(row) for column in columns.values()] for row in standings.rows))
