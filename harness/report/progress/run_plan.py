"""Run plans, shards and simulated schedules as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.execution.scheduling.cluster import expected_seconds, memory_line, shard_needs, time_line
from harness.report.numbers import clock_time, plural
from harness.report.standings.column import Cell
from harness.report.standings.fitting import ShownColumn, fitted_table
from harness.report.tables import some_of
from harness.report.text import plain_text

if TYPE_CHECKING:
    from rich.table import Table

    from harness.execution.scheduling.division import ShardCells
    from harness.execution.scheduling.estimates import Basis
    from harness.execution.scheduling.groups import CellGroup
    from harness.execution.scheduling.simulation import Machines, Schedule

SHOWN = 5  # forecasters of a warning
SHARD_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # of which the expected time is shown
BASES: Mapping[Basis, str] = {
    "measured": "of {} from runs of the same forecaster on the same task",
    "similar cells": "of {} from runs of the forecaster on other tasks, or of others on the task",
    "other forecasters": "of {} of forecasters without a completed run, by the size of the data and the runs of others",
    "no measurement": "of {} without any run, by the size of the data",
}


def shard_line(cells: ShardCells, pending: int) -> str:
    """Which shard is run, its cells, and the division that it is part of."""
    own, every = sum(cells.seconds.values()), sum(cells.divided.values())
    return (
        f"{cells.shard}: {len(cells.seconds):,} of {len(cells.divided):,} cells, {pending:,} of them pending; all of "
        f"its cells are expected to take {clock_time(own)} of {clock_time(every)}; division {cells.division}"
    )


def groups_table(groups: Sequence[CellGroup], jobs: int) -> Table:
    """The groups of a run plan, and what each of their shards needs."""
    needs = [shard_needs(group, jobs) for group in groups]
    columns = [
        _column("group", [group.name for group in groups], style="name"),
        _column("cells", [f"{len(group.seconds):,}" for group in groups]),
        _column("expected", [clock_time(sum(group.seconds.values())) for group in groups]),
        _column("longest cell", [clock_time(max(group.seconds.values(), default=0.0)) for group in groups]),
        _column("shards", [f"{group.shards:,}" for group in groups]),
        _column("cores", [str(need.cores) for need in needs]),
        _column("memory", [f"{need.memory / 1e9:.1f} GB" for need in needs]),
        _column("GPUs", [str(need.gpus) for need in needs]),
        _column("time limit", [clock_time(need.seconds) for need in needs]),
    ]
    table = fitted_table("Groups of cells", columns, 100)
    for i in range(len(groups)):
        table.add_row(*(plain_text(column.texts[i]) for column in columns))
    return table


def _column(heading: str, texts: Iterable[str], style: str = "number") -> ShownColumn:
    return ShownColumn(Cell(heading, lambda row: "", style=style, most=28, least=10, priority=0), tuple(texts))


def plan_lines(groups: Sequence[CellGroup], bases: Mapping[Basis, int], jobs: int) -> Iterator[str]:
    """What the expected times are from, and how long the run is expected to take with more shards."""
    shards = sum(group.shards for group in groups)
    yield f"shards: {shards:,} are assumed; --slurm N and --kubernetes N divide the cells into N"
    stated = [text.format(f"{bases[basis]:,} cells") for basis, text in BASES.items() if bases.get(basis)]
    yield f"expected times: {'; '.join(stated)}"
    for group in groups:
        yield memory_line(group, jobs)
        yield time_line(group, jobs)
        if text := shard_needs(group, jobs).custom_text:
            yield f"each shard of group {group.name} needs {text}, for which scripts do not ask: add it to them"
    at_once = f", {jobs} cells at a time in each" if jobs > 1 else ""
    for group in groups:
        counts = [count for count in SHARD_COUNTS if count <= max(1, len(group.seconds) // jobs)]
        times = [f"{count}: {clock_time(expected_seconds(group, jobs, count))}" for count in counts]
        yield f"expected time of group {group.name} by the number of shards{at_once}: {', '.join(times)}"


def shard_count_lines(groups: Sequence[CellGroup], asked: int) -> Iterator[str]:
    """Why there are fewer shards than a number, or more."""
    shards = sum(group.shards for group in groups)
    if shards < asked:
        yield f"{plural(shards, 'shard')} instead of {asked:,}: there are no more cells"
    if shards > asked:
        yield f"{plural(shards, 'shard')} instead of {asked:,}: each group of cells has one of its own"


def unmeasured_lines(forecasters: Sequence[str], count: int) -> Iterator[str]:
    """A warning of times that were never measured, of some of a number of forecasters."""
    if forecasters:
        only, example = ",".join(forecasters[:SHOWN]), "" if len(forecasters) <= SHOWN else ", for example"
        yield (
            f"{len(forecasters):,} of {plural(count, 'forecaster')} {'has' if len(forecasters) == 1 else 'have'} no "
            f"completed run ({some_of(forecasters, SHOWN)}): their times are estimated from the size of the data, and "
            f"may be far off; run them first on a board with few tasks{example}: "
            f"harness run BOARD --only {shlex.quote(only)}"
        )


def simulation_lines(machines: Machines, cells: int, schedules: Mapping[str, Schedule]) -> Iterator[str]:
    """The schedules of a simulated run."""
    nodes = "1 node" if machines.nodes == 1 else f"{machines.nodes:,} nodes"
    gpus = f" and {plural(machines.gpus, 'GPU')}" if machines.gpus else ""
    yield f"Simulated run of {plural(cells, 'cell')} on {nodes} with {plural(machines.cores, 'core')}{gpus} each:"
    for name, schedule in schedules.items():
        used = [end for end in schedule.ends if end > 0]
        idle = len(schedule.ends) - len(used)
        unused = f"; {plural(idle, 'node')} without a cell" if idle else ""
        yield (
            f"{name}: {clock_time(schedule.makespan)} until the last cell ends; {100 * schedule.utilisation:.0f} % of "
            f"the cores are used on average; tail {clock_time(schedule.tail)}; the first node with cells ends at "
            f"{clock_time(min(used, default=0.0))}{unused}"
        )
    bound = max((schedule.bound for schedule in schedules.values()), default=0.0)
    yield f"no schedule takes less than {clock_time(bound)}: that of the longest cell, or of all cores without a pause"
    yield "tail: the time at the end in which less than half of the cores are busy"
    yield (
        "left out: queueing, the start of nodes and of harness on each (some seconds), and loading the data; cells are "
        "assumed not to slow each other down"
    )
