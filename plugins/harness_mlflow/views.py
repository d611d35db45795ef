"""Views: how a board opens in MLflow's pages, and the descriptions that link them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from harness import Run, Standings, StoredPlan
from harness_mlflow.entries import LONGEST, safe_name

SHARED = "mlflow.sharedViewState."  # prefix of the tags in which experiments keep shared views
KEY = "harness"  # of our view
MOST_TASKS = 12  # so many tasks have a column each


def board_columns(standings: Standings) -> list[str]:
    """The metrics that a board's table shows, in order."""
    tasks = [f"{standings.metric}/{task}" for task in standings.tasks][:MOST_TASKS]
    shown = ["rank", "skill", "relative_error", *map(safe_name, tasks)]
    return [*shown, "fit_seconds", "predict_seconds", "completed", "missing"]


def board_view(standings: Standings, search: str) -> str:
    """A board's table, best first, as the page keeps it."""
    columns = [_metric(name) for name in board_columns(standings)]
    return _view("metrics.`rank`", [*columns, "tags.`missing`"], search)


def cells_view(metric: str, search: str) -> str:
    """The table of a board's cells, best first by the board's metric, as the page keeps it."""
    tags = [f"tags.`{name}`" for name in ("forecaster", "task", "seed", "status")]
    metrics = [_metric(name) for name in (safe_name(metric), "fit_seconds", "predict_seconds")]
    return _view(_metric(safe_name(metric)), [*tags, *metrics, "attributes.`Dataset`"], search)


def shared_page(experiment: str) -> str:
    """The page of an experiment, opened with our view."""
    return f"#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={KEY}"


def run_page(experiment: str, run: str) -> str:
    """The page of a run."""
    return f"#/experiments/{experiment}/runs/{run}?workflowType=machine_learning"


def board_note(plan: StoredPlan, standings: Standings | None, experiment: str, cells: str) -> str:
    """The description of a board's experiment."""
    said = f"**{plan.title}**: ranked by {plan.metric}, relative to {plan.baseline}"
    links = f"[standings]({shared_page(experiment)}) · [cells]({shared_page(cells)})"
    lines = [f"{said} · {links}", *(["", plan.description] if plan.description else [])]
    if standings is not None:
        remarks = [
            *standings.notes,
            *(f"{task} is not available: {why}" for task, why in standings.unavailable.items()),
        ]
        lines += ["", *(f"- {remark}" for remark in remarks)]
    return "\n".join(lines)[:LONGEST]


def cells_note(plan: StoredPlan, experiment: str) -> str:
    """The description of the experiment that holds a board's cells."""
    return (
        f"The cells of [{plan.title}]({shared_page(experiment)}): one run for each task, forecaster and seed, "
        "with its scores, plots and forecasts."
    )


def row_note(forecaster: str, cells: str, reasons: Sequence[str]) -> str:
    """The description of a forecaster's run on a board."""
    mark = '"' if "'" in forecaster else "'"
    search = quote(f"tags.forecaster = {mark}{forecaster}{mark} and tags.current = 'yes'")
    link = f"[Its cells](#/experiments/{cells}/runs?workflowType=machine_learning&searchFilter={search})"
    return "\n".join([link, "", *(f"- {reason}" for reason in reasons)])[:LONGEST]


def cell_note(run: Run, plan: StoredPlan, experiment: str, row: str) -> str:
    """The description of a cell's run."""
    lines = [f"A cell of [{plan.title}]({shared_page(experiment)}); [its forecaster]({run_page(experiment, row)})"]
    if run.reason:
        lines += ["", f"**{run.status.value.replace('_', ' ')}**: {run.reason}"]
    lines += ["", *(f"- {note}" for note in run.notes)] if run.notes else []
    lines += ["", f"{len(run.window_failures)} of {run.windows} windows failed"] if run.window_failures else []
    return "\n".join(lines)[:LONGEST]


def _metric(name: str) -> str:
    return f"metrics.`{name}`"


def _view(order: str, columns: Sequence[str], search: str) -> str:
    state = {
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
    }
    return json.dumps(state)


def _width(column: str) -> int:
    """Pixels that hold a column's heading and its numbers."""
    return 70 if column == _metric("rank") else max(100, 8 * (len(column) - column.index("`")) + 24)
