"""Results that fev publishes as claimed results of a board, matched by the fields of the tasks."""

from __future__ import annotations

import ast
import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import BadInput, Claim
from harness_fev.tasks import FORMER_NAMES, FevTask

NEEDED = ("model_name", "task_name", "dataset_config", "horizon", "eval_metric", "test_error")
NUMBERS = ("horizon", "num_windows", "min_context_length", "max_context_length", "seasonality")
LISTS = ("known_dynamic_columns", "past_dynamic_columns", "static_columns")
SAME = (*NUMBERS, *LISTS, "quantile_levels", "target", "generate_univariate_targets_from")
TEXTS = ("dataset_path", "dataset_config", "initial_cutoff", "window_step_size")


def read_claims(
    paths: Iterable[Path], tasks: Mapping[str, FevTask], source: str | None
) -> tuple[list[Claim], list[str]]:
    """The claimed results in files of fev, and why results were left out.

    A result is left out if a field of its task is not that of the board's, or if the data is other data than that of
    the first result of the task. Raises BadInput for a file of another kind, and for two results of one model.
    """
    scores: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    overlaps: dict[tuple[str, str], list[str]] = {}
    fingerprints: dict[str, str] = {}
    others: dict[tuple[str, str], list[str]] = {}  # by model and reason: tasks
    seen: set[tuple[str, str]] = set()
    for path in paths:
        for row in _rows(path):
            model, name = row["model_name"], row["task_name"]
            if name not in tasks:
                continue
            if (model, name) in seen:
                raise BadInput(f"{path}: there is a second result of {model!r} on task {name!r}; remove one of them")
            seen.add((model, name))
            key = (model, source or f"fev {row.get('fev_version', '')}".strip())
            reason = _difference(row, tasks[name]) or _other_data(row, fingerprints.setdefault(name, _print(row)))
            if reason:
                others.setdefault((model, reason), []).append(name)
                continue
            by_metric = scores.setdefault(key, {})
            for metric in tasks[name].metrics:
                score = _number(row.get(metric.name) or "")
                if math.isfinite(score):
                    by_metric.setdefault(metric.label, {})[name] = score
            if row.get("trained_on_this_dataset", "") == "True":
                overlaps.setdefault(key, []).append(name)
    claims = [Claim(model, by, found, tuple(overlaps.get((model, by), ()))) for (model, by), found in scores.items()]
    left_out = [
        f"claimed results of {model} on {_some(names)} are left out: {why}" for (model, why), names in others.items()
    ]
    return claims, left_out


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a file, with the present names of columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [
                {FORMER_NAMES.get(name, name): value for name, value in row.items()} for row in csv.DictReader(lines)
            ]
    except (OSError, UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise BadInput(f"{path} cannot be read as CSV: {error}") from error
    lacking = [name for name in NEEDED if not rows or name not in rows[0]]
    if lacking:
        raise BadInput(
            f"{path} has no results of fev: it lacks the column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}"
        )
    return rows


def _difference(row: Mapping[str, str], task: FevTask) -> str:
    """Which field is not that of the task; empty if all are. Columns that a file does not have are not compared."""
    for field in SAME:
        if field in row and _value(row[field]) != _plain(getattr(task, field)):
            return f"{field} is {row[field] or 'not set'} there and {_plain(getattr(task, field))} on the board"
    for field in TEXTS:
        expected = str(getattr(task, field) if getattr(task, field) is not None else "")
        if field in row and not _is_same_text(row[field], expected):
            return f"{field} is {row[field] or 'not set'} there and {expected or 'not set'} on the board"
    metrics = [task.metric, *(each for each in task.metrics[1:])]
    given = [_value(row["eval_metric"]), *(_value(row.get("extra_metrics", "")) or [])]
    known = {_metric(each) for each in given}
    if _metric(given[0]) != (task.metric.name, task.metric.epsilon):
        return f"eval_metric is {row['eval_metric']} there and {task.metric.label} on the board"
    for metric in metrics[1:]:
        if metric.name in {name for name, _ in known} and (metric.name, metric.epsilon) not in known:
            return f"{metric.name} has another epsilon there"
    return ""


def _is_same_text(given: str, expected: str) -> bool:
    """Whether texts, dates of one time or numbers are the same."""
    if given == expected:
        return True
    return given.removesuffix("T00:00:00") == expected.removesuffix("T00:00:00") or _number(given) == _number(expected)


def _metric(given: Any) -> tuple[str, float]:
    if isinstance(given, dict):
        return str(given.get("name", "")).upper(), float(given.get("epsilon", 0.0))
    return str(given).upper(), 0.0


def _value(text: str) -> Any:
    """The value that a text stands for, as Python writes it; None if it is empty, and the text if it is none."""
    if not text:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _print(row: Mapping[str, str]) -> str:
    return row.get("dataset_fingerprint") or ""


def _other_data(row: Mapping[str, str], first: str) -> str:
    """That the data is other data than that of the first result; empty if it is the same, or not stated."""
    own = _print(row)
    return f"dataset_fingerprint is {own} there and {first} in the first file" if own and first and own != first else ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more tasks" if len(names) > 3 else "")
