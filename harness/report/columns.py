"""The columns of standings: one entry each, from which the terminal, CSV, Markdown, the page, data frames and MLflow
take what they show. Measured costs have their entries in `costs`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from harness.report.column import Cell, Column, Data, Table, Value, column_names, text_tables
from harness.report.costs import FIGURES, cost_columns
from harness.report.numbers import (
    distinct_decimals,
    duration,
    error,
    fixed,
    interval,
    interval_in_brackets,
    log10_interval,
    number,
    short_p_value,
    with_minus_sign,
)
from harness.report.rows import CLOSE, failures, measurement, rank_text, scale, several_seeds
from harness.results.standings import Row, Standings

MOST_TASKS = 12  # that are important


def standings_columns(standings: Standings) -> tuple[Column, ...]:
    """All columns of these standings, in the order in which tables show them."""
    return (
        *_places(),
        *_statistics(standings),
        *(_task(task, standings) for task in standings.tasks),
        *_metrics(standings),
        *_cell_costs(standings),
        *_counts(standings),
        *cost_columns(standings),
        *_remarks(standings),
    )


def table_columns(standings: Standings, view: Table) -> list[tuple[Column, Cell]]:
    """The columns of a view for readers, and how it shows them."""
    return [(column, cell) for column in standings_columns(standings) for cell in column.tables.get(view, ())]


def data_columns(standings: Standings, view: Data) -> dict[str, Column]:
    """The columns of a view for programs, by their names there: the forecaster first, measured costs last."""
    found = [column for column in standings_columns(standings) if view in column.names]
    found.sort(key=_data_position)
    columns: dict[str, Column] = {}
    for column in found:
        columns.setdefault(column.names[view], column)
    return columns


def _data_position(column: Column) -> tuple[bool, int]:
    """Measured costs have units; a task may be called like one, and like any other column."""
    return column.names.get("csv") != "forecaster", FIGURES.index(column.name) if column.unit else -1


def _places() -> list[Column]:
    name = attrgetter("forecaster")
    return [
        Column(
            "rank",
            "rank by skill",
            lambda row: row.rank or None,
            column_names("rank"),
            {**text_tables(Cell("#", rank_text)), "page": (Cell("#", rank_text, style="number rank"),)},
            important=True,
        ),
        Column(
            "forecaster",
            "its name on this board",
            name,
            column_names("forecaster", "csv"),
            {
                **text_tables(Cell("forecaster", name, style="name", most=28, least=12)),
                "page": (Cell("Forecaster", name, style="name"),),
            },
        ),
        Column(
            "tied_for_first",
            "not significantly worse than the best, as is at least one other (95 % model confidence set)",
            attrgetter("tied_for_first"),
            column_names("tied_for_first", "csv", "frame", "tag"),
            important=True,
            tag_text=lambda row: "yes" if row.tied_for_first else "",
        ),
    ]


def _statistics(standings: Standings) -> list[Column]:
    seeds = several_seeds(standings)
    relative = f"errors relative to {standings.baseline}'s"
    return [
        *_statistic(
            "skill",
            f"1 − the geometric mean of its {relative}, with its 95 % interval",
            _page_skill(standings),
            *_skill_cells(standings),
            *([Cell("± seeds", lambda row: fixed(row.skill_std, 3))] if seeds else []),
            frame=("", "_low", "_high"),
            more=True,
        ),
        *_statistic(
            "win_rate",
            "share of the other forecasters that it beats, mean over tasks",
            _with_interval("Win rate", "win_rate", 2),
            Cell("wins", lambda row: fixed(row.win_rate, 2)),
            frame=("",),
            more=True,
        ),
        *_statistic(
            "mean_rank",
            "mean of its ranks over tasks; 1 is best",
            _with_interval("Mean rank", "mean_rank", 1),
            frame=("",),
        ),
        *_statistic(
            "median_relative_error",
            f"median over tasks of its {relative}",
            _with_interval("Median error", "median_relative_error", 2),
        ),
        _plain("relative_error", f"geometric mean of its {relative}", "csv", "metric", important=True),
        _mcs_p_value(standings),
        Column(
            "skill_std",
            "standard deviation of its skill over seeds",
            attrgetter("skill_std"),
            column_names("skill_std"),
            {"page": (Cell("Seeds", _seeds_text, style="number seeds"),)} if seeds else {},
        ),
    ]


def _skill_cells(standings: Standings) -> tuple[Cell, Cell]:
    """The skill and its interval; where errors are logarithmic, the logarithm of the relative error instead."""
    if standings.logarithmic:
        return (
            Cell("log10 rel.", lambda row: error(row.relative_error, True) + (CLOSE if row.close_to_next else "")),
            Cell("95 %", lambda row: interval(log10_interval(row.interval("skill")))),
        )
    decimals = distinct_decimals(row.skill for row in standings.rows)
    return (
        Cell("skill", lambda row: fixed(row.skill, decimals) + (CLOSE if row.close_to_next else "")),
        Cell("95 %", lambda row: interval(row.interval("skill"))),
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
    cell = Cell("p", lambda row: short_p_value(row.mcs_p_value))
    return Column(
        "mcs_p_value",
        "p-value of the model confidence set: above 0.05, it is not significantly worse than the best",
        attrgetter("mcs_p_value"),
        column_names("mcs_p_value", "csv", "metric"),
        {**text_tables(cell), "page": (cell,)} if tested else {},
        "descending",
    )


def _plain(name: str, meaning: str, *views: Data, important: bool = False) -> Column:
    """A field of rows that no table for readers shows."""
    return Column(name, meaning, attrgetter(name), column_names(name, *views), important=important)


def _statistic(
    name: str, meaning: str, page: Cell, *cells: Cell, frame: tuple[str, ...] = (), more: bool = False
) -> list[Column]:
    """A statistic and both ends of its interval; `frame` lists the suffixes that data frames have, `more` is better."""

    def column(suffix: str, meaning: str, value: Callable[[Row], Value]) -> Column:
        views: tuple[Data, ...] = ("csv", "frame", "metric") if suffix in frame else ("csv", "metric")
        return Column(
            name + suffix, meaning, value, column_names(name + suffix, *views), important=more and suffix in frame
        )

    statistic = column("", meaning, attrgetter(name))
    return [
        replace(
            statistic,
            tables={**text_tables(*cells), "page": (page,)},
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


def _seeds_text(row: Row) -> str:
    text = number(row.skill_std, 3)
    return f"± {text}" if math.isfinite(row.skill_std) else text


def _task(task: str, standings: Standings) -> Column:
    """The error on a task."""

    def score(row: Row) -> float:
        return row.scores.get(task, math.nan)

    cell = Cell(task, lambda row: error(score(row), standings.logarithmic), style="number task", most=10)
    return Column(
        task,
        f"{scale(standings)} on {task}",
        score,
        {"csv": f"{standings.metric}[{task}]", "frame": task, "metric": f"{standings.metric}/{task}"},
        {**text_tables(cell), "page": (replace(cell, text=lambda row: with_minus_sign(cell.text(row))),)},
        important=task in standings.tasks[:MOST_TASKS],
    )


def _metrics(standings: Standings) -> list[Column]:
    """The mean of each metric over tasks."""

    def column(name: str) -> Column:
        meaning = f"{name}, mean over the tasks that it completed"
        return Column(name, meaning, lambda row: row.metrics.get(name, math.nan), column_names(name, "csv", "metric"))

    return [column(name) for name in dict.fromkeys(name for row in standings.rows for name in row.metrics)]


def _cell_costs(standings: Standings) -> list[Column]:
    """The seconds that its cells took; some tables show measured costs instead where there are any."""
    shown: tuple[Table, ...] = () if standings.measured else ("terminal", "page")
    fit = Cell("fit s", lambda row: fixed(row.fit_seconds, 2))
    predict = Cell("predict s", lambda row: fixed(row.predict_seconds, 2))
    page = Cell("Fit", lambda row: duration(row.fit_seconds), style="number seconds")
    window: dict[Table, Cell] = {
        "terminal": Cell("ms", lambda row: error(1000 * row.window_seconds)),
        "page": Cell("Predict a window", lambda row: duration(row.window_seconds), style="number seconds"),
    }
    fits: dict[Table, Cell] = {"terminal": fit, "page": page}
    return [
        Column(
            "fit_seconds",
            "seconds of fitting, over all tasks",
            attrgetter("fit_seconds"),
            column_names("fit_seconds"),
            {"markdown": (fit,), **{view: (fits[view],) for view in shown}},
            important=not standings.measured,
        ),
        Column(
            "predict_seconds",
            "seconds of forecasting, over all tasks",
            attrgetter("predict_seconds"),
            column_names("predict_seconds"),
            {"markdown": (predict,)},
        ),
        Column(
            "window_seconds",
            "seconds of forecasting a window, many at once; indicative, since cells share a machine",
            attrgetter("window_seconds"),
            {"csv": "window_seconds", "metric": "predict_ms_per_window"},
            {view: (window[view],) for view in shown},
            important=not standings.measured,
            factor=1000.0,
        ),
    ]


def _counts(standings: Standings) -> list[Column]:
    """The numbers of seeds, of completed cells, of the others by status, and of windows."""

    def column(status: str) -> Column:
        return Column(status, f"cells: {status}", lambda row: row.missing.get(status, 0), column_names(status, "csv"))

    return [
        _plain("seeds", "number of seeds", "csv", "metric"),
        _plain("completed", "number of completed cells", important=True),
        *map(column, dict.fromkeys(status for row in standings.rows for status in row.missing)),
        _plain("failed_windows", "number of failed windows in completed cells", "csv", "metric"),
    ]


def _remarks(standings: Standings) -> list[Column]:
    """Failed results and their reasons, training overlap, and when costs were measured."""
    some = any(map(failures, standings.rows))
    cell = Cell("failed", failures, style="failed", most=16, least=9)
    page = Cell("Failed", failures, style="failed")

    def words(name: str, meaning: str, text: Callable[[Row], str]) -> Column:
        return Column(name, meaning, text, column_names(name, "tag"), tag_text=text)

    return [
        Column(
            "failed_results",
            "cells and windows without a result",
            lambda row: sum(row.missing.values()),
            column_names("failed_results", "frame", "metric", "tag"),
            {
                "markdown": (cell,),
                **({"terminal": (cell,)} if some else {}),
                **({"page": (page,)} if some or any(row.reasons for row in standings.rows) else {}),
            },
            "descending",
            important=True,
            tag_text=failures,
        ),
        words("reasons", "why results failed", lambda row: "\n".join(row.reasons)),
        words("training_overlap", "tasks on data that it was trained on", lambda row: ", ".join(row.training_overlap)),
        words("measured", "on which task, where and when its costs were measured", measurement),
    ]
