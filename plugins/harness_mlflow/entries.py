"""Entries: what MLflow is told of a cell and of a forecaster's place on a board, as plain values."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from harness import BenchCosts, Run, Standings, Status, StoredPlan

if TYPE_CHECKING:
    from harness.results.standings import Row

SCALED = {
    "ms": ("latency_p50", "latency_p90", "latency_p99", "latency_p99_low", "latency_p99_high", "server_bound"),
    "mib": ("memory", "memory_increase", "device_memory"),
}
PLAIN = (
    *("throughput", "points_per_second", "training_seconds", "training_samples_per_second", "parameters"),
    *("model_bytes", "energy", "start_seconds", "server_rate"),
)
LONGEST = 5000  # characters of a parameter or a tag, below every limit of MLflow


@dataclass(frozen=True)
class Entry:
    """A run as MLflow shows it."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]  # finite
    tags: Mapping[str, str]
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # metrics that have a value at every step

    @property
    def digest(self) -> str:
        """Changes when anything of it does."""
        text = json.dumps([self.name, self.params, self.metrics, self.tags], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def cell_entry(run: Run, plan: StoredPlan, forecaster: str, task: str) -> Entry:
    """A cell of a board; `forecaster` and `task` are their names there."""
    seed = run.cell.seed
    hyperparameters = {**run.cell.parameters, **run.hyperparameters}
    provenance = run.provenance
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
        "harness.version": str(provenance.get("harness", "")),
        "harness.key": run.key,
    }
    return Entry(
        name=f"{forecaster} · {task}" + ("" if seed is None else f" · seed {seed}"),
        params=_texts(
            {**hyperparameters, "forecaster": run.cell.forecaster, **_flat("task", run.cell.task.to_json())},
        ),
        metrics=_finite({**run.scores, **_costs(run), "windows": run.windows, "failed_windows": _lost(run)}),
        tags=_known(tags),
        curves={safe_name(f"training/{name}"): curve for name, curve in run.curves.items()},
    )


def row_entries(standings: Standings, hyperparameters: Mapping[str, Mapping[str, Any]]) -> list[Entry]:
    """The rows of a board, best first; `hyperparameters` by the forecaster's name on it."""
    return [
        Entry(
            name=row.forecaster,
            params=_texts(hyperparameters.get(row.forecaster, {})),
            metrics={name: _rounded(value) for name, value in _finite(_row_metrics(row, standings.metric)).items()},
            tags=_known(
                {
                    "board": standings.board,
                    "forecaster": row.forecaster,
                    "tied_for_first": "yes" if row.tied_for_first else "",
                    "missing": ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in row.missing.items()),
                    "reasons": "\n".join(row.reasons),
                    "training_overlap": ", ".join(row.training_overlap),
                    "measured": "" if row.costs is None else _measured(row.costs),
                }
            ),
        )
        for row in standings.rows
    ]


def succeeded(run: Run) -> bool:
    """Whether MLflow shows the run as finished rather than failed."""
    return run.status is Status.COMPLETED


def milliseconds(moment: str, otherwise: int) -> int:
    """A moment in ISO 8601 as MLflow counts time; `otherwise`, in nanoseconds, where nothing is known."""
    if not moment:
        return otherwise // 1_000_000
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def safe_name(name: str) -> str:
    """A name as MLflow accepts it for metrics and parameters."""
    return "/".join(part for part in re.sub(r"[^/\w.\- ]", "_", name).split("/") if part.strip("."))[:250] or "_"


def _row_metrics(row: Row, metric: str) -> dict[str, float]:
    bounds = {
        f"{name}_{end}": bound
        for name, interval in row.intervals.items()
        for end, bound in zip(("low", "high"), interval, strict=True)
    }
    return {
        **row.metrics,
        **{f"{metric}/{task}": score for task, score in row.scores.items()},
        "rank": row.rank,
        "skill": row.skill,
        "win_rate": row.win_rate,
        "mean_rank": row.mean_rank,
        "median_relative_error": row.median_relative_error,
        "relative_error": row.relative_error,
        **bounds,
        "mcs_p_value": row.mcs_p_value,
        "skill_std": row.skill_std,
        "seeds": row.seeds,
        "predict_ms_per_window": 1000 * row.window_seconds,
        "fit_seconds": row.fit_seconds,
        "predict_seconds": row.predict_seconds,
        **_measured_costs(row.costs),
        "completed": row.completed,
        "missing": sum(row.missing.values()),
        "failed_windows": row.failed_windows,
    }


def _measured_costs(costs: BenchCosts | None) -> dict[str, float]:
    """What `harness bench` measured: times of a forecast in milliseconds, memory in MiB, energy in joules."""
    if costs is None:
        return {}
    factors = {"ms": 1000.0, "mib": 2.0**-20}
    found = {name: getattr(costs, name) for name in PLAIN}
    found |= {
        f"{name}_{unit}": None if (value := getattr(costs, name)) is None else value * factors[unit]
        for unit, names in SCALED.items()
        for name in names
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _measured(costs: BenchCosts) -> str:
    threads = f"{costs.threads} thread{'s' if costs.threads > 1 else ''}"
    return f"on {costs.task}: {costs.processor}, {threads}, {costs.device}, {costs.measured}"


def _costs(run: Run) -> dict[str, float]:
    costs = run.costs
    known = {
        "fit_seconds": costs.fit_seconds,
        "predict_seconds": costs.predict_seconds,
        "fit_cpu_seconds": costs.fit_cpu_seconds,
        "predict_cpu_seconds": costs.predict_cpu_seconds,
        "fits": costs.fits,
    }
    return known if costs.peak_memory is None else {**known, "peak_memory_mib": costs.peak_memory / 2**20}


def _lost(run: Run) -> int:
    return len(run.window_failures)


def _known(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:LONGEST] for name, value in tags.items() if value}


def _plugin(plugin: Mapping[str, Any]) -> str:
    return " ".join(str(plugin[name]) for name in ("name", "version") if name in plugin)


def _flat(name: str, value: Any) -> dict[str, Any]:
    """Nested tables as one, names joined by dots; what was left open is left out."""
    if isinstance(value, Mapping):
        parts = (_flat(f"{name}.{key}", one) for key, one in value.items())
        return {key: one for part in parts for key, one in part.items()}
    return {} if value is None else {name: value}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: one if isinstance(one, str) else json.dumps(one) for name, one in values.items()}
    return {name: texts[old][:LONGEST] for old, name in _safe_names(texts).items()}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    names = _safe_names(values)
    return {names[name]: float(value) for name, value in values.items() if math.isfinite(value)}


def _rounded(value: float) -> float:
    """A number of five digits, since MLflow's table shows all that there are."""
    return value if value.is_integer() else float(f"{value:.5g}")


def _safe_names(names: Iterable[str]) -> dict[str, str]:
    """Accepted names by the real ones, no two alike."""
    safe: dict[str, str] = {}
    for name in names:
        wanted, number = safe_name(name), 1
        while wanted in safe.values():
            number += 1
            wanted = f"{safe_name(name)}_{number}"
        safe[name] = wanted
    return safe
