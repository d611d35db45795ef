"""Bench: what a forecaster costs on one machine, figure by figure; None is what was not measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeVar

from harness.evaluation.footprint import ModelSize
from harness.fields.dumping import dump
from harness.fields.reading import load

SCHEMA = 1
Figure = TypeVar("Figure")
Part = TypeVar("Part")


def part(figure: Figure | None, look: Callable[[Figure], Part]) -> Part | None:
    """A part of a figure, None where there is no figure."""
    return None if figure is None else look(figure)


@dataclass(frozen=True)
class Percentile:
    """A percentile of times, and the ends of its 95 % interval from order statistics."""

    seconds: float
    low: float
    high: float | None = None  # None: too few repetitions to bound it from above

    @property
    def bounded(self) -> bool:
        """Whether there were enough repetitions for it to mean something."""
        return self.high is not None


@dataclass(frozen=True)
class Histogram:
    """How many times there were in each of the bins that part `low` to `high` evenly in their logarithms."""

    low: float  # seconds
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Latency:
    """Single stream: one window at a time, the next when the last is done."""

    p50: Percentile
    p90: Percentile
    p99: Percentile
    mean: float
    repetitions: int
    warm_up: int  # calls before them that do not count
    checking: float  # seconds that harness spends on checking the forecast of one window; in none of the figures
    device_p50: float | None = None  # by the events of the GPU
    histogram: Histogram | None = None


@dataclass(frozen=True)
class Batch:
    """So many windows in one call."""

    size: int
    seconds: float  # of a call, median
    repetitions: int
    forecasts_per_second: float
    points_per_second: float
    joules: float | None = None  # for 1,000 forecasts


@dataclass(frozen=True)
class Throughput:
    """Offline: all windows in one call; those of the task are repeated to fill a batch."""

    batches: tuple[Batch, ...]
    left_out: tuple[str, ...] = ()

    @property
    def best(self) -> Batch:
        """The batch by which most forecasts are made in a second."""
        return max(self.batches, key=lambda one: one.forecasts_per_second)


@dataclass(frozen=True)
class Trial:
    """A run in real time: windows arrived at random at this rate, one worker answered them in their order."""

    rate: float  # arrivals per second
    repetitions: int
    p99: Percentile  # from arrival to answer
    kept: bool  # whether the bound was


@dataclass(frozen=True)
class Server:
    """The highest rate of random arrivals at which the p99 stays under a bound."""

    bound: float
    rate: float | None  # None: the bound cannot be met
    p99: Percentile  # at that rate, or else the best that was reached
    guess: float  # the rate that Lindley's recursion gives for the service times of the single stream
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True)
class Start:
    """A fresh process: its imports, the forecaster, its fit, its first forecast of one window, its second."""

    imports: float
    construct: float
    fit: float
    first: float
    second: float

    @property
    def seconds(self) -> float:
        """Until the first forecast, training apart."""
        return self.imports + self.construct + self.first


@dataclass(frozen=True)
class Training:
    """A fit on the training data of the task's first fold, imports apart."""

    seconds: float  # median
    repetitions: int
    samples: int  # observations trained on
    joules: float | None = None

    @property
    def samples_per_second(self) -> float:
        """Observations trained on in a second."""
        return self.samples / self.seconds


@dataclass(frozen=True)
class Memory:
    """Bytes of the process in memory."""

    before_import: int  # Python, harness and the data
    after_import: int  # and the libraries that the forecaster needs
    peak: int  # while it was fitted and forecast all windows
    device_peak: int | None = None  # allocated on the GPU
    exact: bool = True  # False: the system cannot reset its count, and the peak may be an earlier one

    @property
    def increase(self) -> int:
        """Of the peak over the state after the imports: the model and its work."""
        return self.peak - self.after_import

    @property
    def increase_with_imports(self) -> int:
        """Of the peak over the state before the imports: what the forecaster adds in all."""
        return self.peak - self.before_import


@dataclass(frozen=True)
class Energy:
    """Joules for 1,000 forecasts at the best batch, by the counters of the machine; or why that is unknown."""

    joules: float | None = None
    counters: tuple[str, ...] = ()
    unknown: str = ""


@dataclass(frozen=True)
class Calibration:
    """Fixed work in Python and NumPy, timed at a moment of the run: how fast the machine was, and how calm."""

    moment: str
    median: float
    p90: float
    repetitions: int


@dataclass(frozen=True)
class Machine:
    """Where it was measured. Figures of different machines do not compare."""

    id: str
    processor: str
    cores: int
    memory: int
    system: str
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conditions:
    """What was held fixed."""

    seconds: float  # for each scenario
    threads: int
    device: str  # asked for
    cores: tuple[int, ...] = ()  # that the process was bound to; none: the system cannot
    collector: bool = False  # whether Python's garbage collector ran meanwhile
    used_device: str = "cpu"
    own_threads: int | None = None  # what the forecaster asks for


@dataclass(frozen=True)
class Subject:
    """Who is measured, on what."""

    title: str  # on the board
    forecaster: str
    board: str
    task: str
    cell: str  # the key of its cell in the journal
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True)
class Bench:
    """All figures of one forecaster on one machine."""

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
    failures: Mapping[str, str] = field(default_factory=dict)  # by scenario: why it has no figures
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failure(self) -> str:
        """What went wrong, in one line; empty where nothing did."""
        return "; ".join(f"{scenario}: {why}" for scenario, why in self.failures.items())

    @property
    def loop(self) -> float | None:
        """Seconds of the calibration loop during this run, median over its moments."""
        return statistics.median(one.median for one in self.calibrations) if self.calibrations else None

    @property
    def unrest(self) -> float | None:
        """How far the machine's speed moved meanwhile: the slowest moment over the fastest, less 1."""
        medians = [one.median for one in self.calibrations]
        return max(medians) / min(medians) - 1 if medians else None

    def loops(self) -> dict[str, float]:
        """Times as multiples of the calibration loop, which compare between days."""
        if self.loop is None:
            return {}
        seconds = {name: part(self.latency, attrgetter(f"{name}.seconds")) for name in ("p50", "p90", "p99")}
        seconds["forecast"] = part(self.throughput, lambda one: 1 / one.best.forecasts_per_second)
        seconds["training"] = part(self.training, lambda one: one.seconds)
        return {name: value / self.loop for name, value in seconds.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; under "loops" the times as multiples of the calibration loop."""
        return {"schema": SCHEMA, **dump(self), "loops": self.loops()}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Bench:
        """The figures that `to_json` wrote; raises ValueError for those of another version."""
        if fields.get("schema") != SCHEMA:
            raise ValueError(f"figures of schema {fields.get('schema')}, not {SCHEMA}")
        return load(cls, {name: value for name, value in fields.items() if name not in ("schema", "loops")})
