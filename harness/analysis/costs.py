"""Standings joined with what their forecasters cost, as `harness bench` measured it on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.efficiency.board_costs import board_costs
from harness.results.standings import Standings
from harness.results.stored_plan import StoredPlan


def with_costs(standings: Standings, plan: StoredPlan, home: Path) -> Standings:
    """The standings with the latest costs of this machine, instead of any that they had."""
    costs = board_costs(plan, home)
    rows = tuple(replace(row, costs=costs.by_forecaster.get(row.forecaster)) for row in standings.rows)
    return replace(standings, rows=rows, cost_notes=costs.notes)


def without_costs(standings: Standings) -> Standings:
    """The standings without costs, which belong to one machine."""
    return replace(standings, rows=tuple(replace(row, costs=None) for row in standings.rows), cost_notes=())
