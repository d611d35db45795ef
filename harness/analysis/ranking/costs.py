"""Standings beside what their forecasters cost, as `harness bench` measured it on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.efficiency.board_costs import board_costs
from harness.results.standings import Standings
from harness.results.stored_plan import StoredPlan


def with_costs(standings: Standings, plan: StoredPlan, home: Path) -> Standings:
    """The standings with the latest costs of this machine, in the place of those that they had."""
    found = board_costs(plan, home)
    rows = tuple(replace(row, costs=found.by_forecaster.get(row.forecaster)) for row in standings.rows)
    return replace(standings, rows=rows, cost_notes=found.notes)
