"""The latest costs of a board's forecasters on this machine, all of one task and under the same conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from harness.efficiency.budget import format_quantity
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench
from harness.efficiency.store import stored_benches
from harness.results.costs import BenchCosts
from harness.results.stored_plan import StoredPlan

DIFFERED = "the machine was slower or faster, or the device another one"
MAX_VARIATION = 0.25  # of the machine's speed; beyond it, a board notes it


@dataclass(frozen=True)
class BoardCosts:
    """The costs of a board's forecasters on one task, and notes on what was left out."""

    by_forecaster: Mapping[str, BenchCosts] = field(default_factory=dict)  # measured ones only
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """The conditions that comparable costs share."""

    task: str
    threads: int | None  # None: as many as each forecaster requests
    device: str  # requested


def board_costs(plan: StoredPlan, home: Path, machine: str | None = None) -> BoardCosts:
    """The costs on this machine, of the task and setting in which most forecasters were measured.

    If as many were measured on several tasks, they are those of the task with the largest latencies. Costs belong
    to a cell of the board: those of other parameters, plugin versions, tasks or data are ignored.
    """
    cells = {cell.key: (cell.forecaster, cell.task) for cell in plan.cells}
    benches: dict[tuple[str, str], dict[str, Bench]] = {}  # by forecaster and task, then by key
    by_setting: dict[Setting, dict[str, Bench]] = {}
    for bench in stored_benches(home, machine or this_machine().id):  # the latest last
        if bench.subject.cell in cells:
            forecaster, task = cells[bench.subject.cell]
            benches.setdefault((forecaster, task), {})[bench.key] = bench
            for setting in _settings(bench, task):
                latest = by_setting.setdefault(setting, {})
                if bench.latency is not None or forecaster not in latest:  # a failed one replaces none
                    latest[forecaster] = bench
    if not by_setting:
        return BoardCosts()
    chosen = _chosen_setting(by_setting)
    costs = {forecaster: bench_costs(bench) for forecaster, bench in by_setting[chosen].items()}
    costs, bound = _with_one_bound(costs)
    shown = {bench.key for bench in by_setting[chosen].values()}
    notes = [_conditions_note(chosen.task, costs, bound), *_left_out_notes(chosen.task, shown, benches)]
    earlier = [forecaster for forecaster, bench in by_setting[chosen].items() if _without_earlier(bench)]
    if earlier:
        notes.append(f"cost: earlier repetitions of {', '.join(earlier)} are left out, since {DIFFERED}")
    return BoardCosts(costs, tuple(notes))


def _chosen_setting(by_setting: Mapping[Setting, Mapping[str, Bench]]) -> Setting:
    """The setting with the most measurements; of equal ones, that of the slowest task, and then the latest."""
    counts = {setting: _counts(benches.values()) for setting, benches in by_setting.items()}
    equal = [setting for setting in by_setting if counts[setting] == max(counts.values())]
    slowest = max(equal, key=lambda setting: _mean_latency(by_setting[setting].values())).task
    of_task = [setting for setting in equal if setting.task == slowest]
    return max(of_task, key=lambda setting: (_latest(by_setting[setting].values()), setting.threads is None))


def _settings(bench: Bench, task: str) -> list[Setting]:
    """The settings of a measurement: two where a forecaster requests as many threads as all were given.

    On a machine with GPUs, one that used none although it could choose has the settings of every device.
    """
    conditions = bench.conditions
    devices = [conditions.device]
    if conditions.used_device == "cpu" and not bench.machine.gpus:
        devices = ["cpu"]
    elif conditions.used_device == "cpu" and conditions.device == "auto":
        devices = ["auto", "cpu", "cuda"]
    own = conditions.own_threads in (None, conditions.threads)
    threads = ([None] if own else []) + [conditions.threads]
    return [Setting(task, number, device) for device in devices for number in threads]


def _counts(benches: Collection[Bench]) -> tuple[int, int]:
    """The number of completed measurements, and of all."""
    return sum(bench.latency is not None for bench in benches), len(benches)


def _mean_latency(benches: Collection[Bench]) -> float:
    """The geometric mean of the p99; 0 where nothing was measured."""
    latencies = [bench.latency.p99.seconds for bench in benches if bench.latency is not None]
    return geometric_mean(latencies) if latencies else 0.0


def _latest(benches: Collection[Bench]) -> str:
    return max(bench.measured for bench in benches)


def _without_earlier(bench: Bench) -> int:
    """The number of earlier repetitions that are left out."""
    return 0 if bench.combination is None else bench.combination.left_out


def _with_one_bound(costs: Mapping[str, BenchCosts]) -> tuple[dict[str, BenchCosts], float | None]:
    """The costs with server rates of one bound only, the most frequent one, and that bound."""
    bounds = Counter(row.server_bound for row in costs.values() if row.server_bound is not None)
    if not bounds:
        return dict(costs), None
    bound = bounds.most_common(1)[0][0]
    return {
        forecaster: row if row.server_bound in (bound, None) else replace(row, server_rate=None, server_bound=None)
        for forecaster, row in costs.items()
    }, bound


def _conditions_note(task: str, costs: Mapping[str, BenchCosts], bound: float | None) -> str:
    """The task, machine, threads, devices and dates of the measurements."""
    rows = costs.values()
    threads, days = sorted({row.threads for row in rows}), sorted({row.measured[:10] for row in rows})
    threads_text = f"{_range(threads)} thread{'s' if threads[-1] > 1 else ''}"
    devices = [device for device in dict.fromkeys(row.device for row in rows) if device != "cpu"]
    machine = ", ".join([next(iter(rows)).processor, threads_text, *devices])
    repetitions = sorted({row.repetitions or 1 for row in rows})
    times = f"{_range(repetitions)} repetition{'s' if repetitions[-1] > 1 else ''}"
    note = f"cost: measured by harness bench on {task}, {machine}, {_range(days)}, {times}"
    note += "" if bound is None else f"; rates keep a p99 of {format_quantity('latency_p99', bound)}"
    variation = max((row.unrest for row in rows if row.unrest is not None), default=0.0)
    return note + (f"; the machine's speed varied by up to {variation:.0%}" if variation > MAX_VARIATION else "")


def _left_out_notes(
    task: str, shown: Collection[str], benches: Mapping[tuple[str, str], Mapping[str, Bench]]
) -> list[str]:
    """Which measurements are not shown, and why."""
    notes = []
    others = Counter(other for _, other in benches if other != task)
    if others:
        names = ", ".join(f"{other} ({count})" for other, count in others.items())
        notes.append(f"cost: measurements on {names} are left out, since tasks differ in cost")
    excluded = [
        f"{forecaster} (threads: {bench.conditions.threads}, {bench.conditions.used_device})"
        for (forecaster, measured_task), of_cell in benches.items()
        for bench in of_cell.values()
        if measured_task == task and bench.key not in shown and bench.latency is not None
    ]
    if excluded:
        notes.append(f"cost: measurements of {', '.join(excluded)} are left out, since their conditions differ")
    return notes


def _range(values: list[int] | list[str]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def bench_costs(bench: Bench) -> BenchCosts:
    """The costs in one row, each from the source of its field."""
    return BenchCosts(**{figure.name: _value(bench, figure.metadata["source"]) for figure in fields(BenchCosts)})


def _value(bench: Bench, source: str) -> Any:
    """The value at a path of attributes; None where a part of the record was not measured."""
    value: Any = bench
    for name in source.split("."):
        value = None if value is None else getattr(value, name)
    return value
