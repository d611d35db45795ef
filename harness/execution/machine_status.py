"""What each machine of a run has done, how fast it is, and the time that is left.

Clocks of different machines are not compared: the rate of a machine follows from the times at which it finished cells,
by its own clock, and from durations.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from harness.evaluation.run import Status
from harness.execution.activity import CELL, Activity
from harness.results.index import Outcome

RECENT = 600.0  # seconds whose finished cells make the rate
ON_NODES = "ray"  # the executor whose cells run on other machines than the command


@dataclass(frozen=True)
class MachineStatus:
    """What one machine has done of the cells, and what it does."""

    machine: str  # its name; empty: not known
    done: int
    failed: int  # of those done
    running: int | None  # cells; None: not known, as the executor runs them on nodes of a cluster
    rate: float | None  # cells a second, lately; None where nothing runs, or no cell was finished yet
    last_finished: str  # UTC, ISO 8601, by the clock of the machine; empty: no cell


def machine_statuses(outcomes: Iterable[Outcome], running: Iterable[Activity]) -> tuple[MachineStatus, ...]:
    """The machines that have run cells, or run some now, by name."""
    done: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        done[outcome.machine].append(outcome)
    commands = list(cell_commands(running))
    cells = _running_cells(commands)
    return tuple(_machine_status(name, done[name], cells.get(name, 0), commands) for name in sorted({*done, *cells}))


def cell_commands(running: Iterable[Activity]) -> Iterator[Activity]:
    """The commands that run cells, without those that measure repetitions."""
    return (activity for activity in running if activity.unit == CELL)


def run_seconds_left(
    running: Iterable[Activity], pending: Mapping[str, AbstractSet[str]], machines: Iterable[MachineStatus]
) -> float | None:
    """The time that all machines together need for the cells that are left; None where it is not known, or none runs.

    `pending` are the keys of cells without a run, by board. Commands that were asked for the same cells divide them;
    others add up, at most to what is pending. Cells count by their expected times, relative to those that are done.
    """
    left: dict[object, tuple[float, int]] = {}  # of the cells that commands divide: their weight and their number
    known: set[str] = set()
    commands = list(cell_commands(running))
    if not any(activity.running for activity in commands):
        return None
    for activity in commands:
        own = set().union(*(pending.get(board, set()) for board in activity.boards))
        known |= own
        cells = min(activity.cells_left, len(own)) if own else activity.cells_left  # --rerun: cells with a run
        divided = activity.asked_for or (activity.boards, activity.shard)
        left[divided] = max(left.get(divided, (0.0, 0)), (cells * activity.relative_cost, cells))
    weight, cells = (sum(each) for each in zip(*left.values(), strict=True))
    overlap = min(1.0, len(known) / cells) if known and cells else 1.0  # cells that several commands have count once
    rate = sum(machine.rate or 0.0 for machine in machines)
    return weight * overlap / rate if rate > 0 else None


def _machine_status(
    name: str, outcomes: Sequence[Outcome], cells: int | None, commands: Iterable[Activity]
) -> MachineStatus:
    times = {outcome.finished: time for outcome in outcomes if (time := _seconds(outcome.finished)) is not None}
    finished = [times[outcome.finished] for outcome in outcomes if outcome.finished in times]
    failed = sum(outcome.status is not Status.COMPLETED for outcome in outcomes)
    last = max(times, key=lambda text: times[text], default="")
    return MachineStatus(name, len(outcomes), failed, cells, _recent_rate(name, finished, commands), last)


def _recent_rate(name: str, finished: Iterable[float], commands: Iterable[Activity]) -> float | None:
    """The cells a second that a machine finished lately, None if there were none.

    The present time by its clock is that of the last cell of a command that runs, and the duration since then.
    """
    now, span = -math.inf, 0.0
    for activity in commands:
        for last in activity.machines:
            time = _seconds(last.finished)
            if last.machine == name and time is not None:
                now, span = max(now, time + last.seconds), max(span, min(RECENT, activity.seconds))
    count = sum(now - span <= time for time in finished)
    return count / span if count and span > 0 else None


def _running_cells(commands: Iterable[Activity]) -> dict[str, int | None]:
    """The number of cells that run on each machine with a command, or that has finished cells of one."""
    cells: dict[str, int | None] = {}
    for activity in commands:
        if activity.executor.startswith(ON_NODES):
            for last in activity.machines:
                cells.setdefault(last.machine, None)
        else:
            cells[activity.host] = (cells.get(activity.host) or 0) + len(activity.running)
    return cells


def _seconds(iso: str) -> float | None:
    """A time of ISO 8601 in seconds; None if it is not one."""
    try:
        return datetime.fromisoformat(iso).timestamp()
    except (ValueError, OverflowError):
        return None
