"""The standings as a table that needs no script."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from harness.report.page.bars import domain, skill_bar
from harness.report.page.costs import COSTS, Cost
from harness.report.page.html import Html, joined, name, tag
from harness.report.page.numbers import error, interval, number, plain, seconds
from harness.report.rows import failures, place
from harness.results.standings import Row, Standings

TALL = 30  # rows, above which the table scrolls by itself


@dataclass(frozen=True)
class Column:
    """A column: what it is called, what it means, and its cells."""

    heading: str
    meaning: str
    cell: Callable[[Row], Html]
    value: Callable[[Row], float | str]  # what it is sorted by
    style: str = "number"
    best_first: str = "ascending"


def table(standings: Standings, lowest_is_best: bool) -> Html:
    """All rows, in the order of their ranks; the best of each task stands out where the lowest is."""
    columns = _columns(standings, lowest_is_best)
    heads = [tag("tr", *(_head(column) for column in columns))]
    if standings.tasks:
        before = next(number for number, column in enumerate(columns) if column.style.endswith("task"))
        after = len(columns) - before - len(standings.tasks)
        over = tag("th", name(_scale(standings)), " by task", colspan=len(standings.tasks), scope="colgroup")
        heads.insert(0, tag("tr", tag("td", colspan=before), over, tag("td", colspan=after), class_="groups"))
    body = [
        tag("tr", *(_cell(column, row) for column in columns), class_="tied" if row.tied_for_first else None)
        for row in standings.rows
    ]
    caption = tag("caption", f"Standings of {len(standings.rows)} forecasters, best first", class_="hidden")
    whole = tag("table", caption, tag("thead", *heads), tag("tbody", *body), class_="standings", id="standings-table")
    style = "scroll tall" if len(standings.rows) > TALL else "scroll"
    return tag("div", whole, class_=style, role="region", aria_label="Standings, scrolls sideways", tabindex="0")


def _columns(standings: Standings, lowest_is_best: bool) -> list[Column]:
    rows, span = standings.rows, domain(standings.rows)
    found = [
        Column("#", "rank by skill", _rank, lambda row: row.rank, "number rank"),
        Column("Forecaster", "its name on this board", _named(standings), lambda row: row.forecaster, "name"),
        Column(
            "Skill",
            f"1 − the geometric mean of its errors relative to {standings.baseline}'s, with its 95 % interval",
            lambda row: tag("div", skill_bar(row.skill, row.interval("skill"), span), _measured(row, "skill", 3)),
            lambda row: row.skill,
            "number skill",
            "descending",
        ),
        Column(
            "Win rate",
            "share of the other forecasters that it beats, mean over tasks",
            lambda row: _measured(row, "win_rate", 2),
            lambda row: row.win_rate,
            best_first="descending",
        ),
        Column(
            "Mean rank",
            "mean of its ranks over tasks; 1 is best",
            lambda row: _measured(row, "mean_rank", 1),
            lambda row: row.mean_rank,
        ),
        Column(
            "Median error",
            f"median over tasks of its error relative to {standings.baseline}'s",
            lambda row: _measured(row, "median_relative_error", 2),
            lambda row: row.median_relative_error,
        ),
    ]
    if any(math.isfinite(row.skill_std) or row.close_to_next for row in rows):
        found.append(
            Column("Seeds", "standard deviation of its skill over seeds", _spread, lambda row: row.skill_std),
        )
    found += [_task_column(standings, task, lowest_is_best) for task in standings.tasks]
    found += _measured_costs() if standings.measured else _indicative_costs()
    if any(failures(row) or row.reasons for row in rows):
        found.append(Column("Failed", "cells and windows without a result", _missing, _lost, "missing"))
    return found


def _indicative_costs() -> list[Column]:
    return [
        Column(
            "Fit",
            "seconds of fitting, over all tasks",
            lambda row: tag("span", seconds(row.fit_seconds), class_="seconds"),
            lambda row: row.fit_seconds,
        ),
        Column(
            "Predict a window",
            "seconds of forecasting a window, many at once; indicative, since cells share a machine",
            lambda row: tag("span", seconds(row.window_seconds), class_="seconds"),
            lambda row: row.window_seconds,
        ),
    ]


def _measured_costs() -> list[Column]:
    return [_cost_column(cost) for cost in COSTS]


def _cost_column(cost: Cost) -> Column:
    def cell(row: Row) -> Html:
        said = tag("span", cost.said(row.costs), class_="seconds")
        limits = cost.interval(row.costs)
        return tag("div", said, tag("span", limits, class_="interval")) if limits else said

    def value(row: Row) -> float:
        found = cost.of(row.costs)
        return math.nan if found is None else found

    return Column(cost.heading, cost.meaning, cell, value, best_first="descending" if cost.more else "ascending")


def _head(column: Column) -> Html:
    sort = "ascending" if column.heading == "#" else "none"
    button = tag("button", tag("bdi", column.heading), type="button", title=column.meaning)
    kind = column.style.rpartition(" ")[2]
    first = column.best_first if kind not in ("missing",) else "descending"
    return tag("th", button, scope="col", aria_sort=sort, class_=column.style, data_first=first)


def _cell(column: Column, row: Row) -> Html:
    value = column.value(row)
    sortable = value if isinstance(value, str) else plain(value)
    heading = {"scope": "row"} if column.style == "name" else {}
    kind = "th" if heading else "td"
    return tag(kind, column.cell(row), **heading, class_=column.style, data_value=sortable)


def _rank(row: Row) -> Html:
    if not row.tied_for_first or not row.rank:
        return Html(place(row))
    sure = f", p = {number(row.mcs_p_value, 2)}" if math.isfinite(row.mcs_p_value) else ""
    return joined((Html(str(row.rank)), _mark("=", "tied for first", sure)), " ")


def _named(standings: Standings) -> Callable[[Row], Html]:
    def cell(row: Row) -> Html:
        label = tag("span", "baseline", class_="tag") if row.forecaster == standings.baseline else ""
        return tag("div", name(row.forecaster), " ", label)

    return cell


def _measured(row: Row, statistic: str, digits: int) -> Html:
    """A number above its interval."""
    value = tag("span", number(getattr(row, statistic), digits), class_="value")
    limits = interval(row.interval(statistic), min(digits, 2))
    return tag("div", value, tag("span", limits, class_="interval")) if limits else value


def _spread(row: Row) -> Html:
    said = f"± {number(row.skill_std, 3)}" if math.isfinite(row.skill_std) else "–"
    value = tag("span", said, class_="value", title=f"{row.seeds} seeds")
    if not row.close_to_next:
        return value
    words = "the gap to the next is within the spread of the seeds"
    return joined((value, _mark("≈", words)), " ")


def _task_column(standings: Standings, task: str, lowest_is_best: bool) -> Column:
    known = [row.scores[task] for row in standings.rows if math.isfinite(row.scores.get(task, math.nan))]
    lowest = min(known, default=math.nan) if lowest_is_best else math.nan

    def cell(row: Row) -> Html:
        value, spread = row.scores.get(task, math.nan), row.score_stds.get(task, math.nan)
        said = f"± {error(spread, False)} over {row.seeds} seeds" if math.isfinite(spread) else None
        kind = "value best" if value == lowest and len(known) > 1 else "value"
        parts = [tag("span", error(value, standings.logarithmic), class_=kind, title=said)]
        if task in row.training_overlap:
            parts.append(_mark("†", "trained on this data before"))
        return joined(parts)

    meaning = f"{_scale(standings)} on {task}"
    return Column(task, meaning, cell, lambda row: row.scores.get(task, math.nan), "number task")


def _scale(standings: Standings) -> str:
    return f"log10 {standings.metric}" if standings.logarithmic else standings.metric


def _missing(row: Row) -> Html:
    said = failures(row)
    if not row.reasons:
        return Html(tag("span", said))
    reasons = tag("ul", *(tag("li", name(reason)) for reason in row.reasons))
    return tag("details", tag("summary", said or "why"), reasons)


def _mark(mark: str, words: str, more: str = "") -> Html:
    """A sign that the legend explains, with its words for those who point at it or listen."""
    return tag("span", mark, tag("span", f" {words}", class_="hidden"), title=words + more, class_="mark")


def _lost(row: Row) -> float:
    return sum(row.missing.values()) + row.failed_windows / 1e6
