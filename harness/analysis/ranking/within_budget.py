"""Standings within a budget: the forecasters that fit, ranked among themselves, and why the others do not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from harness.efficiency.budget import (
    ALIASES,
    VARYING,
    Budget,
    Limit,
    format_quantity,
    parse_budget,
    quantity_with_interval,
)
from harness.efficiency.verdict import Verdict, verdict
from harness.results.standings import Row, Standings, close_to_next

UNRANKED = 0  # the rank of a baseline that does not fit
OPEN = {"busy": "measured on a busy machine", "undecided": "too noisy to decide"}  # kinds of verdicts, in words
Verdicts = Mapping[str, Verdict]  # by forecaster


def apply_budget(standings: Standings, text: str) -> tuple[Standings, str]:
    """The rows that fit, and the baseline; where no forecaster fits, also a text that says why.

    A forecaster fits if the intervals of its figures are within the limits. If an interval includes a limit, or if the
    machine was busy, it is not decided, and the forecaster has no rank. Only ranks are new: all scores remain those of
    the whole board.
    Raises BadInput for a text that is no budget.
    """
    budget = parse_budget(text)
    verdicts = {row.forecaster: verdict(row.costs, budget) for row in standings.rows}
    fitting = [row for row in standings.rows if verdicts[row.forecaster].kind == "met"]
    kept = []
    for row in standings.rows:
        if row in fitting:
            kept.append(replace(row, rank=1 + sum(other.rank < row.rank for other in fitting)))
        elif row.forecaster == standings.baseline:
            kept.append(replace(row, rank=UNRANKED))
    limits = ", ".join(map(str, budget))
    count = f"{len(fitting)} of {len(standings.rows)} forecasters fit {limits}{_counts(verdicts)}"
    why_not = [*_undecided(verdicts), *_exclusions(verdicts), *_unmeasured(standings, verdicts)]
    notes = [count, *_decisive_figures(fitting, budget), *why_not, *_caveats(standings, fitting)]
    title = f"{standings.title}, within {limits}"
    changed = replace(standings, title=title, rows=close_to_next(kept), notes=(*notes, *standings.notes))
    if fitting:
        return changed, ""
    return changed, "\n".join([_nearest(standings, budget, limits, verdicts), *(why_not if standings.measured else [])])


def _counts(verdicts: Verdicts) -> str:
    """For how many forecasters it is not decided, as the end of a sentence."""
    kinds = [found.kind for found in verdicts.values()]
    text = ""
    if busy := kinds.count("busy"):
        text += f"; {busy} {'was' if busy == 1 else 'were'} measured on a busy machine"
    if undecided := kinds.count("undecided"):
        text += f"; {undecided} {'is' if undecided == 1 else 'are'} too noisy to decide"
    return text


def _decisive_figures(fitting: list[Row], budget: Budget) -> list[str]:
    """The figures of those that fit, with the intervals that decided."""
    quantities = dict.fromkeys(map(_quantity, budget))
    notes = []
    for quantity in quantities:
        if quantity in VARYING and fitting:
            figures = [
                f"{row.forecaster} {quantity_with_interval(row.costs, quantity)}"
                for row in fitting
                if row.costs is not None
            ]
            notes.append(f"{quantity} [95 %]: {', '.join(figures)}")
    return notes


def _undecided(verdicts: Verdicts) -> list[str]:
    """Those for which it cannot be decided, by what would help."""
    figures: dict[tuple[str, str], list[str]] = {}
    for forecaster, found in verdicts.items():
        if found.kind in OPEN:
            figures.setdefault((OPEN[found.kind], found.remedy), []).append(f"{forecaster} ({found.reason})")
    return [f"{what}: {', '.join(names)}: {remedy}" for (what, remedy), names in figures.items()]


def _exclusions(verdicts: Verdicts) -> list[str]:
    """Why forecasters do not fit, each reason once."""
    names: dict[str, list[str]] = {}
    for forecaster, found in verdicts.items():
        if found.kind == "not met":
            names.setdefault(found.reason, []).append(forecaster)
    return [f"left out {', '.join(excluded)}: {why}" for why, excluded in names.items()]


def _unmeasured(standings: Standings, verdicts: Verdicts) -> list[str]:
    """How many forecasters were not measured."""
    number = sum(found.kind == "not measured" for found in verdicts.values())
    if not number:
        return []
    were = "1 forecaster was" if number == 1 else f"{number} forecasters were"
    return [f"{were} not measured on this machine: `harness bench --board {standings.board}` measures all"]


def _caveats(standings: Standings, fitting: list[Row]) -> list[str]:
    """What a reader of the remaining rows has to know."""
    notes = []
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


def _nearest(standings: Standings, budget: Budget, limits: str, verdicts: Verdicts) -> str:
    """The forecaster whose largest violation is smallest; of equal ones, the next largest counts."""
    board = standings.board
    if not standings.measured:
        return f"No forecaster of {board} was measured on this machine; run `harness bench --board {board}` first."
    if any(found.kind in OPEN for found in verdicts.values()):
        return f"No forecaster of {board} fits {limits}."
    candidates = [(_excesses(row, budget), row) for row in standings.rows if _all_measured(row, budget)]
    if not candidates:
        return f"No forecaster of {board} fits {limits}: none has all of these measured."
    excesses, row = min(candidates, key=lambda candidate: [factor for factor, _ in candidate[0]])
    quantity = _quantity(excesses[0][1])
    value = format_quantity(quantity, getattr(row.costs, quantity))
    return f"No forecaster of {board} fits {limits}: the nearest is {row.forecaster}, whose {quantity} is {value}."


def _quantity(limit: Limit) -> str:
    return ALIASES.get(limit.quantity, limit.quantity)


def _all_measured(row: Row, budget: Budget) -> bool:
    return row.costs is not None and all(getattr(row.costs, _quantity(limit)) is not None for limit in budget)


def _excesses(row: Row, budget: Budget) -> list[tuple[float, Limit]]:
    """The factor by which a row exceeds each limit, the largest first."""
    excesses = []
    for limit in budget:
        value = getattr(row.costs, _quantity(limit))
        more, less = (value, limit.value) if limit.comparison.startswith("<") else (limit.value, value)
        excesses.append((more / less if less else math.inf, limit))
    return sorted(excesses, key=lambda excess: -excess[0])
