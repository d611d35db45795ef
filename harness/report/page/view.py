"""The values that the templates of a page show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from harness.report.costs import p99_footnote
from harness.report.overlap import is_marked, overlap_lines
from harness.report.page.data import chart_data
from harness.report.page.examples import Examples
from harness.report.page.table import table
from harness.report.rows import CLOSE, OVERLAP, TIED
from harness.report.text import LAYOUT, visible
from harness.results.standings import RankTest, Standings


@dataclass(frozen=True)
class Ranks:
    """The test of mean ranks, and how many forecasters are not significantly different from the best."""

    test: RankTest
    best: str
    ties: int


def view(standings: Standings, examples: Examples | None) -> dict[str, Any]:
    """All values by the names that the templates give them."""
    return {
        "standings": standings,
        "table": table(standings),
        "marks": _marks(standings),
        "overlaps": overlap_lines(standings),
        "unbounded": p99_footnote(standings),
        "ranks": _ranks(standings),
        "has_steps": examples is not None and any(examples.by_step.get(task) for task in standings.tasks),
        "has_windows": examples is not None and any(examples.examples.get(task) for task in standings.tasks),
        "data": _visible(chart_data(standings, examples)),
    }


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
            "tied for first: not significantly worse than the best (95 % model confidence set)",
        ),
        CLOSE: (
            any(row.close_to_next for row in rows),
            "the gap to the next row is within the standard deviation over seeds, and may be chance",
        ),
        OVERLAP: (
            any(map(is_marked, rows)),
            "training overlap: trained or selected on data of the task, or of its period, so errors may be too low",
        ),
    }
    return {mark: meaning for mark, (used, meaning) in meanings.items() if used}


def _ranks(standings: Standings) -> Ranks | None:
    """The test of mean ranks; None where there is none."""
    test = None if standings.significance is None else standings.significance.rank_test
    if test is None or not any(map(math.isfinite, test.mean_ranks.values())):
        return None
    best = min(test.mean_ranks, key=lambda forecaster: test.mean_ranks[forecaster])
    ties = len(test.cliques[0]) - 1 if test.cliques and best in test.cliques[0] else 0
    return Ranks(test, best, ties)
