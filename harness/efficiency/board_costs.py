"""The latest costs of a board's forecasters on this machine, all of one task and under the same conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from harness.efficiency.budget import format_quantity
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench
from harness.efficiency.store import stored_benches
from harness.results.costs import BenchCosts
from harness.results.stored_plan import StoredPlan

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
    """The latest costs on this machine, of the task and setting in which most forecasters were measured.

    Costs belong to a cell of the board: those of other parameters, plugin versions, tasks or data are ignored.
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
    chosen = max(by_setting, key=lambda setting: (*_weight(by_setting[setting].values()), setting.threads is None))
    costs = {forecaster: bench_costs(bench) for forecaster, bench in by_setting[chosen].items()}
    costs, bound = _with_one_bound(costs)
    shown = {bench.key for bench in by_setting[chosen].values()}
    notes = (_conditions_note(chosen.task, costs, bound), *_left_out_notes(chosen.task, shown, benches))
    return BoardCosts(costs, notes)


def _settings(bench: Bench, task: str) -> list[Setting]:
    """The settings of a measurement: two where a forecaster requests as many threads as all were given."""
    conditions = bench.conditions
    cpu_only = conditions.used_device == "cpu" and not bench.machine.gpus
    device = "cpu" if cpu_only else conditions.device
    own = conditions.own_threads in (None, conditions.threads)
    return [Setting(task, threads, device) for threads in ([None] if own else []) + [conditions.threads]]


def _weight(benches: Collection[Bench]) -> tuple[int, int, str]:
    """The number of completed measurements, of all, and the time of the last."""
    completed = sum(bench.latency is not None for bench in benches)
    return completed, len(benches), max(bench.measured for bench in benches)


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
    note = f"cost: measured by harness bench on {task}, {machine}, {_range(days)}"
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
