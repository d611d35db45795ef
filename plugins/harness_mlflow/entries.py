"""Entries: the parameters, metrics and tags of a cell's run and of a forecaster's run, as plain values."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from harness import Column, Row, Run, Standings, Status, StoredPlan, standings_columns
from harness_mlflow.storage import LONGEST, storable, tag_value

LONGEST_NAME = 240  # of a metric or a parameter; a number may follow


@dataclass(frozen=True)
class Entry:
    """The parameters, metrics and tags of a run in MLflow."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]  # finite
    tags: Mapping[str, str]
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # metrics that have a value at every step

    @property
    def digest(self) -> str:
        """A hash of the entry, without its curves."""
        text = json.dumps([self.name, self.params, self.metrics, self.tags], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def cell_entry(run: Run, plan: StoredPlan, forecaster: str, task: str) -> Entry:
    """The entry of a cell; `forecaster` and `task` are their names on the board."""
    seed = run.cell.seed
    hyperparameters = {**run.cell.parameters, **run.hyperparameters}
    provenance = run.provenance
    first = {plan.metric: run.scores[plan.metric]} if plan.metric in run.scores else {}
    scores = {**first, **run.scores}  # that of the board's metric before the others
    windows = {"windows": run.windows, "failed_windows": len(run.window_failures)}
    tags = {
        "board": plan.name,
        "forecaster": forecaster,
        "task": task,
        "seed": "" if seed is None else str(seed),
        "status": run.status.value,
        "reason": run.reason,
        "notes": "; ".join(run.notes),
        "plugin": _plugin(provenance.get("plugin", {})),
        "machine": str(provenance.get("machine", {}).get("name", "")),
        "threads": str(provenance.get("threads", "")),
        "device": _device(provenance.get("device", {})),
        "environment": _environment(provenance.get("environment", {})),
        "harness.version": str(provenance.get("harness", "")),
        "harness.key": run.key,
    }
    return Entry(
        name=storable(f"{forecaster} · {task}" + ("" if seed is None else f" · seed {seed}")),
        params=_texts(
            {**hyperparameters, "forecaster": run.cell.forecaster, **_flat("task", run.cell.task.to_json())},
        ),
        metrics={name: _round(value, 6) for name, value in _finite({**scores, **_costs(run), **windows}).items()},
        tags=_non_empty(tags),
        curves={
            safe_name(f"{kind}/{name}"): curve
            for kind, curves in (("training", run.curves), ("gradient_norms", run.gradient_norms))
            for name, curve in curves.items()
        },
    )


def _device(device: Mapping[str, str]) -> str:
    """The GPU of a run with its driver, or "cpu", and the type of its numbers; empty where it is not known."""
    used = (
        [device.get("name", ""), device.get("driver", "")] if device.get("kind") == "cuda" else [device.get("kind", "")]
    )
    return ", ".join(part for part in (*used, device.get("dtype", "")) if part)


def _environment(environment: Mapping[str, Any]) -> str:
    """The name and the Python of the environment that the forecaster was in; empty for that of harness itself."""
    return f"{environment['name']}, Python {environment['python']}" if environment else ""


def row_entries(standings: Standings, hyperparameters: Mapping[str, Mapping[str, Any]]) -> list[Entry]:
    """The entries of a board's rows, best first; `hyperparameters` by the forecaster's name on the board."""
    metrics, tags = columns_by_name(standings, "metric"), columns_by_name(standings, "tag")
    return [
        Entry(
            name=storable(row.forecaster),
            params=_texts(hyperparameters.get(row.forecaster, {})),
            metrics=_row_metrics(row, metrics),
            tags=_non_empty(
                {
                    "board": standings.board,
                    "forecaster": row.forecaster,
                    **{name: column.tag_text(row) for name, column in tags.items()},
                }
            ),
        )
        for row in standings.rows
    ]


def columns_by_name(standings: Standings, view: Literal["metric", "tag"]) -> dict[str, Column]:
    """The columns that are metrics or tags, by their names there; of two of one name, the first."""
    columns: dict[str, Column] = {}
    for column in standings_columns(standings):
        if view in column.names:
            columns.setdefault(column.names[view], column)
    return columns


def _row_metrics(row: Row, columns: Mapping[str, Column]) -> dict[str, float]:
    values = {name: column.factor * column.number(row) for name, column in columns.items()}
    return {name: _round(value) for name, value in _finite(values).items()}


def is_success(run: Run) -> bool:
    """Whether MLflow shows the run as finished rather than failed."""
    return run.status is Status.COMPLETED


def milliseconds(moment: str, otherwise: int) -> int:
    """A moment in ISO 8601 in milliseconds; if it is empty, `otherwise`, which is in nanoseconds."""
    if not moment:
        return otherwise // 1_000_000
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def safe_name(name: str) -> str:
    """A name as MLflow accepts it for metrics and parameters."""
    return (
        "/".join(part for part in re.sub(r"[^/\w.\- ]", "_", name).split("/") if part.strip("."))[:LONGEST_NAME].rstrip(
            "/"
        )
        or "_"
    )


def _costs(run: Run) -> dict[str, float]:
    costs = run.costs
    known = {
        "fit_seconds": costs.fit_seconds,
        "predict_seconds": costs.predict_seconds,
        "fit_cpu_seconds": costs.fit_cpu_seconds,
        "predict_cpu_seconds": costs.predict_cpu_seconds,
        "fits": costs.fits,
    }
    known |= {} if costs.peak_memory is None else {"peak_memory_mib": costs.peak_memory / 2**20}
    return known | ({} if costs.parameters is None else {"parameters": costs.parameters})


def _non_empty(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: tag_value(value) for name, value in tags.items() if value}


def _plugin(plugin: Mapping[str, Any]) -> str:
    return " ".join(str(plugin[name]) for name in ("name", "version") if name in plugin)


def _flat(name: str, value: Any) -> dict[str, Any]:
    """Nested tables as one, names joined by dots, without None."""
    if isinstance(value, Mapping):
        parts = (_flat(f"{name}.{key}", item) for key, item in value.items())
        return {key: item for part in parts for key, item in part.items()}
    return {} if value is None else {name: value}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return {name: storable(texts[old])[:LONGEST] for old, name in _safe_names(texts).items()}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    names = _safe_names(values)
    return {names[name]: float(value) for name, value in values.items() if math.isfinite(value)}


def _round(value: float, digits: int = 5) -> float:
    """A number of a few digits, since MLflow's table shows all digits."""
    return value if value.is_integer() else float(f"{value:.{digits}g}")


def _safe_names(names: Iterable[str]) -> dict[str, str]:
    """Unique names that MLflow accepts, by the real ones."""
    safe: dict[str, str] = {}
    for name in names:
        wanted, number = safe_name(name), 1
        while wanted in safe.values():
            number += 1
            wanted = f"{safe_name(name)}_{number}"
        safe[name] = wanted
    return safe
