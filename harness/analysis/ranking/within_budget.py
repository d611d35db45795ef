"""Standings within a budget: who fits, in order with ranks of their own, and why the others do not."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.efficiency.budget import Budget, Limit, fits, format_quantity, parse_budget
from harness.results.standings import Row, Standings, close_to_next

UNRANKED = 0  # the rank of a baseline that does not fit


def apply_budget(standings: Standings, text: str) -> tuple[Standings, str]:
    """The rows that fit, and the baseline; where nobody fits, also who comes nearest, in a sentence.

    All figures are still those of the whole board, and only ranks are new. Raises BadInput for what is no budget.
    """
    budget = parse_budget(text)
    reasons = {row.forecaster: fits(row.costs, budget)[1] for row in standings.rows}
    fitting = [row for row in standings.rows if not reasons[row.forecaster]]
    kept = []
    for row in standings.rows:
        if row in fitting:
            kept.append(replace(row, rank=1 + sum(one.rank < row.rank for one in fitting)))
        elif row.forecaster == standings.baseline:
            kept.append(replace(row, rank=UNRANKED))
    said = ", ".join(map(str, budget))
    notes = [f"{len(fitting)} of {len(standings.rows)} forecasters fit {said}"]
    notes += [f"left out {', '.join(names)}: {why}" for why, names in _by_reason(reasons).items()]
    open_ended = [row.forecaster for row in fitting if row.costs is not None and row.costs.latency_p99_high is None]
    if open_ended and any(limit.quantity == "latency_p99" for limit in budget):
        notes.append(f"too few repetitions bound the p99 of {', '.join(open_ended)}; latency_p99_high leaves them out")
    if standings.baseline in reasons and reasons[standings.baseline] and fitting:
        notes.append(f"{standings.baseline} is shown without a rank: skill is relative to it")
    first = standings.rows[0] if standings.rows else None
    if first is not None and first not in fitting and any(row.tied_for_first for row in fitting):
        notes.append(f"ties are with the first of the whole board, {first.forecaster}, which does not fit")
    title, notes = f"{standings.title}, within {said}", [*notes, *standings.notes]
    changed = replace(standings, title=title, rows=close_to_next(kept), notes=tuple(notes))
    return changed, "" if fitting else _nothing(standings, budget, said)


def _by_reason(reasons: dict[str, str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for forecaster, why in reasons.items():
        if why:
            names.setdefault(why, []).append(forecaster)
    return names


def _nothing(standings: Standings, budget: Budget, said: str) -> str:
    """Who comes nearest: by the limit that it misses most, then by the next."""
    board = standings.board
    if not standings.measured:
        return f"No forecaster of {board} was measured on this machine; run `harness bench --board {board}` first."
    near = [(_over(row, budget), row) for row in standings.rows if _known(row, budget)]
    if not near:
        return f"No forecaster of {board} fits {said}: of none were all of these measured."
    missed, row = min(near, key=lambda one: [times for times, _ in one[0]])
    limit = missed[0][1]
    value = format_quantity(limit.quantity, getattr(row.costs, limit.quantity))
    return f"No forecaster of {board} fits {said}: the nearest is {row.forecaster}, whose {limit.quantity} is {value}."


def _known(row: Row, budget: Budget) -> bool:
    return row.costs is not None and all(getattr(row.costs, limit.quantity) is not None for limit in budget)


def _over(row: Row, budget: Budget) -> list[tuple[float, Limit]]:
    """How many times over each limit it is, the worst first."""
    over = []
    for limit in budget:
        value = getattr(row.costs, limit.quantity)
        more, less = (value, limit.value) if limit.comparison.startswith("<") else (limit.value, value)
        over.append((more / less if less else math.inf, limit))
    return sorted(over, key=lambda one: -one[0])
