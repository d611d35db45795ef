"""Run: what came of one cell, and what it needs to be believed and repeated."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from harness.fields import Json
from harness.tasks.task import Task

if TYPE_CHECKING:
    from harness.arrays import Ints
    from harness.evaluation.scoring import Terms
    from harness.forecasters.forecast import Forecast

EVALUATION_VERSION = 1  # raised when the same cell could give other results


class Status(StrEnum):
    """How a cell, or a single window, ended."""

    COMPLETED = "completed"
    FAILED = "failed"  # the forecaster raised
    INVALID = "invalid"  # NaN, infinite, wrong shape
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"  # the process died
    LEAKED = "leaked"  # the forecast changed when only the future did
    INCONSISTENT = "inconsistent"  # it changed with its neighbours in the batch, beyond rounding
    UNSUPPORTED = "unsupported"  # the forecaster says that it cannot do this


@dataclass(frozen=True)
class Cell:
    """One forecaster on one task with one seed, rebuilt from the catalog where it runs."""

    task: Task
    forecaster: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    seed: int | None = None

    def key(self, fingerprint: str, plugin_version: str) -> str:
        """The name of this cell's result: a hash of all that could change it, as 32 hexadecimal digits."""
        parts = {
            "evaluation": EVALUATION_VERSION,
            "data": fingerprint,
            "plugin": plugin_version,
            **self.to_json(),
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """The cell as JSON values."""
        return {
            "task": self.task.to_json(),
            "forecaster": self.forecaster,
            "parameters": dict(self.parameters),
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Cell:
        """The cell that `to_json` wrote."""
        return cls(**{**fields, "task": Task.from_json(fields["task"])})


@dataclass(frozen=True)
class Costs:
    """Seconds by the evaluator's clock, and the memory of the process; indicative, cells share a machine."""

    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    fit_cpu_seconds: float = 0.0
    predict_cpu_seconds: float = 0.0
    fits: int = 0
    peak_memory: int | None = None  # bytes, of the process meanwhile; where a system cannot reset it, until then
    parameters: int | None = None  # number of learned parameters; None: nothing that could be counted
    import_seconds: float = 0.0  # of imports while it was fitted; 0: not measured, and part of the fit


@dataclass(frozen=True)
class WindowFailure:
    """A window without a usable forecast, and why."""

    window: int
    status: Status
    reason: str


@dataclass(frozen=True, eq=False)
class Results:
    """The arrays of a run: what was forecast, and each metric's sums in each window."""

    forecast: Forecast
    terms: Mapping[str, Terms]
    series: Ints  # (window,) positions in the panel
    cutoffs: Ints  # (window,)


@dataclass(frozen=True, eq=False)
class Run:
    """What came of a cell. The record is everything but `results`, which is None where they were not read."""

    cell: Cell
    status: Status
    key: str = ""
    reason: str = ""  # one sentence, where it did not complete
    traceback: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)  # by metric; NaN where nothing counts
    windows: int = 0
    window_failures: tuple[WindowFailure, ...] = ()
    hyperparameters: Mapping[str, Json] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of the last training, by name
    costs: Costs = Costs()
    started: str = ""  # UTC, ISO 8601
    finished: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    results: Results | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values; what is not a number is null, infinity a text."""
        fields = {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.name != "results"}
        return fields | {
            "cell": _finite(self.cell.to_json()),
            "status": self.status.value,
            "scores": {name: score if math.isfinite(score) else None for name, score in self.scores.items()},
            "window_failures": [dataclasses.asdict(one) for one in self.window_failures],
            "costs": dataclasses.asdict(self.costs),
            "notes": list(self.notes),
            "curves": {name: [_plain(value) for value in curve] for name, curve in self.curves.items()},
            "hyperparameters": _finite(dict(self.hyperparameters)),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Run:
        """The record that `to_json` wrote."""
        failures = (WindowFailure(**{**one, "status": Status(one["status"])}) for one in fields["window_failures"])
        return cls(
            **{
                **fields,
                "cell": Cell.from_json(fields["cell"]),
                "status": Status(fields["status"]),
                "scores": {name: _number(one) for name, one in fields["scores"].items()},
                "window_failures": tuple(failures),
                "costs": Costs(**fields["costs"]),
                "notes": tuple(fields["notes"]),
                "curves": {name: tuple(map(_number, curve)) for name, curve in fields["curves"].items()},
            }
        )


def _finite(value: Any) -> Any:
    """The same JSON value with infinity, for which JSON has no number, as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def _plain(value: float) -> float | str | None:
    return value if math.isfinite(value) else None if math.isnan(value) else str(value)


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)
