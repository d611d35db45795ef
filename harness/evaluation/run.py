"""Run: the result of one cell, and what is needed to trust and to repeat it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.fields.types import FiniteOrNull, Json
from harness.forecasters.layer import Layer
from harness.forecasters.origins import Functional
from harness.tasks.protocols import PROTOCOLS, Protocol
from harness.tasks.task import Task, task_classes

if TYPE_CHECKING:
    from harness.arrays import Ints
    from harness.evaluation.scoring import Terms
    from harness.forecasters.forecast import Forecast

EVALUATION_VERSION = 3  # raised when the same cell could give other results


class Status(StrEnum):
    """The result of running a cell, or of forecasting a single window."""

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
    contents: Mapping[str, str] = field(default_factory=dict)  # of hyperparameters that are paths: a hash, by name

    def key(self, fingerprint: str, forecaster_version: str) -> str:
        """The key of the cell's result: a hash of all that could change it, as 32 hexadecimal digits.

        Where the version names an environment, as in "plugin==1.0:digest@environment", the name of the forecaster is
        taken without that of the environment: the key is the same however a board names it. A hyperparameter that is a
        path stands for the hash of its content: the key is the same wherever that is.
        """
        is_of_environment = "@" in forecaster_version.rpartition(":")[2]
        name = self.forecaster.partition("@")[0] if is_of_environment else self.forecaster
        parts = {
            "evaluation": EVALUATION_VERSION,
            "data": fingerprint,
            "plugin": forecaster_version,
            **self.to_json(),
            "forecaster": name,
            "parameters": {
                **self.parameters,
                **self.contents,
            },  # with infinity as a number, as the keys of 0.2.0 have it
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """The cell as JSON values; `contents` only where there are some, as records of earlier versions have none."""
        fields: dict[str, Any] = dump(self)
        return {name: value for name, value in fields.items() if name != "contents" or value}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], protocols: Iterable[type[Protocol]] = PROTOCOLS) -> Cell:
        """The cell that `to_json` wrote, the protocol of its task one of these classes."""
        return load(cls, fields, task_classes(protocols))


@dataclass(frozen=True)
class Costs:
    """Seconds by the evaluator's clock, and the memory of the process; indicative, cells share a machine."""

    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    fit_cpu_seconds: float = 0.0
    predict_cpu_seconds: float = 0.0
    fits: int = 0
    peak_memory: int | None = None  # bytes, of the process meanwhile; where a system cannot reset it, until then
    parameters: int | None = None  # number of learned parameters; None: unknown
    import_seconds: float = 0.0  # of imports while it was fitted; 0: not measured, and part of the fit
    parts: int = 1  # of the cell, each in a process of its own: times are sums over them, and the memory the largest


@dataclass(frozen=True)
class WindowFailure:
    """A window without a valid forecast, and the reason."""

    window: int
    status: Status
    reason: str
    place: str = field(default="", compare=False)  # where the forecaster's code raised
    name: str = field(default="", compare=False)  # the series and cutoff of the window; empty in older records

    @property
    def explanation(self) -> str:
        """The series and cutoff of the window, the reason, and where the forecaster's code raised."""
        reason = explained(self.reason, self.place)
        return reason if self.name in self.reason else f"{self.name}: {reason}"


def explained(reason: str, place: str) -> str:
    """A reason, with the place where the forecaster's code raised if there is one."""
    return f"{reason} ({place})" if place else reason


@dataclass(frozen=True)
class Audit:
    """How a run was audited. The same seed samples the same windows."""

    seed: int
    windows: int  # that were forecast again
    seconds: float
    on_copy: bool = False  # of the fitted forecaster, which knows nothing of the forecasts that are scored


@dataclass(frozen=True, eq=False)
class Results:
    """The arrays of a run: the forecasts, and each metric's terms in each window."""

    forecast: Forecast
    terms: Mapping[str, Terms]
    series: Ints  # (window,) positions in the panel
    cutoffs: Ints  # (window,)


@dataclass(frozen=True, eq=False)
class Run:
    """The result of a cell. The record is everything but `results`, which is None where they were not read."""

    cell: Cell
    status: Status
    key: str = ""
    reason: str = ""  # of a failure, one sentence
    place: str = ""  # where the forecaster's code raised: file, line and function
    traceback: str = ""
    output: str = ""  # the last lines that the worker of a failed cell printed
    scores: Mapping[str, FiniteOrNull] = field(default_factory=dict)  # by metric; NaN where undefined
    functionals: Mapping[str, Functional] = field(default_factory=dict)  # by metric: what of the forecast it scored
    unsupported: Mapping[str, str] = field(default_factory=dict)  # by metric: why the forecast cannot be scored by it
    windows: int = 0
    window_failures: tuple[WindowFailure, ...] = ()
    hyperparameters: Mapping[str, Json] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of the last training, by name
    gradient_norms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # by time step, the last one first
    costs: Costs = Costs()
    started: str = ""  # UTC, ISO 8601
    finished: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False  # whether its forecasts were made for one point in time after the other, without later values
    ignored_covariates: tuple[str, ...] = ()  # of the task, of kinds that the forecaster cannot use
    batch_difference: float | None = None  # largest relative difference of forecasts in other batches, beyond tolerance
    audit: Audit | None = None  # None: it was not audited
    model_summary: tuple[Layer, ...] = ()  # the layers of a network, in the order of its computation
    period: tuple[str, str] | None = None  # the times of the task's first and last forecast step; None: no calendar
    results: Results | None = field(default=None, metadata={"stored": False})

    def __repr__(self) -> str:
        """What was run and how it ended, in one line."""
        seed = "" if self.cell.seed is None else f", seed {self.cell.seed}"
        score = next((f", {name} {value:.4g}" for name, value in self.scores.items()), "")
        key = f", key {self.key[:12]}" if self.key else ""
        return f"<Run: {self.cell.forecaster} on {self.cell.task.label}{seed}: {self.status.value}{score}{key}>"

    @property
    def explanation(self) -> str:
        """The reason of a failure, and where the forecaster's code raised; of failed windows, that of the first."""
        if self.status is Status.COMPLETED and self.window_failures:
            failed = f"{len(self.window_failures)} of {self.windows} windows failed"
            return f"{failed}; the first: {self.window_failures[0].explanation}"
        return explained(self.reason, self.place)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return dump(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], protocols: Iterable[type[Protocol]] = PROTOCOLS) -> Run:
        """The record that `to_json` wrote, the protocol of its task one of these classes."""
        return load(cls, fields, task_classes(protocols))
