"""The circumstances of a measurement: machine, conditions, forecaster, task, and place among repetitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Calibration:
    """The time of a fixed workload in Python and NumPy, at a moment of the run: the machine's speed."""

    moment: str
    median: float
    p90: float
    calls: int


@dataclass(frozen=True)
class Machine:
    """The machine of a measurement. Results of different machines are not comparable."""

    id: str
    processor: str
    cores: int
    memory: int
    system: str
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conditions:
    """Controlled conditions of a measurement."""

    seconds: float  # for each scenario, in each repetition
    threads: int
    device: str  # requested
    cores: tuple[int, ...] = ()  # that the process was bound to; none: the system cannot bind
    collector: bool = False  # whether Python's garbage collector was on
    used_device: str = "cpu"
    own_threads: int | None = None  # requested by the forecaster
    longest: float | None = None  # seconds that the single stream may take for the calls that a p99 needs


@dataclass(frozen=True)
class Subject:
    """The measured forecaster, and its task."""

    title: str  # on the board
    forecaster: str
    board: str
    task: str
    cell: str  # the key of its cell in the journal
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True)
class Repetition:
    """The place of a repetition in a run of `harness bench`."""

    run: str  # the same for all repetitions of a run
    number: int = 1  # of the round, from 1
    position: int = 1  # in the order of the round, from 1
    seed: int = 0  # of the order of each round, and of the windows


@dataclass(frozen=True)
class Combination:
    """Which repetitions a record combines."""

    repetitions: int
    runs: int
    since: str  # when the first was measured
    left_out: int = 0  # earlier repetitions, since the machine's speed or device differed then
    runs_differ: bool = False  # whether the p99 varies more between runs than between repetitions of one
