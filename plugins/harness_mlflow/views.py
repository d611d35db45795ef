"""Views: the tables with which experiments open in MLflow's pages, and the descriptions that link them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from harness import Run, Standings, StoredPlan, standings_columns
from harness_mlflow.entries import safe_name
from harness_mlflow.storage import LONGEST, storable, tag_value

SHARED = "mlflow.sharedViewState."  # prefix of the tags in which experiments keep shared views
BOARD, CELLS = (
    "harness",
    "cells",
)  # the names of our views differ: MLflow does not change to a view of the same name
PAGE = "board.html"  # the artifact
PAGES = "all boards · pages"  # the experiment
PAGES_NOTE = "The pages of boards, with plots: one run for each board. The description of a board links to its page."
TRAINING, GRADIENT_NORMS = "training.svg", "gradient_norms.svg"
INTERVAL_WIDTH = 120  # pixels, of "−10.00…−10.00"
MOST_PLOTS = 12  # of a forecaster that its description links to
PLOTS = {"forecasts": "forecasts.svg", "error by step": "error_by_step.svg"}
CLASS_PLOTS = {"forecasts": "forecasts.svg", "reliability": "reliability.svg"}  # of categorical targets


def board_columns(standings: Standings) -> list[str]:
    """The columns of a board's table beside the forecaster's name."""
    columns: list[str] = []
    for column in standings_columns(standings):
        if column.important:
            columns += [_metric(safe_name(column.names["metric"]))] if "metric" in column.names else []
            columns += [_tag(column.names["tag"])] if "tag" in column.names else []
    return columns


def board_view(standings: Standings, search: str) -> str:
    """The view of a board's table, best first."""
    return _view(_metric("rank"), board_columns(standings), search)


def cells_view(plan: StoredPlan, search: str) -> str:
    """The view of a board's cells: grouped by task, best first by the board's metric."""
    by_task = {"aggregateFunction": "min", "groupByKeys": [{"mode": "tag", "groupByData": "task"}]}
    return _view(_metric(safe_name(plan.metric)), _cell_columns(plan), search, by_task if len(plan.tasks) > 1 else None)


def forecaster_view(plan: StoredPlan, search: str) -> str:
    """The view of a forecaster's cells, in the order of the tasks' names."""
    return _view(_tag("task"), _cell_columns(plan), search)


def _cell_columns(plan: StoredPlan) -> list[str]:
    tags = [_tag(name) for name in ("forecaster", "task", "seed", "status")]
    metrics = [_metric(name) for name in (safe_name(plan.metric), "fit_seconds", "predict_seconds", "parameters")]
    return [*tags, *metrics, "attributes.`Dataset`"]


def cells_of(forecaster: str) -> str:
    """The name of the view of a forecaster's cells."""
    return f"{CELLS}-{hashlib.sha256(storable(forecaster).encode()).hexdigest()[:12]}"


def is_forecaster(forecaster: str) -> str:
    """A search for a forecaster's runs. MLflow cannot escape quotes: a name with both kinds is matched by LIKE."""
    forecaster = tag_value(forecaster)
    if "'" not in forecaster:
        return f"tags.forecaster = '{forecaster}'"
    if '"' not in forecaster:
        return f'tags.forecaster = "{forecaster}"'
    return "tags.forecaster LIKE '{}'".format(forecaster.replace("'", "_"))


def view_page(experiment: str, view: str) -> str:
    """The page of an experiment, opened with one of our views."""
    return f"#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={view}"


def run_page(experiment: str, run: str) -> str:
    """The page of a run."""
    return f"#/experiments/{experiment}/runs/{run}?workflowType=machine_learning"


def artifact_page(experiment: str, run: str, path: str) -> str:
    """The page that shows an artifact of a run."""
    return f"#/experiments/{experiment}/runs/{run}/artifacts/{path}?workflowType=machine_learning"


def board_note(plan: StoredPlan, standings: Standings, experiment: str, cells: str, page: str) -> str:
    """The description of a board's experiment; `page` is the address of the board as HTML, if there is one."""
    title = f"**{plain(plan.title)}**: ranked by {plain(plan.metric)}, relative to {plain(plan.baseline)}"
    links = f"[standings]({view_page(experiment, BOARD)}) · [cells]({view_page(cells, CELLS)})"
    links += f" · [page with plots]({page})" if page else ""
    lines = [f"{title} · {links}", *(["", plain(plan.description)] if plan.description else [])]
    remarks = [
        *_significance(standings),
        *standings.notes,
        *standings.cost_notes,
        *_machines(standings),
        *(f"{task} is not available: {why}" for task, why in standings.unavailable.items()),
    ]
    return "\n".join([*lines, "", *(f"- {plain(remark)}" for remark in remarks)])[:LONGEST]


