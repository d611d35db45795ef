"""The values that the templates of a page show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.page.classes import ClassSummary
from harness.report.page.data import MOST_FORECASTERS, best_forecasters, chart_data
from harness.report.page.details import ForecasterDetails, curve_data
from harness.report.page.examples import Examples
from harness.report.page.table import table
from harness.report.standings.costs import p99_footnote
from harness.report.standings.overlap import is_marked, overlap_lines
from harness.report.standings.rows import BATCH, CLOSE, OVERLAP, STRICT, TIED, imputation_lines, mark_legend, mark_lines
from harness.report.standings.ties import p_lines, tie_below
from harness.report.text import LAYOUT, visible
from harness.results.standings import RankTest, Standings


@dataclass(frozen=True)
class Ranks:
    """The test of mean ranks, and how many forecasters are not significantly different from the best."""

    test: RankTest
    best: str
    ties: int


def view(standings: Standings, examples: Examples | None, details: Sequence[ForecasterDetails] = ()) -> dict[str, Any]:
    """All values by the names that the templates give them."""
    curves = {kind: curve_data(details, standings.tasks, kind) for kind in ("curves", "gradient_norms")}
    return {
        "standings": standings,
        "table": table(standings),
        "marks": _marks(standings),
        "reading": [*p_lines(standings), *imputation_lines(standings)],
        "overlaps": [*overlap_lines(standings), *mark_lines(standings)],
        "few": min(len(standings.rows), MOST_FORECASTERS),
        "unbounded": p99_footnote(standings),
        "ranks": _ranks(standings),
        "has_steps": examples is not None and any(examples.by_step.get(task) for task in standings.tasks),
        "has_windows": examples is not None and any(examples.examples.get(task) for task in standings.tasks),
        "classes": _classes(standings, examples),
        "details": details,
        "has_training": bool(curves["curves"]),
        "has_gradients": bool(curves["gradient_norms"]),
        "data": _visible(
            {**chart_data(standings, examples), "training": curves["curves"], "gradients": curves["gradient_norms"]}
        ),
    }


def _classes(standings: Standings, examples: Examples | None) -> dict[str, dict[str, ClassSummary]]:
    """The summaries of forecasts of classes by task and forecaster, the best first; empty of numbers."""
    if examples is None:
        return {}
    found = {task: examples.classes.get(task, {}) for task in standings.tasks}
    shown = best_forecasters(standings)
    return {task: {name: by[name] for name in shown if name in by} for task, by in found.items() if by}


def _visible(value: Any) -> Any:
    """A value of JSON in whose texts control characters are visible."""
    if isinstance(value, str):
        return visible(value, keep=LAYOUT)
    if isinstance(value, dict):
        return {name: _visible(item) for name, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, list) else value


def _marks(standings: Standings) -> dict[str, str]:
    """The signs in the table, and what they mean."""
    rows = standings.rows
    meanings = {
        TIED: (
            any(row.tied_for_first for row in rows),
            "tied for first: not significantly worse than the best (95 % model confidence set)"
            + (f"; {below}" if (below := tie_below(standings, rows)) else ""),
        ),
        CLOSE: (
            any(row.close_to_next for row in rows),
            "the gap to the next row is within the standard deviation over seeds, and may be chance",
        ),
        OVERLAP: (
            any(map(is_marked, rows)),
            "training overlap: trained or selected on data of the task, or of its period, so errors may be too low",
        ),
        BATCH: (
            any(row.batch_differences for row in rows),
            "depends on the batch: forecasts change with the other windows of a call, beyond the tolerance",
        ),
        STRICT: (
            any(row.strict for row in rows),
            "strict: forecast one point in time after the other, without later values in the forecaster’s process",
        ),
    }
    used = {mark: meaning for mark, (is_used, meaning) in meanings.items() if is_used}
    return {**used, **mark_legend(standings)}


def _ranks(standings: Standings) -> Ranks | None:
    """The test of mean ranks; None where there is none."""
    test = None if standings.significance is None else standings.significance.rank_test
    if test is None or not any(map(math.isfinite, test.mean_ranks.values())):
        return None
    best = min(test.mean_ranks, key=lambda forecaster: test.mean_ranks[forecaster])
    ties = len(test.cliques[0]) - 1 if test.cliques and best in test.cliques[0] else 0
    return Ranks(test, best, ties)
