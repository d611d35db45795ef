"""What tables say of the test for ties with the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.report.standings.rows import TIED
from harness.results.standings import Row, Standings

ROUNDING = "errors below 10⁻¹⁰ of the largest actual are rounding, and equal in ranks, relative errors and tests"
TEST = "95 % model confidence set"
ORDER = (
    "p: the test drops the forecaster with the largest difference from another, in standard errors, until those left "
    "do not differ significantly; p need not follow the rank, and pairs differ more easily"
)


def tie_lines(standings: Standings, rows: Sequence[Row]) -> list[str]:
    """What the test for ties with the best says of a table with these rows, or why there was none."""
    tested = [row for row in standings.rows if not math.isnan(row.mcs_p_value)]
    if standings.tied_for_first:
        line = f"{TIED} not significantly worse than the best: p > 0.05 ({TEST})"
        return [line, *p_lines(standings), *filter(None, [tie_below(standings, rows)])]
    if len(tested) > 1:
        line = f"p: {standings.rows[0].forecaster} is significantly better than all others ({TEST})"
        return [line, *p_lines(standings)]
    if standings.significance is None:
        return []
    if sum(not row.missing for row in standings.rows) < 2:
        return ["ties not tested: fewer than two forecasters completed all cells"]
    if standings.best != "lowest":
        return [f"ties not tested: the best {standings.metric} is not the lowest"]
    units = standings.significance.units
    blocks = "; cutoffs in a block are not independent" if "blocks" in standings.significance.method else ""
    return [f"ties not tested: needs at least 9 independent series or cutoffs, and the board has {units}{blocks}"]


def p_lines(standings: Standings) -> list[str]:
    """How the p-values come about, where there are any."""
    ranked = [row for row in standings.rows if row.rank]
    tested = [row for row in ranked if not math.isnan(row.mcs_p_value)]
    if len(tested) < 2:
        return []
    failed = any(row.missing and math.isnan(row.mcs_p_value) for row in ranked)
    return [ORDER + ("; forecasters with failed results are not tested" if failed else "")]


def tie_below(standings: Standings, rows: Sequence[Row]) -> str:
    """Why one of these forecasters is tied for first although a better one is not; empty where none is.

    The test eliminates first the forecaster whose largest studentised difference from another is the largest. One that
    is worse in the mean outlasts a better one only if the standard error of its difference is larger.
    """
    ranked = [row for row in rows if row.rank and not math.isnan(row.mcs_p_value)]
    better = next((row for row in ranked if not row.tied_for_first), None)
    if better is None:
        return ""
    marked = [row for row in ranked if row.tied_for_first and row.skill < better.skill]
    if not marked:
        return ""
    tied = next((row for row in marked if row.forecaster == standings.baseline), marked[0])
    return (
        f"{tied.forecaster} ({tied.rank}{TIED}) is marked and {better.forecaster} ({better.rank}), whose skill is "
        f"higher, is not: the errors of {tied.forecaster} vary more, so that they are weaker evidence against it"
    )
