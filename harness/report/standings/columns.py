"""The columns of standings: one entry each, from which the terminal, CSV, Markdown, the page, data frames and MLflow
take what they show. Measured costs have their entries in `costs`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import attrgetter

from harness.report.numbers import duration, error, fixed, with_minus_sign
from harness.report.standings.column import Cell, Column, Data, Table, column_names, text_tables
from harness.report.standings.costs import FIGURES, cost_columns
from harness.report.standings.overlap import overlap_text
from harness.report.standings.rows import failures, has_failed, measurement, name_text, rank_text, scale
from harness.report.standings.statistics_columns import plain_column, statistics_columns
from harness.results.standings import Row, Standings

MOST_TASKS = 12  # that are important


def standings_columns(standings: Standings) -> tuple[Column, ...]:
    """All columns of these standings, in the order in which tables show them."""
    return (
        *_places(),
        *statistics_columns(standings),
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
    """The columns of a view for programs, by their names there: the forecaster first, measured costs last.

    Data frames leave out the optional ones of which no row has a value.
    """
    found = [column for column in standings_columns(standings) if view in column.names]
    if view == "frame":
        found = [column for column in found if not column.optional or any(map(column.has_value, standings.rows))]
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
            {**text_tables(Cell("#", rank_text, priority=0)), "page": (Cell("#", rank_text, style="number rank"),)},
            important=True,
        ),
        Column(
            "forecaster",
            "its name on this board",
            name,
            column_names("forecaster", "csv"),
            {
                **text_tables(Cell("forecaster", name_text, style="name", most=28, least=12, priority=0)),
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


def _task(task: str, standings: Standings) -> Column:
    """The error on a task."""

    def score(row: Row) -> float:
        return row.scores.get(task, math.nan)

    cell = Cell(
        task,
        lambda row: error(score(row), standings.logarithmic),
        style="number task",
        most=10,
        priority=3 if task == standings.tasks[0] and not standings.measured else 8,
    )
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
    fit = Cell("fit s", lambda row: fixed(row.fit_seconds, 2), priority=6)
    predict = Cell("predict s", lambda row: fixed(row.predict_seconds, 2))
    page = Cell("Fit", lambda row: duration(row.fit_seconds), style="number seconds")
    window: dict[Table, Cell] = {
        "terminal": Cell("ms", lambda row: error(1000 * row.window_seconds), priority=6),
        "page": Cell(
            "Predict a\N{NO-BREAK SPACE}window", lambda row: duration(row.window_seconds), style="number seconds"
        ),
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
        plain_column("seeds", "number of seeds", "csv", "metric"),
        plain_column("completed", "number of completed cells", important=True),
        *map(column, dict.fromkeys(status for row in standings.rows for status in row.missing)),
        plain_column("failed_windows", "number of failed windows in completed cells", "csv", "metric"),
    ]


def _remarks(standings: Standings) -> list[Column]:
    """Failed results and their reasons, training overlap, and when costs were measured."""
    some = any(map(failures, standings.rows))
    heading = "failed" if any(map(has_failed, standings.rows)) else "pending"
    cell = Cell(heading, failures, style="failed", most=16, least=9, priority=1)
    page = Cell(heading.capitalize(), failures, style="failed")

    return [
        Column(
            "failed_results",
            "cells and windows without a result",
            lambda row: sum(row.missing.values()),
            column_names("failed_results", "frame", "metric", "tag"),
            {
                **(text_tables(cell) if some else {}),
                **({"page": (page,)} if some or any(row.reasons for row in standings.rows) else {}),
            },
            "descending",
            important=True,
            tag_text=failures,
        ),
        _words("reasons", "why results failed", lambda row: "\n".join(row.reasons)),
        *_training(standings),
        *_claims(standings),
        *_modes(standings),
        _words("measured", "on which task, where and when its costs were measured", measurement),
    ]


def _words(name: str, meaning: str, text: Callable[[Row], str], *views: Data) -> Column:
    """A column of texts; without views a tag only."""
    return Column(name, meaning, text, column_names(name, *(views or ("tag",))), tag_text=text)


def _word_tables(heading: str, text: Callable[[Row], str]) -> dict[Table, tuple[Cell, ...]]:
    """A column of texts in Markdown and on the page, where headings are capitalised."""
    cell = Cell(heading, text, style="words")
    return {"markdown": (cell,), "page": (replace(cell, heading=heading.capitalize()),)}


def _claims(standings: Standings) -> list[Column]:
    """Whose scores are claimed, where there are any."""
    if not any(row.claimed_by for row in standings.rows):
        return []
    column = _words("claimed_by", "whose scores they are; empty: measured here", lambda row: row.claimed_by, "csv")
    return [replace(column, tables=_word_tables("claimed by", lambda row: row.claimed_by))]


def _modes(standings: Standings) -> list[Column]:
    """What marks stand for; in CSV and data frames where there are any."""
    columns = [
        Column(
            "ignored_covariates",
            "covariates of tasks, of kinds that it cannot use",
            lambda row: "; ".join(f"{task}: {', '.join(names)}" for task, names in row.ignored_covariates.items()),
            column_names("ignored_covariates", "csv", "frame"),
        ),
        Column(
            "degenerate_quantiles",
            "tasks on which its point forecasts were scored as quantiles",
            lambda row: ", ".join(row.degenerate_quantiles),
            column_names("degenerate_quantiles", "csv", "frame"),
        ),
        Column(
            "exact_forecasts",
            "tasks on which all forecasts equal the actuals exactly: check for leakage",
            lambda row: ", ".join(row.exact_forecasts),
            column_names("exact_forecasts", "csv", "frame"),
        ),
        Column(
            "strict",
            "whether it was run in strict mode: one point in time after the other, without later values",
            attrgetter("strict"),
            column_names("strict", "csv", "frame"),
        ),
        Column(
            "batch_difference",
            "largest relative difference of its forecasts in other batches, beyond the tolerance",
            attrgetter("batch_difference"),
            column_names("batch_difference", "csv", "frame"),
        ),
    ]
    return [column for column in columns if any(map(column.has_value, standings.rows))]


def _training(standings: Standings) -> list[Column]:
    """The pool, the training overlap, and what is known of the training data."""

    def words(name: str, meaning: str, text: Callable[[Row], str]) -> Column:
        return replace(_words(name, meaning, text, "csv", "frame", "tag"), optional=True)

    def tasks(names: Iterable[str]) -> str:
        return ", ".join(names)

    pool = words("pool", "what its parameters are learned from", lambda row: row.pool or "")
    overlap = Column("overlap", "training overlap by dataset and by date", overlap_text)
    if len({row.pool for row in standings.rows}) > 1:
        pool = replace(pool, tables=_word_tables("pool", lambda row: row.pool or ""))
    if any(map(overlap_text, standings.rows)):
        overlap = _words("overlap", overlap.meaning, overlap_text)
        tables = _word_tables("training overlap", overlap_text)
        overlap = replace(overlap, tables={"markdown": tables["markdown"]}, important=True)  # the page marks scores
    return [
        pool,
        overlap,
        words("training_overlap", "tasks on data that it was trained on", lambda row: tasks(row.training_overlap)),
        words("date_overlap", "tasks that begin before its training data ends", lambda row: tasks(row.date_overlap)),
        words(
            "date_overlap_unknown",
            "tasks of which the overlap by date is unknown",
            lambda row: tasks(row.date_overlap_unknown),
        ),
        words("trained_until", "the latest date of its training data", lambda row: row.trained_until),
        words("selected_on", "what it was selected on", lambda row: row.selected_on or ""),
    ]
