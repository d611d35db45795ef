"""BenchCosts: the latest figures of a forecaster on this machine in one row, for standings and budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.campaign import StoredPlan
from harness.efficiency.figures import Bench, part
from harness.efficiency.machine import this_machine
from harness.efficiency.store import stored_benches


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
    failure: str = ""


def costs_of_bench(bench: Bench) -> BenchCosts:
    """The figures in one row."""
    latency, offline, training, memory = bench.latency, bench.throughput, bench.training, bench.memory
    served, size, start = bench.server, bench.size, bench.start
    return BenchCosts(
        bench.machine.id,
        bench.machine.processor,
        bench.measured,
        bench.subject.task,
        bench.conditions.threads,
        bench.conditions.used_device,
        latency_p50=part(latency, lambda one: one.p50.seconds),
        latency_p90=part(latency, lambda one: one.p90.seconds),
        latency_p99=part(latency, lambda one: one.p99.seconds),
        latency_p99_low=part(latency, lambda one: one.p99.low),
        latency_p99_high=part(latency, lambda one: one.p99.high),
        throughput=part(offline, lambda one: one.best.forecasts_per_second),
        points_per_second=part(offline, lambda one: one.best.points_per_second),
        training_seconds=part(training, lambda one: one.seconds),
        training_samples_per_second=part(training, lambda one: one.samples_per_second),
        memory=part(memory, lambda one: one.peak),
        memory_increase=part(memory, lambda one: one.increase),
        device_memory=part(memory, lambda one: one.device_peak),
        parameters=part(size, lambda one: one.parameters),
        model_bytes=part(size, lambda one: one.bytes),
        energy=part(bench.energy, lambda one: one.joules),
        start_seconds=part(start, lambda one: one.seconds),
        server_rate=part(served, lambda one: one.rate),
        server_bound=part(served, lambda one: one.bound),
        failure=bench.failure,
    )


def costs_of(plan: StoredPlan, home: Path, machine: str | None = None) -> Mapping[str, BenchCosts]:
    """By forecaster of a board, its latest figures on this machine; those never measured are not there.

    Figures belong to a cell of the board: where parameters, plugin, task or data changed since, they do not count.
    """
    titles = {one.key: one.forecaster for one in plan.cells}
    found: dict[str, BenchCosts] = {}
    for bench in stored_benches(home, machine or this_machine().id):
        title = titles.get(bench.subject.cell)
        if title is not None:
            found[title] = costs_of_bench(bench)
    return found
