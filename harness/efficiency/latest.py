"""The latest figures of a board's forecasters on this machine: of one task, since others are other work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.campaign import StoredPlan
from harness.efficiency.costs import BenchCosts
from harness.efficiency.figures import Bench, part
from harness.efficiency.machine import this_machine
from harness.efficiency.store import stored_benches


@dataclass(frozen=True)
class BoardCosts:
    """The figures of one task of a board, and what was left out of them."""

    by_forecaster: Mapping[str, BenchCosts] = field(default_factory=dict)  # those never measured are not there
    notes: tuple[str, ...] = ()


def costs_of(plan: StoredPlan, home: Path, machine: str | None = None) -> BoardCosts:
    """The latest figures on this machine, of the task on which most forecasters were measured.

    Figures belong to a cell of the board: where parameters, plugin, task or data changed since, they do not count.
    """
    places = {one.key: (one.forecaster, one.task) for one in plan.cells}
    found: dict[str, dict[str, BenchCosts]] = {task: {} for task in plan.tasks}
    for bench in stored_benches(home, machine or this_machine().id):  # the latest last
        if bench.subject.cell in places:
            forecaster, task = places[bench.subject.cell]
            found[task][forecaster] = costs_of_bench(bench)
    most = max(found, key=lambda one: len(found[one]), default="")
    if not found.get(most):
        return BoardCosts()
    return BoardCosts(found[most], (_made(most, found[most]), *_left_out(most, found)))


def _made(task: str, costs: Mapping[str, BenchCosts]) -> str:
    """On what, where, how and when the figures were measured."""
    rows = costs.values()
    threads, days = sorted({one.threads for one in rows}), sorted({one.measured[:10] for one in rows})
    said = f"{_range(threads)} thread{'s' if threads[-1] > 1 else ''}"
    devices = [one for one in dict.fromkeys(one.device for one in rows) if one != "cpu"]
    where = ", ".join([next(iter(rows)).processor, said, *devices])
    return f"cost: measured by harness bench on {task}, {where}, {_range(days)}"


def _left_out(task: str, found: Mapping[str, Mapping[str, BenchCosts]]) -> list[str]:
    others = [f"{other} ({len(costs)})" for other, costs in found.items() if other != task and costs]
    return [f"cost: figures of {', '.join(others)} are left out, since tasks differ in cost"] if others else []


def _range(values: list[int] | list[str]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


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
        key=bench.key,
    )
