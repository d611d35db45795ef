"""What came of a comparison: for the terminal, and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from harness.report.numbers import error

if TYPE_CHECKING:
    from harness.analysis.comparison.results import Comparison, ConditionResult, PairResult

STYLES = {"passed": "green", "failed": "red", "not testable": "yellow", "not compared": "yellow", "": ""}
MOST = 3  # places that a line names
MANY = 20  # rows of a table, beyond which those without a difference are left out


def comparison_tables(found: Comparison) -> Iterator[Table]:
    """A table for each condition, fit for 100 columns; where there is none, one of all that is shown."""
    for judged in _together(found):
        said = "B beside A" if judged.condition is None else f"fails if {judged.condition}"
        title = Text(said, style="bold not italic")
        table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, collapse_padding=True)
        table.add_column("forecaster", no_wrap=True, overflow="ellipsis", max_width=26)
        table.add_column("task", no_wrap=True, overflow="ellipsis", max_width=14)
        if judged.condition is None:
            table.add_column("metric", no_wrap=True, overflow="ellipsis", max_width=15)
        for heading in ("A", "B", "difference %", "p"):
            table.add_column(heading, justify="right", no_wrap=True)
        if judged.condition is not None:
            table.add_column("verdict", no_wrap=True)
        for one in _told(judged):
            cells = [one.forecaster, one.task, *([one.quantity] if judged.condition is None else [])]
            cells += [error(one.first, logarithmic=False), error(one.second, logarithmic=False), _percent(one), _p(one)]
            verdict = [] if judged.condition is None else [Text(_word(one), style=STYLES[one.verdict])]
            table.add_row(*map(Text, cells), *verdict)
        if table.rows:
            yield table


def comparison_lines(found: Comparison) -> list[str]:
    """Why something was not tested or compared, each reason once, and at last whether it passed."""
    reasons: dict[str, dict[str, None]] = {}
    for judged in found.results:
        for one in judged.pairs:
            if one.reason:
                word = one.verdict or "not tested"
                reasons.setdefault(f"{word}, {one.reason}", {})[f"{one.forecaster} on {one.task}"] = None
    for reason, places in found.unmatched.items():
        reasons.setdefault(f"not compared, {reason}", {}).update(dict.fromkeys(places))
    lines = [f"{reason}: {_some(list(places))}" for reason, places in reasons.items()]
    if same := sum(len(judged.pairs) - len(_told(judged)) for judged in _together(found)):
        lines.append(f"{same} rows in which B does not differ from A are left out; --csv has them")
    lines.append(f"A is {found.first}, B is {found.second}; a positive difference: B is worse or costs more")
    if any(not math.isnan(one.p_value) for judged in found.results for one in judged.pairs):
        lines.append("p: Diebold–Mariano on the units' losses, after Holm's correction over the rows of a table")
    conditions = [one for one in found.results if one.condition is not None]
    if conditions:
        failed = [str(one.condition) for one in conditions if one.failed]
        strictly = " (strict: something could not be compared)" if found.failed and not failed else ""
        lines.append(f"FAILED: {'; '.join(failed)}{strictly}" if found.failed else "passed")
    return lines


def comparison_csv(found: Comparison) -> str:
    """One row a condition, forecaster and task; what could not be compared has its reason."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    headings = ["condition", "forecaster", "task", "quantity", "A", "B", "difference_percent", "p", "verdict", "reason"]
    writer.writerow(headings)
    for judged in found.results:
        said = "" if judged.condition is None else str(judged.condition)
        for one in judged.pairs:
            numbers = (one.first, one.second, one.difference, one.p_value)
            written = ["" if math.isnan(value) else repr(value) for value in numbers]
            writer.writerow([said, one.forecaster, one.task, one.quantity, *written, one.verdict, one.reason])
    for reason, places in found.unmatched.items():
        for place in places:
            forecaster, _, task = place.rpartition(" on ")
            writer.writerow(["", forecaster, task, "", "", "", "", "", "not compared", reason])
    return file.getvalue()


def _together(found: Comparison) -> list[ConditionResult]:
    """The conditions each by itself; what is only shown in one."""
    if any(one.condition is not None for one in found.results):
        return list(found.results)
    lines = tuple(line for one in found.results for line in one.pairs)
    return [replace(found.results[0], pairs=lines)]


def _told(judged: ConditionResult) -> list[PairResult]:
    """The lines of a table; of many only those that differ, or could not be compared."""
    return [one for one in judged.pairs if len(judged.pairs) <= MANY or one.difference != 0]


def _percent(one: PairResult) -> str:
    if math.isnan(one.difference):
        return "–"
    if math.isinf(one.difference):
        return "∞"
    return f"{one.difference:+.2f}" if abs(one.difference) < 1e4 else f"{one.difference:+.1e}"


def _p(one: PairResult) -> str:
    if math.isnan(one.p_value):
        return "–"
    return "<0.0001" if one.p_value < 1e-4 else f"{one.p_value:.4f}"


def _word(one: PairResult) -> str:
    return "FAILED" if one.verdict == "failed" else one.verdict


def _some(places: list[str]) -> str:
    more = f" and {len(places) - MOST} more" if len(places) > MOST else ""
    return ", ".join(places[:MOST]) + more
