"""BenchCosts: what a forecaster costs on a machine, in one row, for standings and budgets. Loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchCosts:
    """What a forecast costs on a machine: seconds, bytes, joules; None is what was not measured."""

    machine: str  # its id
    processor: str
    measured: str  # UTC, ISO 8601
    task: str
    threads: int
    device: str
    latency_p50: float | None = None
    latency_p90: float | None = None
    latency_p99: float | None = None
    latency_p99_low: float | None = None  # its 95 % interval
    latency_p99_high: float | None = None  # None: too few repetitions
    throughput: float | None = None  # forecasts per second at the best batch
    points_per_second: float | None = None
    training_seconds: float | None = None
    training_samples_per_second: float | None = None
    memory: int | None = None  # bytes of the process at its peak
    memory_increase: int | None = None  # over the state after the imports
    device_memory: int | None = None  # bytes allocated on the GPU at its peak
    parameters: int | None = None
    model_bytes: int | None = None
    energy: float | None = None  # joules for 1,000 forecasts
    start_seconds: float | None = None
    server_rate: float | None = None  # forecasts per second whose p99 stays under `server_bound`
    server_bound: float | None = None
    unrest: float | None = None  # of the machine meanwhile: its slowest moment over its fastest, less 1
    failure: str = ""
    key: str = ""  # under which all figures are stored
