"""The results of a comparison: as tables for the terminal, and as CSV."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from harness.report.numbers import error, p_value, percent
from harness.report.standings.column import WIDTH
from harness.report.standings.fitting import EDGE, GAP
from harness.report.tables import csv_table, some_of
from harness.report.text import plain_text

if TYPE_CHECKING:
    from rich.text import Text

    from harness.analysis.comparison.results import Comparison, ConditionResult, PairResult

STYLES = {
    "passed": "green",
    "failed": "red",
    "identical": "dim",
    "not testable": "yellow",
    "not compared": "yellow",
    "": "",
}
LEAST_WIDTHS = (10, 8, 6)  # to which the columns of names may shrink
MOST_NAMES = 3  # in a line
MOST_ROWS = 20  # of a table; where there are more, those without a difference are left out
CSV_HEADINGS = (
    "condition",
    "forecaster",
    "task",
    "quantity",
    "A",
    "B",
    "difference_percent",
    "p",
    "verdict",
    "reason",
    "detectable_percent",
    "identical",
)


def comparison_tables(comparison: Comparison, width: int = WIDTH) -> Iterator[Table]:
    """A table for each condition, for a terminal of this width; without conditions one of all metrics.

    Where there is little room, names take several lines; numbers do not.
    """
    for result in _tables(comparison):
        rows = [_cells(pair, result) for pair in _shown_pairs(result)]
        if not rows:
            continue
        table = _empty_table(result)
        texts = [max(row[i].cell_len for row in rows) for i in range(len(table.columns))]
        for column, longest in zip(table.columns, texts, strict=True):
            heading = len(str(column.header))
            column.min_width = max(heading, longest if column.max_width is None else min(longest, column.max_width))
        excess = sum((column.min_width or 0) + GAP for column in table.columns) + EDGE - width
        for column, least in zip(table.columns, LEAST_WIDTHS, strict=False):
            cut = min(max(excess, 0), max((column.min_width or 0) - least, 0)) if column.max_width else 0
            column.max_width = column.min_width = (column.min_width or 0) - cut
            excess -= cut
        for row in rows:
            table.add_row(*row)
        yield table


def _empty_table(result: ConditionResult) -> Table:
    condition = result.condition
    title = plain_text("B compared with A" if condition is None else f"fails if {condition}", style="bold not italic")
    table = Table(
        title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
    table.add_column("forecaster", overflow="fold", max_width=60)
    table.add_column("task", overflow="fold", max_width=40)
    if condition is None:
        table.add_column("metric", no_wrap=True, overflow="ellipsis", max_width=15)
    detectable = ["detectable %"] if _has_power(result) else []
    for heading in ("A", "B", "difference %", "p", *detectable):
        table.add_column(heading, justify="right", no_wrap=True)
    if condition is not None:
        table.add_column("verdict", no_wrap=True)
    return table


def _cells(pair: PairResult, result: ConditionResult) -> list[Text]:
    names = [pair.forecaster, pair.task, *([pair.quantity] if result.condition is None else [])]
    p = "identical" if pair.identical and result.condition is None else p_value(pair.p_value)
    numbers = [error(pair.first), error(pair.second), percent(pair.difference), p]
    if _has_power(result):
        numbers.append(percent(pair.detectable).removeprefix("+"))
    word = "FAILED" if pair.verdict == "failed" else pair.verdict
    verdict = [] if result.condition is None else [plain_text(word, style=STYLES[pair.verdict])]
    return [*(plain_text(text) for text in names + numbers), *verdict]


def _has_power(result: ConditionResult) -> bool:
    """Whether there are tests whose power can be shown."""
    return any(not math.isnan(pair.detectable) for pair in result.pairs)


def comparison_lines(comparison: Comparison) -> list[str]:
    """Why pairs were not tested or compared, each reason once; the last line says whether the comparison passed."""
    lines = [f"{reason}: {some_of(pairs, MOST_NAMES)}" for reason, pairs in _reasons(comparison).items()]
    hidden = sum(len(result.pairs) - len(_shown_pairs(result)) for result in _tables(comparison))
    if hidden:
        lines.append(f"{hidden} rows in which B does not differ from A are left out; --csv has them")
    lines.append(f"A is {comparison.first}, B is {comparison.second}; a positive difference: B is worse or costs more")
    lines += machine_lines(comparison)
    if comparison.same:
        lines.append("A and B are the same results; name two different ones, such as BOARD@published and BOARD")
    if any(not math.isnan(pair.p_value) for result in comparison.results for pair in result.pairs):
        several = len(comparison.results) > 1 and comparison.results[0].condition is None
        rows = "the tested rows of a metric, not over metrics" if several else "the tested rows of a table"
        lines.append(
            f"p: {_sides(comparison)}Diebold–Mariano test on losses of series or cutoffs, Holm-adjusted over {rows}"
        )
    lines += _distance_lines(comparison)
    if any(_has_power(result) for result in comparison.results):
        lines.append("detectable: the smallest true difference that fails with a probability of at least 80 %")
    if identical := sum(pair.identical for result in _tables(comparison) for pair in result.pairs):
        lines.append(f"{identical} identical rows are not tested: A and B have the same losses in all windows")
    lines += [_power(result) for result in comparison.results if result.condition and result.condition.level]
    return lines + _conclusion(comparison)


def _sides(comparison: Comparison) -> str:
    """Which differences the tests of all conditions look for, before their name; empty where conditions differ."""
    conditions = [result.condition for result in comparison.results if result.tested]
    sides = {"two" if each is None or each.direction == "differs" else "one" for each in conditions}
    return f"{sides.pop()}-sided " if len(sides) == 1 else ""


def _distance_lines(comparison: Comparison) -> list[str]:
    """What the differences of metrics are whose best value is not the lowest or highest."""
    shown = {pair.quantity for result in _tables(comparison) for pair in _shown_pairs(result)}
    meanings = {"coverage": "its distance from the nominal level", "bias": "its absolute value"}
    return [f"difference of the {name}: that of {what}" for name, what in meanings.items() if name in shown]


def machine_lines(comparison: Comparison) -> list[str]:
    """That times were compared of several kinds of machines; none where they were not."""
    ran = [
        f"{letter} ran on {' and '.join(kind or 'a machine that is not known' for kind in kinds)}"
        for letter, kinds in comparison.machines.items()
    ]
    return [f"times of different machines are not comparable: {'; '.join(ran)}"] if ran else []


def _power(result: ConditionResult) -> str:
    """The number of tests of a condition, and the differences that they could detect."""
    condition, tested = result.condition, result.tested
    assert condition is not None
    assert condition.level is not None
    if not tested:
        return f"{condition}: no row was tested"
    sizes = sorted(tested, key=lambda pair: pair.detectable)
    rows = f"{len(tested)} rows were tested" if len(tested) > 1 else "1 row was tested"
    ends = [f"{_size(pair)} ({pair.forecaster} on {pair.task})" for pair in (sizes[0], sizes[-1])]
    return f"{condition}: {rows}; detectable are differences from {' to '.join(dict.fromkeys(ends))}"


def _size(pair: PairResult) -> str:
    return f"{percent(pair.detectable).removeprefix('+')} %"


def _reasons(comparison: Comparison) -> dict[str, list[str]]:
    """The pairs that were not tested or compared, by reason."""
    reasons: dict[str, dict[str, None]] = {}
    for result in comparison.results:
        for pair in result.pairs:
            if pair.reason:
                reason = f"{pair.verdict or 'not tested'}, {pair.reason}"
                reasons.setdefault(reason, {})[f"{pair.forecaster} on {pair.task}"] = None
    for reason, pairs in comparison.unmatched.items():
        reasons.setdefault(f"not compared, {reason}", {}).update(dict.fromkeys(pairs))
    return {reason: list(pairs) for reason, pairs in reasons.items()}


def _conclusion(comparison: Comparison) -> list[str]:
    """Which conditions failed; nothing where there is no condition."""
    conditions = [result for result in comparison.results if result.condition is not None]
    if not conditions:
        return []
    failed = [f"{result.condition}{_why_undecided(result, comparison)}" for result in conditions if result.failed]
    if failed:
        return [*_how_to_compare(comparison), f"FAILED: {'; '.join(failed)}"]
    if comparison.failed:
        rows = _rows(sum(map(len, comparison.unmatched.values())))
        reason = f"{rows} not compared, which fails with --strict: {_unmatched(comparison)}"
        return [*_how_to_compare(comparison), f"FAILED: {reason}"]
    if comparison.same:
        return [f"passed: A and B are the same results{_left_open(comparison)}"]
    if all(pair.identical for result in conditions for pair in result.pairs):
        return [f"passed: A and B are identical in all compared rows{_left_open(comparison)}"]
    return [f"passed{_left_open(comparison)}"]


def _why_undecided(result: ConditionResult, comparison: Comparison) -> str:
    """Why a condition failed that is true of no row."""
    if any(pair.verdict == "failed" for pair in result.pairs):
        return ""
    if result.undecided == len(result.pairs):
        return " (no row could be decided)"
    if result.only_identical:
        return (
            f" (nothing was decided: compared rows are identical, others have no counterpart: {_unmatched(comparison)})"
        )
    return " (strict: a row was not decided)"


def _unmatched(comparison: Comparison) -> str:
    """The rows that could not be compared."""
    return some_of([name for names in comparison.unmatched.values() for name in names], MOST_NAMES)


def _how_to_compare(comparison: Comparison) -> list[str]:
    """A command that compares two rows without a counterpart."""
    if not comparison.example:
        return []
    return [f"to compare two forecasters, name their runs: harness compare {shlex.join(comparison.example)}"]


def _left_open(comparison: Comparison) -> str:
    """How many rows passed although they could not be tested or compared."""
    unmatched = sum(map(len, comparison.unmatched.values()))
    count = max(result.undecided for result in comparison.results) + unmatched
    return f"; {_rows(count)} not tested or compared, which fails with --strict" if count else ""


def _rows(count: int) -> str:
    return f"{count} rows were" if count > 1 else "1 row was"


def comparison_csv(comparison: Comparison) -> str:
    """One row a condition, forecaster and task; what could not be compared has its reason."""
    return csv_table(CSV_HEADINGS, _csv_rows(comparison))


def _csv_rows(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    for result in comparison.results:
        condition = result.condition or ""
        for pair in result.pairs:
            numbers = pair.first, pair.second, pair.difference, pair.p_value
            outcome = pair.verdict, pair.reason, pair.detectable, pair.identical
            yield condition, pair.forecaster, pair.task, pair.quantity, *numbers, *outcome
    for reason, pairs in comparison.unmatched.items():
        for name in pairs:
            forecaster, _, task = name.rpartition(" on ")
            yield "", forecaster, task, *[""] * 5, "not compared", reason, "", ""


def _tables(comparison: Comparison) -> list[ConditionResult]:
    """The results of each condition; without conditions, those of all metrics in one."""
    if any(result.condition is not None for result in comparison.results):
        return list(comparison.results)
    pairs = tuple(pair for result in comparison.results for pair in result.pairs)
    return [replace(comparison.results[0], pairs=pairs)]


def _shown_pairs(result: ConditionResult) -> list[PairResult]:
    """The rows of a table; of many only those that differ, or could not be compared."""
    return [pair for pair in result.pairs if len(result.pairs) <= MOST_ROWS or pair.difference != 0]
