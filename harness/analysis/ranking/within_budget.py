"""Standings within a budget: the forecasters that fit, ranked among themselves, and why the others do not."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.efficiency.budget import Budget, Limit, format_quantity, parse_budget, violation
from harness.results.standings import Row, Standings, close_to_next

UNRANKED = 0  # the rank of a baseline that does not fit


def apply_budget(standings: Standings, text: str) -> tuple[Standings, str]:
    """The rows that fit, and the baseline; where no forecaster fits, also a sentence with the nearest one.

    Only ranks are new: all scores remain those of the whole board. Raises BadInput for a text that is no budget.
    """
    budget = parse_budget(text)
    violations = {row.forecaster: violation(row.costs, budget) for row in standings.rows}
    fitting = [row for row in standings.rows if not violations[row.forecaster]]
    kept = []
    for row in standings.rows:
        if row in fitting:
            kept.append(replace(row, rank=1 + sum(other.rank < row.rank for other in fitting)))
        elif row.forecaster == standings.baseline:
            kept.append(replace(row, rank=UNRANKED))
    limits = ", ".join(map(str, budget))
    notes = [f"{len(fitting)} of {len(standings.rows)} forecasters fit {limits}", *_exclusions(violations)]
    notes += _caveats(standings, budget, fitting)
    title = f"{standings.title}, within {limits}"
    changed = replace(standings, title=title, rows=close_to_next(kept), notes=(*notes, *standings.notes))
    return changed, "" if fitting else _nearest(standings, budget, limits)


def _exclusions(violations: dict[str, str]) -> list[str]:
    """Why forecasters do not fit, each reason once."""
    names: dict[str, list[str]] = {}
    for forecaster, why in violations.items():
        if why:
            names.setdefault(why, []).append(forecaster)
    return [f"left out {', '.join(excluded)}: {why}" for why, excluded in names.items()]


def _caveats(standings: Standings, budget: Budget, fitting: list[Row]) -> list[str]:
    """What a reader of the remaining rows has to know."""
    notes = []
    unbounded = [row.forecaster for row in fitting if row.costs is not None and row.costs.latency_p99_high is None]
    if unbounded and any(limit.quantity == "latency_p99" for limit in budget):
        notes.append(f"too few repetitions bound the p99 of {', '.join(unbounded)}; latency_p99_high leaves them out")
    names = [row.forecaster for row in fitting]
    if (
        fitting
        and standings.baseline not in names
        and any(row.forecaster == standings.baseline for row in standings.rows)
    ):
        notes.append(f"{standings.baseline} is shown without a rank: skill is relative to it")
    first = standings.rows[0] if standings.rows else None
    if first is not None and first not in fitting and any(row.tied_for_first for row in fitting):
        notes.append(f"ties are with the first of the whole board, {first.forecaster}, which does not fit")
    return notes


def _nearest(standings: Standings, budget: Budget, limits: str) -> str:
    """The forecaster whose largest violation is smallest; of equal ones, the next largest counts."""
    board = standings.board
    if not standings.measured:
        return f"No forecaster of {board} was measured on this machine; run `harness bench --board {board}` first."
    candidates = [(_excesses(row, budget), row) for row in standings.rows if _all_measured(row, budget)]
    if not candidates:
        return f"No forecaster of {board} fits {limits}: none has all of these measured."
    excesses, row = min(candidates, key=lambda candidate: [factor for factor, _ in candidate[0]])
    quantity = excesses[0][1].quantity
    value = format_quantity(quantity, getattr(row.costs, quantity))
    return f"No forecaster of {board} fits {limits}: the nearest is {row.forecaster}, whose {quantity} is {value}."


def _all_measured(row: Row, budget: Budget) -> bool:
    return row.costs is not None and all(getattr(row.costs, limit.quantity) is not None for limit in budget)


def _excesses(row: Row, budget: Budget) -> list[tuple[float, Limit]]:
    """The factor by which a row exceeds each limit, the largest first."""
    excesses = []
    for limit in budget:
        value = getattr(row.costs, limit.quantity)
        more, less = (value, limit.value) if limit.comparison.startswith("<") else (limit.value, value)
        excesses.append((more / less if less else math.inf, limit))
    return sorted(excesses, key=lambda excess: -excess[0])
