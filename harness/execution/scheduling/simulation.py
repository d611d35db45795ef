"""Simulation of a run on several machines: when each cell would begin and end, from what it is expected to take.

Two policies are simulated. With shards, each machine has the cells of its shard, and takes the longest first. With a
shared home, every machine takes the longest cell that nobody has begun. Parts of a cell are taken like cells. Cells do
not slow each other down, and starting a machine takes no time.
"""

from __future__ import annotations

import heapq
import re
from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from harness.errors import BadInput
from harness.execution.scheduling.shards import assign_shards

OVERHEAD = 0.05  # seconds from the end of a cell to the start of the next one in its place


@dataclass(frozen=True)
class Job:
    """A cell as it is simulated."""

    key: str
    seconds: float
    cores: int = 1
    gpus: int = 0
    parts: int = 1  # that can run at a time

    @property
    def pieces(self) -> list[Job]:
        """Its parts, which take equally long; itself if it is not in parts."""
        if self.parts == 1:
            return [self]
        seconds = self.seconds / self.parts
        return [replace(self, key=f"{self.key}-{i}", seconds=seconds, parts=1) for i in range(self.parts)]


@dataclass(frozen=True)
class Machines:
    """Equal machines."""

    nodes: int = 1
    cores: int = 1  # of each node
    gpus: int = 0

    def check(self, jobs: Iterable[Job]) -> None:
        """Raise BadInput for a cell that no machine can run."""
        for job in jobs:
            if job.cores > self.cores:
                raise BadInput(f"a cell needs {job.cores} cores, and a node has {self.cores}; say more, as in cores=32")
            if job.gpus > self.gpus:
                raise BadInput("there are cells that need a GPU; say how many a node has, as in gpus=1")


def parse_machines(text: str) -> tuple[Machines, int]:
    """The machines that a text such as "nodes=100,cores=32,gpus=4" names, and how often each cell is run (`copies=`).

    Raises BadInput.
    """
    numbers = {"nodes": 1, "cores": 1, "gpus": 0, "copies": 1}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in numbers or not re.fullmatch("[0-9]{1,7}", number) or int(number) < (name != "gpus"):
            raise BadInput(f"--simulate takes {', '.join(f'{name}=N' for name in numbers)}, not {part!r:.80}")
        numbers[name] = int(number)
    return Machines(numbers["nodes"], numbers["cores"], numbers["gpus"]), numbers["copies"]


@dataclass(frozen=True)
class Schedule:
    """When the cells of a run end."""

    makespan: float  # seconds from the start to the end of the last cell
    utilisation: float  # share of the cores' time in which cells run
    tail: float  # seconds at the end in which less than half of the cores are busy
    bound: float  # no schedule has a lower makespan
    ends: tuple[float, ...]  # of each node


def simulate_shards(jobs: Sequence[Job], machines: Machines) -> Schedule:
    """The schedule with a shard for each node; cells that need a GPU and others are divided separately."""
    machines.check(jobs)
    shards: dict[str, int] = {}
    for kind in sorted({(job.gpus, job.cores) for job in jobs}):
        of_kind = {job.key: job.seconds for job in jobs if (job.gpus, job.cores) == kind}
        shards |= assign_shards(of_kind, machines.nodes)
    busy: list[tuple[float, float, int]] = []
    ends = []
    for node in range(1, machines.nodes + 1):
        own = [job for job in jobs if shards[job.key] == node]
        intervals = _run(own, [node], machines)
        busy += intervals
        ends.append(max((end for _, end, _ in intervals), default=0.0))
    return _schedule(jobs, busy, ends, machines)


def simulate_shared(jobs: Sequence[Job], machines: Machines) -> Schedule:
    """The schedule with a home that all nodes share, in which each takes the next cell."""
    machines.check(jobs)
    ends = [0.0] * machines.nodes
    busy = _run(jobs, list(range(machines.nodes)), machines, ends)
    return _schedule(jobs, busy, ends, machines)


def _run(
    jobs: Sequence[Job], nodes: Sequence[int], machines: Machines, ends: list[float] | None = None
) -> list[tuple[float, float, int]]:
    """Begin, end and cores of each cell; the nodes take the longest waiting cell for which they have cores and GPUs."""
    waiting: dict[tuple[int, int], deque[Job]] = {}  # by cores and GPUs, the longest first
    pieces = [piece for job in jobs for piece in job.pieces]
    for each in sorted(pieces, key=lambda each: (-each.seconds, each.key)):
        waiting.setdefault((each.cores, each.gpus), deque()).append(each)
    free = {node: [machines.cores, machines.gpus] for node in nodes}
    events: list[tuple[float, int, int, int]] = []  # end, node, cores, GPUs
    busy, now, able = [], 0.0, list(nodes)
    while waiting:
        started = True
        while started and able:  # one cell for each node in turn, so that nodes fill evenly
            started = False
            still_able: list[int] = []
            for node in able:
                job = _next(waiting, free[node])
                if job is None:
                    continue
                end = now + job.seconds + OVERHEAD
                free[node][0] -= job.cores
                free[node][1] -= job.gpus
                heapq.heappush(events, (end, node, job.cores, job.gpus))
                busy.append((now, end, job.cores))
                if ends is not None:
                    ends[node] = max(ends[node], end)
                started = True
                insort(still_able, node)
            able = still_able
        if not waiting:
            break
        now, node, cores, gpus = heapq.heappop(events)
        free[node][0] += cores
        free[node][1] += gpus
        able = [node]
    return busy


def _next(waiting: dict[tuple[int, int], deque[Job]], free: Sequence[int]) -> Job | None:
    """The longest waiting cell that fits into what is free; it waits no longer."""
    fitting = [kind for kind in waiting if kind[0] <= free[0] and kind[1] <= free[1]]
    if not fitting:
        return None
    kind = min(fitting, key=lambda kind: (-kind[1], -waiting[kind][0].seconds, waiting[kind][0].key))
    job = waiting[kind].popleft()
    if not waiting[kind]:
        del waiting[kind]
    return job


def _schedule(
    jobs: Sequence[Job], busy: Sequence[tuple[float, float, int]], ends: Sequence[float], machines: Machines
) -> Schedule:
    makespan = max((end for _, end, _ in busy), default=0.0)
    work = sum((end - begin) * cores for begin, end, cores in busy)
    cores = machines.nodes * machines.cores
    longest = max((piece.seconds + OVERHEAD for job in jobs for piece in job.pieces), default=0.0)
    utilisation = work / (makespan * cores) if makespan else 0.0
    tail = makespan - _half_busy_until(busy, cores)
    return Schedule(makespan, utilisation, tail, max(longest, work / cores), tuple(ends))


def _half_busy_until(busy: Sequence[tuple[float, float, int]], cores: int) -> float:
    """The time after which less than half of the cores are busy."""
    changes: dict[float, int] = {}
    for begin, end, used in busy:
        changes[begin] = changes.get(begin, 0) + used
        changes[end] = changes.get(end, 0) - used
    times = sorted(changes)
    counts = list(accumulate(changes[time] for time in times))
    since = None
    for time, count in zip(times, counts, strict=True):
        if count * 2 >= cores:
            since = None
        elif since is None:
            since = time
    return since or 0.0
