"""Bench: the full record of a forecaster's measurement on one machine; None is a part that was not measured.

The record of a repetition is what one process measured; `combination.combine` makes one of several repetitions.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeVar

from harness.efficiency.circumstances import Calibration, Combination, Conditions, Machine, Repetition, Subject
from harness.evaluation.model_size import ModelSize
from harness.fields.dumping import dump
from harness.fields.reading import load

SCHEMA = 3
UNCHECKED = 1  # the schema of files without a checksum; until schema 2, a file had one repetition
RENAMED = {"repetitions": "calls"}  # since schema 2, in all parts
Figure = TypeVar("Figure")
Part = TypeVar("Part")


def part(figure: Figure | None, get: Callable[[Figure], Part]) -> Part | None:
    """A part of a figure, None where there is no figure."""
    return None if figure is None else get(figure)


@dataclass(frozen=True)
class Percentile:
    """A percentile of times, and the ends of its 95 % interval; None is an end that is unknown.

    Of one repetition, the interval is from order statistics and covers its calls only. Of several, it is from the
    variation between them.
    """

    seconds: float
    low: float | None = None
    high: float | None = None

    @property
    def has_upper_bound(self) -> bool:
        """Whether the upper end is known."""
        return self.high is not None


@dataclass(frozen=True)
class Histogram:
    """Counts of times in bins from `low` to `high`, of equal width on a logarithmic scale."""

    low: float  # seconds
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Latency:
    """Single stream: one window per call, one call after another."""

    p50: Percentile
    p90: Percentile
    p99: Percentile
    mean: float
    calls: int  # timed
    warm_up: int  # calls before them, which are ignored
    checking: float  # seconds to check the forecast of one window; not included in the latency
    device_p50: float | None = None  # by the GPU's events
    histogram: Histogram | None = None


@dataclass(frozen=True)
class Batch:
    """A batch of windows in one call."""

    size: int
    seconds: float  # of a call, median
    calls: int
    forecasts_per_second: float
    points_per_second: float
    joules: float | None = None  # for 1,000 forecasts


@dataclass(frozen=True)
class Throughput:
    """Offline: a batch of windows per call; those of the task are repeated to fill it."""

    batches: tuple[Batch, ...]
    left_out: tuple[str, ...] = ()  # why batches were

    @property
    def best(self) -> Batch:
        """The batch size with most forecasts per second."""
        return max(self.batches, key=lambda batch: batch.forecasts_per_second)


@dataclass(frozen=True)
class Trial:
    """A run in real time: windows arrive at random at this rate, and are forecast in order of arrival."""

    rate: float  # arrivals per second
    calls: int
    p99: Percentile  # from arrival to answer
    kept: bool  # whether the p99 was within the bound
    confirms: bool = True  # False: a short trial of the search


@dataclass(frozen=True)
class Server:
    """Server: the highest rate of random arrivals at which the p99 of response times is within a bound."""

    bound: float
    rate: float | None  # None: the bound cannot be met
    p99: Percentile  # at that rate; or else the lowest of the longer trials; without trials, of the single stream
    guess: float  # the rate by Lindley's recursion, from the service times of the single stream
    trials: tuple[Trial, ...] = ()
    unmet: int = 0  # repetitions that met the bound at no rate
    repetitions: int = 1


@dataclass(frozen=True)
class Start:
    """Seconds in a fresh process: imports, constructor, fit, and the first and second forecast of one window."""

    imports: float
    construct: float
    fit: float
    first: float
    second: float

    @property
    def seconds(self) -> float:
        """The cold start: until the first forecast, without the fit."""
        return self.imports + self.construct + self.first


@dataclass(frozen=True)
class Training:
    """The fit on the training data of the task's first fold, without imports."""

    seconds: float  # median
    calls: int  # fits
    samples: int  # observations trained on
    joules: float | None = None

    @property
    def samples_per_second(self) -> float | None:
        """Observations trained on per second; None where there were none."""
        return self.samples / self.seconds if self.samples and self.seconds else None


