"""Tasks of fev → the files of a board: leaderboard.toml, harness_plugin.py with its metrics, and the tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import BadInput
from harness_fev.data import check_columns, files_of, series_times, series_with_missing_ends
from harness_fev.steps import steps_of
from harness_fev.tasks import FevTask, refusal

FORECASTERS = ("seasonal-naive", "naive", "drift", "theta")
PREFIX = "fev:"  # of the names of datasets, so that they are not those of plugins
TASKS = "fev_tasks.json"  # beside the board file
PLUGIN = '''"""The metrics of this board, aggregated as fev does."""

from harness import Metric, hookimpl
from harness_fev.metrics import fev_metric


@hookimpl
def harness_metrics() -> list[Metric]:
    """The metrics of the tasks."""
    return [
{metrics}
    ]
'''


@dataclass(frozen=True)
class BoardFiles:
    """The files of a board by their names, and what a user should know of it."""

    contents: Mapping[str, str]
    remarks: tuple[str, ...]


def board_files(
    tasks: Sequence[FevTask], folder: Path, data: Path | None, title: str, max_context: int | None
) -> BoardFiles:
    """The files of the board of tasks, to be written to `folder`, with the data at their places in `data`.

    `max_context` is the most observations that forecasters are given. Raises BadInput for tasks that are not ranked by
    the same metric, and for what has no counterpart in harness; DataUnavailable where data is not there.
    """
    metric = tasks[0].metric
    for task in tasks:
        if task.metric != metric:
            raise refusal(
                task.task_name,
                "eval_metric",
                f"is {task.metric.label!r}, and that of {tasks[0].task_name!r} is {metric.label!r}; a board ranks by "
                "one metric: choose tasks of one by --task",
            )
    remarks: list[str] = []
    written = []
    places = {task.task_name: files_of(task, data) for task in tasks}
    names = _dataset_names(tasks, places)
    for task in tasks:
        place = places[task.task_name]
        check_columns(task, place)
        remarks += _remarks(task, place)
        file = Path(os.path.relpath(place, folder)).as_posix()
        dataset = {"file": file, "name": names[task.task_name], **_columns(task)}
        written.append(_task_lines(task, dataset, protocol_of(task, place, max_context)))
    metrics = list(dict.fromkeys(metric for task in tasks for metric in task.metrics))
    lines = [
        f"title = {toml(title)}",
        f"description = {toml('Tasks of fev, written by harness fev board.')}",
        f"metric = {toml(metric.label)}",
        'baseline = "seasonal-naive"',
        *(line for each in written for line in each),
        *(line for name in FORECASTERS for line in ("", "[[forecasters]]", f"name = {toml(name)}")),
    ]
    made = ",\n".join(
        f"        fev_metric({json.dumps(each.name)}{f', epsilon={each.epsilon!r}' if each.epsilon else ''})"
        for each in metrics
    )
    contents = {
        "leaderboard.toml": "\n".join(lines) + "\n",
        "harness_plugin.py": PLUGIN.format(metrics=made + ","),
        TASKS: json.dumps({"tasks": [task.to_json() for task in tasks]}, indent=1, ensure_ascii=False) + "\n",
    }
    return BoardFiles(contents, tuple(remarks))


def protocol_of(task: FevTask, place: Path, max_context: int | None) -> dict[str, Any]:
    """The protocol of a task: the same windows as those of fev."""
    protocol: dict[str, Any] = {"kind": "rolling-origin", "horizon": task.horizon, "windows": task.num_windows}
    protocol["first_cutoff"] = task.initial_cutoff
    step = task.window_step_size
    protocol["stride"] = step if isinstance(step, int) else steps_of(task, series_times(task, place))
    if task.min_context_length > 1:
        protocol["min_context"] = task.min_context_length
    limits = [limit for limit in (task.max_context_length, max_context) if limit is not None]
    if limits:
        protocol["max_context"] = min(limits)
    return protocol


def _dataset_names(tasks: Sequence[FevTask], places: Mapping[str, Path]) -> dict[str, str]:
    """By task, the name of its dataset: that of the data, or that of the task where others read the data otherwise."""
    readings: dict[str, list[object]] = {}
    for task in tasks:
        reading = (str(places[task.task_name]), _columns(task))
        known = readings.setdefault(_data_name(task), [])
        if reading not in known:
            known.append(reading)
    return {
        task.task_name: PREFIX + (_data_name(task) if len(readings[_data_name(task)]) == 1 else task.task_name)
        for task in tasks
    }


def _data_name(task: FevTask) -> str:
    return task.dataset_config or task.task_name


def _columns(task: FevTask) -> dict[str, Any]:
    """The roles of the columns; a series for each column from which univariate targets are generated."""
    generated = task.generate_univariate_targets_from
    columns: dict[str, Any] = {"time": task.timestamp_column, "id": task.id_column}
    if generated is None:
        columns["target"] = list(task.targets)
    else:
        columns["layout"] = "wide"
        if not isinstance(generated, str):
            columns["target"] = list(generated)
    roles = {"known": task.known_dynamic_columns, "past": task.past_dynamic_columns, "static": task.static_columns}
    columns |= {role: list(names) for role, names in roles.items() if names}
    return {**columns, "season_length": task.seasonality}


def _task_lines(task: FevTask, dataset: Mapping[str, Any], protocol: Mapping[str, Any]) -> list[str]:
    levels = list(task.quantile_levels)
    return [
        "",
        "[[tasks]]",
        f"name = {toml(task.task_name)}",
        f"dataset = {toml(dataset)}",
        f"protocol = {toml(protocol)}",
        f"covariates = {toml(list(task.covariates))}",
        *([f"quantile_levels = {toml(levels)}"] if levels else []),
    ]


def _remarks(task: FevTask, place: Path) -> list[str]:
    """What makes scores differ from those of fev."""
    if not isinstance(task.initial_cutoff, int) or task.initial_cutoff > 0:
        return []
    count = series_with_missing_ends(task, place)
    if not count:
        return []
    return [
        f"task {task.task_name!r}: {count:,} series end with missing targets; harness counts cutoffs from their last "
        "actual, so that scores differ from those of fev"
    ]


def write_board(files: BoardFiles, folder: Path) -> Path:
    """Write the files of a board to a new folder; returns the path of the board file. Raises BadInput if it exists."""
    if folder.exists() or folder.is_symlink():
        raise BadInput(f"{folder} exists already; choose another folder by --into, or another name by --name")
    folder.mkdir(parents=True)
    for name, content in files.contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder / "leaderboard.toml"


def toml(value: object) -> str:
    """A value in TOML, whose texts and numbers are written as in JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
