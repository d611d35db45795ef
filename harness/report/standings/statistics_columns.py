"""The columns of aggregate scores: skill, win rate, ranks, their intervals, and the p-value of ties."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from harness.report.numbers import (
    NOTHING,
    distinct_decimals,
    error,
    fixed,
    interval,
    interval_in_brackets,
    log10_interval,
    number,
    short_p_value,
    with_minus_sign,
)
from harness.report.standings.column import Cell, Column, Data, Value, column_names, text_tables
from harness.report.standings.rows import CLOSE, several_seeds
from harness.results.standings import Row, Standings

MEDIAN = "median_relative_error"


def statistics_columns(standings: Standings) -> list[Column]:
    """All of them."""
    seeds = several_seeds(standings)
    relative = f"errors relative to {standings.baseline}'s"
    return [
        *_statistic(
            "skill",
            f"1 − the geometric mean of its {relative}, with its 95 % interval",
            _of_scored(_page_skill(standings)),
            *map(_of_scored, _skill_cells(standings)),
            *([Cell("± seeds", lambda row: fixed(_std(row, standings), 3))] if seeds else []),
            more=True,
            important=() if standings.logarithmic else ("",),
        ),
        *_mlflow_skill(standings),
        *_statistic(
            "win_rate",
            "share of the other forecasters that it beats, mean over tasks",
            _of_scored(_with_interval("Win rate", "win_rate", 2)),
            _of_scored(Cell("wins", lambda row: fixed(row.win_rate, 2), priority=7)),
            more=True,
            important=("",),
        ),
        *_statistic(
            "mean_rank",
            "mean of its ranks over tasks, by its score on each; 1 is best",
            _of_scored(_with_interval("Mean\N{NO-BREAK SPACE}rank over\N{NO-BREAK SPACE}tasks", "mean_rank", 1)),
        ),
        *_statistic(
            MEDIAN,
            f"median over tasks of its {relative}",
            None if standings.logarithmic else _of_scored(_with_interval("Median error", MEDIAN, 2)),
        ),
        replace(
            plain_column("relative_error", f"geometric mean of its {relative}", important=True),
            value=_if_scored(attrgetter("relative_error")),
        ),
        _mcs_p_value(standings),
        Column(
            "skill_std",
            "standard deviation of its skill over seeds",
            attrgetter("skill_std"),
            column_names("skill_std"),
            {"page": (Cell("Seeds", lambda row: _seeds_text(row, standings), style="number seeds"),)} if seeds else {},
        ),
    ]


def _of_scored(cell: Cell) -> Cell:
    """The cell, with a dash for a forecaster without a score: its number would be that of imputed results."""
    return replace(cell, text=lambda row: cell.text(row) if row.has_score else NOTHING)


def _if_scored(value: Callable[[Row], Value]) -> Callable[[Row], Value]:
    """The value, None for a forecaster without a score."""
    return lambda row: value(row) if row.has_score else None


def _mlflow_skill(standings: Standings) -> list[Column]:
    """The interval as a text, and where errors are logarithmic, the logarithm of the relative error."""

    def text(row: Row) -> str:
        ends = row.interval("skill")
        shown = interval(log10_interval(ends) if standings.logarithmic else ends)
        return "" if shown == NOTHING else with_minus_sign(shown)

    shown = "log10_relative_error" if standings.logarithmic else "skill"
    known = any(text(row) for row in standings.rows)
    columns = [
        Column("interval", f"95 % interval of {shown}", text, {"tag": "interval"}, important=known, tag_text=text),
    ]
    if not standings.logarithmic:
        return columns
    meaning = f"log10 of the geometric mean of its errors relative to {standings.baseline}'s"
    return [Column(shown, meaning, _log10_relative_error, {"metric": shown}, important=True), *columns]


def _log10_relative_error(row: Row) -> float:
    return math.log10(row.relative_error) if row.has_score and row.relative_error > 0 else math.nan


def _skill_cells(standings: Standings) -> tuple[Cell, Cell]:
    """The skill and its interval; where errors are logarithmic, the logarithm of the relative error instead."""
    if standings.logarithmic:
        return (
            Cell(
                "log10 rel.",
                lambda row: error(row.relative_error, True) + (CLOSE if row.close_to_next else ""),
                priority=0,
            ),
            Cell("95 %", lambda row: interval(log10_interval(row.interval("skill"))), priority=2),
        )
    decimals = distinct_decimals(row.skill for row in standings.rows)
    return (
        Cell("skill", lambda row: fixed(row.skill, decimals) + (CLOSE if row.close_to_next else ""), priority=0),
        Cell("95 %", lambda row: interval(row.interval("skill")), priority=2),
    )


def _page_skill(standings: Standings) -> Cell:
    """The skill and its interval on the page, as in the other tables."""
    if standings.logarithmic:
        return Cell(
            "log10 relative error",
            lambda row: with_minus_sign(error(row.relative_error, True)),
            lambda row: interval_in_brackets(log10_interval(row.interval("skill"))),
            "number skill",
        )
    decimals = distinct_decimals(row.skill for row in standings.rows)
    return _with_interval("Skill", "skill", decimals, "number skill")


def _mcs_p_value(standings: Standings) -> Column:
    """The p-value by which forecasters are tied for first, where any was tested."""
    tested = any(not math.isnan(row.mcs_p_value) for row in standings.rows)
    cell = Cell("p", lambda row: short_p_value(row.mcs_p_value), priority=4)
    return Column(
        "mcs_p_value",
        "p-value of the model confidence set: above 0.05, it is not significantly worse than the best",
        attrgetter("mcs_p_value"),
        column_names("mcs_p_value"),
        {**text_tables(cell), "page": (cell,)} if tested else {},
        "descending",
    )


def plain_column(name: str, meaning: str, *views: Data, important: bool = False) -> Column:
    """A field of rows that no table for readers shows."""
    return Column(name, meaning, attrgetter(name), column_names(name, *views), important=important)


def _statistic(
    name: str, meaning: str, page: Cell | None, *cells: Cell, more: bool = False, important: tuple[str, ...] = ()
) -> list[Column]:
    """A statistic and both ends of its interval; `more` is better, `important` lists the suffixes that are."""

    def column(suffix: str, meaning: str, value: Callable[[Row], Value]) -> Column:
        return Column(
            name + suffix, meaning, _if_scored(value), column_names(name + suffix), important=suffix in important
        )

    statistic = column("", meaning, lambda row: getattr(row, name))
    return [
        replace(
            statistic,
            tables={**text_tables(*cells), **({} if page is None else {"page": (page,)})},
            best_first="descending" if more else "ascending",
        ),
        column("_low", f"lower end of the 95 % interval of {name}", lambda row: row.interval(name)[0]),
        column("_high", f"upper end of the 95 % interval of {name}", lambda row: row.interval(name)[1]),
    ]


def _with_interval(heading: str, name: str, decimals: int, style: str = "number") -> Cell:
    """A statistic and its interval, on the page."""
    return Cell(
        heading,
        lambda row: number(getattr(row, name), decimals),
        lambda row: interval_in_brackets(row.interval(name), min(decimals, 2)),
        style,
    )


def _std(row: Row, standings: Standings) -> float:
    """The standard deviation over seeds of what tables show: the skill, or to first order the log10 of the error."""
    if not standings.logarithmic:
        return row.skill_std
    return row.skill_std / (row.relative_error * math.log(10)) if row.relative_error > 0 else math.nan


def _seeds_text(row: Row, standings: Standings) -> str:
    std = _std(row, standings)
    return f"± {number(std, 3)}" if math.isfinite(std) else number(std, 3)