@dataclass(frozen=True)
class Memory:
    """Resident memory of the process in bytes."""

    before_import: int  # Python, harness and the data
    after_import: int  # and the libraries that the forecaster needs
    peak: int  # while it was fitted and forecast all windows
    device_peak: int | None = None  # allocated on the GPU
    exact: bool = True  # False: the system cannot reset the peak, which may be an earlier one

    @property
    def increase(self) -> int:
        """Increase from the imports to the peak: the model and its computations."""
        return self.peak - self.after_import

    @property
    def increase_with_imports(self) -> int:
        """Increase from before the imports to the peak: all that the forecaster adds."""
        return self.peak - self.before_import


@dataclass(frozen=True)
class Energy:
    """Joules for 1,000 forecasts at the best batch size, by the machine's counters; or why it is unknown."""

    joules: float | None = None
    counters: tuple[str, ...] = ()
    unknown: str = ""


@dataclass(frozen=True)
class Bench:
    """The full record of one forecaster on one machine."""

    key: str
    subject: Subject
    machine: Machine
    conditions: Conditions
    measured: str = ""  # UTC, ISO 8601
    start: Start | None = None
    training: Training | None = None
    memory: Memory | None = None
    size: ModelSize | None = None
    latency: Latency | None = None
    throughput: Throughput | None = None
    server: Server | None = None
    energy: Energy | None = None
    calibrations: tuple[Calibration, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)  # by scenario: why it has no result
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    repetition: Repetition | None = None
    combination: Combination | None = None
    intervals: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)  # by figure, at 95 %

    @property
    def run(self) -> str:
        """The run of `harness bench` in which it was measured."""
        return self.measured if self.repetition is None else self.repetition.run

    @property
    def repetitions(self) -> int:
        """The number of repetitions that it is from."""
        return 1 if self.combination is None else self.combination.repetitions

    @property
    def runs(self) -> int:
        """The number of runs of `harness bench` that the repetitions are from."""
        return 1 if self.combination is None else self.combination.runs

    @property
    def failure(self) -> str:
        """The failures in one line; empty where there are none."""
        return "; ".join(f"{scenario}: {why}" for scenario, why in self.failures.items())

    @property
    def loop(self) -> float | None:
        """Seconds of the calibration workload, median over the run."""
        return statistics.median(calibration.median for calibration in self.calibrations) if self.calibrations else None

    @property
    def unrest(self) -> float | None:
        """The variation of the machine's speed during the run: slowest over fastest calibration, less 1."""
        medians = [calibration.median for calibration in self.calibrations]
        return max(medians) / min(medians) - 1 if medians else None

    def loops(self) -> dict[str, float]:
        """Times as multiples of the calibration workload's, which are comparable between days."""
        if self.loop is None:
            return {}
        seconds = {name: part(self.latency, attrgetter(f"{name}.seconds")) for name in ("p50", "p90", "p99")}
        seconds["forecast"] = part(self.throughput, lambda throughput: 1 / throughput.best.forecasts_per_second)
        seconds["training"] = part(self.training, lambda training: training.seconds)
        return {name: value / self.loop for name, value in seconds.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values; "loops" has times as multiples of the calibration workload's."""
        return {"schema": SCHEMA, **dump(self), "loops": self.loops()}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Bench:
        """The record that `to_json` wrote, now or in an earlier version; raises ValueError for another schema."""
        schema = table.get("schema")
        if schema not in range(UNCHECKED, SCHEMA + 1):
            raise ValueError(f"a record of schema {schema}, not {SCHEMA}")
        fields = {name: value for name, value in table.items() if name not in ("schema", "loops")}
        return load(cls, fields if schema == SCHEMA else _renamed(fields))


def _renamed(value: Any) -> Any:
    """The fields of a record of schema 1 or 2 with their present names."""
    if isinstance(value, list):
        return [_renamed(element) for element in value]
    if not isinstance(value, dict):
        return value
    kept = ("subject", "provenance")  # hyperparameters have names of their own
    return {RENAMED.get(name, name): part if name in kept else _renamed(part) for name, part in value.items()}
