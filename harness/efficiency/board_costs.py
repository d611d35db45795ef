"""The latest figures of a board's forecasters on this machine: of one task and setting, others being other work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.efficiency.budget import format_quantity
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench, part
from harness.efficiency.store import stored_benches
from harness.results.costs import BenchCosts
from harness.results.stored_plan import StoredPlan

UNREST = 0.25  # of the machine's speed, from which on a board says it


@dataclass(frozen=True)
class BoardCosts:
    """The figures of one task of a board, and what was left out of them."""

    by_forecaster: Mapping[str, BenchCosts] = field(default_factory=dict)  # those never measured are not there
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What figures must share to stand side by side."""

    task: str
    threads: int | None  # None: as many as each forecaster asks for
    device: str  # asked for


def board_costs(plan: StoredPlan, home: Path, machine: str | None = None) -> BoardCosts:
    """The latest figures on this machine, of the task and the setting in which most forecasters were measured.

    Figures belong to a cell of the board: where parameters, plugin, task or data changed since, they do not count.
    """
    places = {one.key: (one.forecaster, one.task) for one in plan.cells}
    every: dict[tuple[str, str], dict[str, Bench]] = {}  # by forecaster and task, and then key
    found: dict[Setting, dict[str, Bench]] = {}
    for bench in stored_benches(home, machine or this_machine().id):  # the latest last
        if bench.subject.cell in places:
            forecaster, task = places[bench.subject.cell]
            every.setdefault((forecaster, task), {})[bench.key] = bench
            for setting in _settings(bench, task):
                mine = found.setdefault(setting, {})
                if bench.latency is not None or forecaster not in mine:  # one that failed takes nobody's place
                    mine[forecaster] = bench
    if not found:
        return BoardCosts()
    chosen = max(found, key=lambda one: (*_weight(found[one].values()), one.threads is None))
    costs = {forecaster: bench_costs(bench) for forecaster, bench in found[chosen].items()}
    costs, bound = _of_one_bound(costs)
    shown = {bench.key for bench in found[chosen].values()}
    return BoardCosts(costs, (_made(chosen.task, costs, bound), *_left_out(chosen.task, shown, every)))


def _settings(bench: Bench, task: str) -> list[Setting]:
    """Those that figures belong to: where a forecaster asks for as many threads as all were given, it is two."""
    conditions = bench.conditions
    nowhere_else = conditions.used_device == "cpu" and not bench.machine.gpus
    device = "cpu" if nowhere_else else conditions.device
    own = conditions.own_threads in (None, conditions.threads)
    return [Setting(task, threads, device) for threads in ([None] if own else []) + [conditions.threads]]


def _weight(benches: Collection[Bench]) -> tuple[int, int, str]:
    """How many were measured, how many were tried, and when."""
    return sum(one.latency is not None for one in benches), len(benches), max(one.measured for one in benches)


def _of_one_bound(costs: Mapping[str, BenchCosts]) -> tuple[dict[str, BenchCosts], float | None]:
    """The costs with the rates of one bound only, the one that most were measured with, and that bound."""
    bounds = Counter(one.server_bound for one in costs.values() if one.server_bound is not None)
    if not bounds:
        return dict(costs), None
    bound = bounds.most_common(1)[0][0]
    return {
        forecaster: one if one.server_bound in (bound, None) else replace(one, server_rate=None, server_bound=None)
        for forecaster, one in costs.items()
    }, bound


def _made(task: str, costs: Mapping[str, BenchCosts], bound: float | None) -> str:
    """On what, where, how and when the figures were measured."""
    rows = costs.values()
    threads, days = sorted({one.threads for one in rows}), sorted({one.measured[:10] for one in rows})
    said = f"{_range(threads)} thread{'s' if threads[-1] > 1 else ''}"
    devices = [one for one in dict.fromkeys(one.device for one in rows) if one != "cpu"]
    where = ", ".join([next(iter(rows)).processor, said, *devices])
    line = f"cost: measured by harness bench on {task}, {where}, {_range(days)}"
    line += "" if bound is None else f"; rates keep a p99 of {format_quantity('latency_p99', bound)}"
    unrest = max((one.unrest for one in rows if one.unrest is not None), default=0.0)
    return line + (f"; the machine's speed moved by up to {unrest:.0%} meanwhile" if unrest > UNREST else "")


def _left_out(task: str, shown: Collection[str], every: Mapping[tuple[str, str], Mapping[str, Bench]]) -> list[str]:
    """Which figures are not shown, and why."""
    lines = []
    others = Counter(other for _, other in every if other != task)
    if others:
        told = ", ".join(f"{other} ({count})" for other, count in others.items())
        lines.append(f"cost: figures of {told} are left out, since tasks differ in cost")
    apart = [
        f"{forecaster} (threads: {bench.conditions.threads}, {bench.conditions.used_device})"
        for (forecaster, where), benches in every.items()
        for bench in benches.values()
        if where == task and bench.key not in shown and bench.latency is not None
    ]
    if apart:
        lines.append(f"cost: figures of {', '.join(apart)} are left out, since they were measured otherwise")
    return lines


def _range(values: list[int] | list[str]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def bench_costs(bench: Bench) -> BenchCosts:
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
        unrest=bench.unrest,
        failure=bench.failure,
        key=bench.key,
    )
