"""Results of a board as rows of results of fev, which fev's leaderboard reads."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import harness
from harness import BadInput, Journal, Run, Status, StoredPlan
from harness_fev.board_file import TASKS
from harness_fev.tasks import FevTask, read_tables

FEV_VERSION = "0.10.0"  # whose definitions and columns these are
MODEL_CLASS = "harness"


def board_tasks(folder: Path) -> dict[str, FevTask]:
    """The tasks of fev by their names on the board in a folder.

    Raises BadInput for a board that `harness fev board` did not write.
    """
    path = folder / TASKS
    if not path.is_file():
        raise BadInput(f"{folder} has no {TASKS}: only boards that `harness fev board` wrote have tasks of fev")
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))["tasks"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is damaged; write the board again by harness fev board") from error
    return {task.task_name: task for task in read_tables(tables)}


def result_rows(plan: StoredPlan, tasks: Mapping[str, FevTask], home: Path) -> list[dict[str, Any]]:
    """A row for each forecaster and task of a board that completed, of all of its seeds, in the board's order.

    Raises BadInput for tasks that are none of fev any more, because the board file was changed.
    """
    journal = Journal(home)
    runs: dict[tuple[str, str], list[Run | None]] = defaultdict(list)
    for cell in plan.cells:
        runs[cell.forecaster, cell.task].append(journal.read(cell.key))
    rows = []
    for (forecaster, name), found in runs.items():
        known = [run for run in found if run is not None]
        if known:
            _check_task(name, tasks, known[0])
        completed = [run for run in known if run.status is Status.COMPLETED]
        if len(completed) == len(found) and not any(run.window_failures for run in completed):
            overlap = name in plan.training_overlap.get(forecaster, ())
            rows.append(_row(forecaster, tasks[name], completed, trained=overlap))
    return rows


def _check_task(name: str, tasks: Mapping[str, FevTask], run: Run) -> None:
    """Raise BadInput unless a run is one of the task of fev."""
    task = tasks.get(name)
    if task is None:
        raise BadInput(f"task {name!r} is none of the task file of fev from which the board was written")
    ours = run.cell.task
    pairs = {
        "horizon": (ours.horizon, task.horizon),
        "num_windows": (getattr(ours.protocol, "windows", None), task.num_windows),
        "initial_cutoff": (getattr(ours.protocol, "first_cutoff", None), task.initial_cutoff),
        "quantile_levels": (ours.quantile_levels, task.quantile_levels),
    }
    if isinstance(task.window_step_size, int):
        pairs["window_step_size"] = (getattr(ours.protocol, "stride", None), task.window_step_size)
    for field, (found, expected) in pairs.items():
        if found != expected:
            raise BadInput(
                f"task {name!r}: {field} is {found!r} on the board and {expected!r} in fev's task, so that its "
                "results are none of this task; write the board again by harness fev board"
            )


def _row(forecaster: str, task: FevTask, runs: Sequence[Run], *, trained: bool) -> dict[str, Any]:
    def mean(values: Sequence[float]) -> float:
        return math.fsum(values) / len(values)

    scores = {
        metric.name: mean([float(run.scores.get(metric.label, math.nan)) for run in runs]) for metric in task.metrics
    }
    targets = len(task.targets)
    return {
        "model_name": forecaster,
        "model_class": MODEL_CLASS,
        **task.to_json(),
        "test_error": scores[task.metric.name],
        "training_time_s": mean([run.costs.fit_seconds for run in runs]),
        "inference_time_s": mean([run.costs.predict_seconds for run in runs]),
        "num_forecasts": runs[0].windows * targets,
        "dataset_fingerprint": None,  # of fev's own kind, which only fev computes
        "trained_on_this_dataset": trained,
        "fev_version": FEV_VERSION,
        **scores,
        "framework_version": f"forecast-harness {harness.__version__}",
        "model_kwargs": json.dumps(dict(runs[0].hyperparameters)),
    }


def write_results(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows of results to a CSV file as fev does: lists as Python writes them, and nothing for None."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _text(row.get(name)) for name in columns})


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
