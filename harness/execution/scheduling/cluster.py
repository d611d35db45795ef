"""What the scripts for clusters have in common: the jobs of a run plan, and the commands of their shards."""

from __future__ import annotations

import math
import shlex
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.data.home_folders import is_url
from harness.execution.devices import EPSILON
from harness.execution.scheduling.groups import GB, MARGIN, MEMORY_STEPS, CellGroup
from harness.execution.scheduling.run_plan import RunPlan
from harness.execution.scheduling.shards import assign_shards
from harness.execution.scheduling.simulation import Job, Machines, simulate_shared

BASE_MEMORY = 1_000_000_000  # bytes of a command beside the forecasters: itself, and the data that it evaluates
EVALUATOR_MEMORY = 500_000_000  # bytes for each cell at a time: the process that evaluates it
TIME_MARGIN, START_SECONDS = 2.0, 600  # of the expected time of a shard, and of its start
TIME_STEP = 600  # seconds to which the time of a shard is rounded up
COMMENT_WIDTH = 110  # characters of a line


@dataclass(frozen=True)
class ClusterRun:
    """A run on a cluster: its plan, the command without options of shards, and how it is to be run."""

    plan: RunPlan
    program: tuple[str, ...]  # `harness` with the options that all commands have
    command: tuple[str, ...]  # `run` with its boards and options
    home: str  # the absolute path of a folder, or a URL
    jobs: int = 1  # cells at a time in each shard
    is_stored: bool = True  # whether shards read the plan; without, the division needs no measurements
    separate_homes: bool = False  # whether each shard has a home of its own
    logs: str | None = None  # the absolute path of a folder
    files: tuple[str, ...] = ()  # boards that the command names by their path
    plugin_file: str | None = None  # that `program` names, by its absolute path

    @property
    def is_in_store(self) -> bool:
        """Whether the home is in an object store, so that machines need not share a folder."""
        return is_url(self.home)

    @property
    def log_folder(self) -> str | None:
        """The folder of the logs of shards; None for a home in a store, where none is known that machines share."""
        return self.logs or (None if self.is_in_store else f"{self.home}/logs")

    def shard_command(self, group: CellGroup, index: str) -> str:
        """The command of a shard; `index` is the text of a shell that is replaced by its number."""
        shard = ["--shard", "auto"] if self.is_stored else ["--shard", f"auto/{group.shards}"]
        file = self.plan.id if self.is_in_store else f"{self.home}/plans/{self.plan.id}.json"
        plan = ["--plan", file] if self.is_stored else []
        of_group = ["--group", group.name] if self.is_stored and len(self.plan.groups) > 1 else []
        jobs = str(shard_jobs(group, self.jobs))
        arguments = [*self.program, *self.command, *shard, *plan, *of_group, "--jobs", jobs]
        home = shlex.quote(self.home) + (f"/shards/{group.name}-{index}" if self.separate_homes else "")
        return f"{shlex.join(arguments)} --home {home}"

    @property
    def shard_homes(self) -> list[str]:
        """The homes of the shards, if each has its own."""
        return [
            f"{self.home}/shards/{group.name}-{index}"
            for group in self.plan.groups
            for index in range(1, group.shards + 1)
        ]

    @property
    def merge_command(self) -> str:
        """The command that merges the homes of all shards into the home of the run."""
        folder = shlex.quote(f"{self.home}/shards")
        return f"{shlex.join([*self.program, 'merge'])} {folder}/* {shlex.quote(self.home)}"


@dataclass(frozen=True)
class ShardNeeds:
    """What each shard of a group asks a cluster for."""

    cores: int
    memory: int  # bytes
    seconds: int
    gpus: int
    custom: Mapping[str, float] = field(default_factory=dict)  # which the administrator of the cluster has named

    @property
    def custom_text(self) -> str:
        """The custom resources, in words."""
        return ", ".join(f"{amount:g} of {name}" for name, amount in self.custom.items())


def shard_needs(group: CellGroup, jobs: int) -> ShardNeeds:
    """What each shard of a group needs with a number of cells at a time."""
    jobs = shard_jobs(group, jobs)
    memory = BASE_MEMORY + jobs * (group.memory + EVALUATOR_MEMORY)
    seconds = START_SECONDS + TIME_MARGIN * expected_seconds(group, jobs)
    of_gpu = math.floor((1 + EPSILON) / group.device_share)  # cells at a time: the share of a cell is of one GPU
    gpus = math.ceil(jobs / of_gpu) if group.needs_gpu else 0
    custom = {name: amount * jobs for name, amount in group.custom.items()}
    return ShardNeeds(group.threads * jobs, memory, math.ceil(seconds / TIME_STEP) * TIME_STEP, gpus, custom)


def shard_jobs(group: CellGroup, jobs: int) -> int:
    """How many of a number of cells at a time a shard of a group can have: no more than cells, or parts of them."""
    counts = Counter[int]()
    for key, shard in assign_shards(group.seconds, group.shards).items():
        counts[shard] += group.parts.get(key, 1)
    return min(jobs, max(counts.values(), default=1))


def memory_line(group: CellGroup, jobs: int) -> str:
    """How the memory that a shard of a group asks for comes about."""
    count, cells = shard_jobs(group, jobs), "cells or parts of cells" if group.parts else "cells"
    each = "a cell" if count == 1 else f"each of {count} {cells} at a time"
    steps = ", ".join(f"{step // GB}" for step in MEMORY_STEPS[:3])
    return (
        f"memory of a shard of {group.name}, {_gigabytes(shard_needs(group, jobs).memory)}: "
        f"{_gigabytes(BASE_MEMORY)} for the command, and for {each} {_gigabytes(group.memory)} for its forecaster and "
        f"{_gigabytes(EVALUATOR_MEMORY)} to evaluate it. The forecaster's memory is {MARGIN:g} times what it is "
        f"expected to take, {_gigabytes(group.cell_memory)}, or what its spec states, if more, rounded up "
        f"to {steps}, ... GB"
    )


def time_line(group: CellGroup, jobs: int) -> str:
    """How the time limit of a shard of a group comes about."""
    return (
        f"time limit of a shard of {group.name}, {_minutes(shard_needs(group, jobs).seconds)}: "
        f"{_minutes(START_SECONDS)} to start, and {TIME_MARGIN:g} times the "
        f"{_minutes(expected_seconds(group, jobs))} that the longest one is expected to take, rounded up to "
        f"{_minutes(TIME_STEP)}"
    )


def comment(*lines: str) -> list[str]:
    """Sentences as comments of a script."""
    return [f"# {part}" for line in lines for part in textwrap.wrap(line, COMMENT_WIDTH)]


def _gigabytes(size: int) -> str:
    return f"{size / GB:.1f} GB"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes"


def expected_seconds(group: CellGroup, jobs: int, shards: int | None = None) -> float:
    """How long the longest shard of a group is expected to take, with a number of cells at a time."""
    count = group.shards if shards is None else shards
    assigned = assign_shards(group.seconds, count)
    cells: dict[int, list[Job]] = {}
    for key, shard in assigned.items():
        cells.setdefault(shard, []).append(Job(key, group.seconds[key], parts=group.parts.get(key, 1)))
    return max((simulate_shared(own, Machines(1, jobs)).makespan for own in cells.values()), default=0.0)