def cells_note(plan: StoredPlan, experiment: str) -> str:
    """The description of the experiment that holds a board's cells."""
    return (
        f"The cells of [{plain(plan.title)}]({view_page(experiment, BOARD)}): one run for each task, forecaster and "
        "seed, with its scores, plots and forecasts."
    )


def row_note(forecaster: str, cells: str, page: str, plots: Mapping[str, str], reasons: Sequence[str]) -> str:
    """The description of a forecaster's run on a board; `plots` are the runs of its cells, by task."""
    links = f"[Its cells]({view_page(cells, cells_of(forecaster))})"
    links += f" · [the board with plots]({page})" if page else ""
    shown = [
        f"[{plain(task)}]({artifact_page(cells, run, PLOTS['forecasts'])})"
        for task, run in list(plots.items())[:MOST_PLOTS]
    ]
    links += f" · its forecasts: {', '.join(shown)}" if shown else ""
    return "\n".join([links, "", *(f"- {plain(reason)}" for reason in reasons)])[:LONGEST]


def cell_note(run: Run, plan: StoredPlan, experiment: str, row: str, cell: tuple[str, str]) -> str:
    """The description of a cell's run; `cell` is its own experiment and run."""
    links = [f"[its forecaster]({run_page(experiment, row)})"]
    if any(run.curves.values()):
        links.append(f"[its training curves]({artifact_page(*cell, TRAINING)})")
    if any(run.gradient_norms.values()):
        links.append(f"[its gradient norms]({artifact_page(*cell, GRADIENT_NORMS)})")
    if run.results is not None:
        plots = PLOTS if run.results.forecast.probabilities is None else CLASS_PLOTS
        links += [f"[its {name}]({artifact_page(*cell, path)})" for name, path in plots.items()]
    lines = [f"A cell of [{plain(plan.title)}]({view_page(experiment, BOARD)}): {' · '.join(links)}"]
    if run.reason:
        lines += ["", f"**{run.status.value.replace('_', ' ')}**: {plain(run.reason)}"]
    lines += ["", *(f"- {plain(note)}" for note in run.notes)] if run.notes else []
    lines += ["", f"{len(run.window_failures)} of {run.windows} windows failed"] if run.window_failures else []
    return "\n".join(lines)[:LONGEST]


def plain(text: str) -> str:
    """A text as Markdown and HTML show it literally, on one line."""
    line = re.sub(r"([\\`*_{}\[\]~|#])", r"\\\1", escape(storable(" ".join(text.split())), quote=False))
    return re.sub(r":(?=[\w+-]+:)", "&#58;", line)  # of `:smile:`, which MLflow's pages replace


def _significance(standings: Standings) -> list[str]:
    significance = standings.significance
    if significance is None:
        return []
    lines = [f"{significance.level:.0%} intervals: {significance.method}"]
    if tied := standings.tied_for_first:
        lines.append(f"not significantly worse than the best (model confidence set): {', '.join(tied)}")
    return lines


def _machines(standings: Standings) -> list[str]:
    """That times of runs are not comparable, if several kinds of machines ran the cells."""
    kinds = standings.machines
    return [f"times of runs are not comparable: the cells ran on {' and on '.join(kinds)}"] if len(kinds) > 1 else []


def _metric(name: str) -> str:
    return f"metrics.`{name}`"


def _tag(name: str) -> str:
    return f"tags.`{name}`"


def _view(order: str, columns: Sequence[str], search: str, groups: Mapping[str, Any] | None = None) -> str:
    """The state of a table as JSON, with as many of its columns as the tag that holds it has room for."""
    for count in range(len(columns), -1, -1):
        view = json.dumps(_state(order, columns[:count], search, groups))
        if len(view) <= LONGEST:
            return view
    return _view(order, columns, "")  # a search as long as this finds nothing in any page


def _state(order: str, columns: Sequence[str], search: str, groups: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "searchFilter": search,
        "orderByKey": order,
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns),
        "columnOrder": list(columns),
        "columnWidths": {column: _width(column) for column in columns},
        "groupBy": groups,
    }


def _width(column: str) -> int:
    """The width of a column's heading and its numbers, in pixels."""
    if column in (_metric("rank"), _tag("interval")):
        return 70 if column == _metric("rank") else INTERVAL_WIDTH
    return max(100, 8 * (len(column) - column.index("`")) + 24)
