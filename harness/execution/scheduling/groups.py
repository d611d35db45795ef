"""Groups of cells by the resources that they need: each is a job of its own on a cluster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from harness.boards.planning import PlannedCell
from harness.execution.scheduling.estimates import Estimate

GB = 10**9
MEMORY_STEPS = tuple(2 * GB * 4**step for step in range(8))  # memory of a cell is rounded up to one of these
Requirement = tuple[str, int, int, tuple[tuple[str, float], ...]]  # device, threads, memory, custom resources
MARGIN = 1.5  # of memory over that of the runs: other data, another allocator
CPU, GPU = "cpu", "cuda"  # a cell with the device "auto" needs no GPU


@dataclass(frozen=True)
class CellGroup:
    """Cells that need the same resources, and the number of shards into which they are divided."""

    name: str
    shards: int
    threads: int  # of each cell
    device: str
    memory: int  # bytes of each cell
    device_share: float  # of a GPU, that each cell takes at most
    seconds: Mapping[str, float] = field(default_factory=dict)  # by key: what the cell is expected to take
    custom: Mapping[str, float] = field(default_factory=dict)  # amounts by name, that each cell needs of the cluster
    cell_memory: int = 0  # bytes that a cell is expected to take at most, without the margin of `memory`
    parts: Mapping[str, int] = field(default_factory=dict)  # by key: how many can run at a time, of a cell in parts

    @property
    def needs_gpu(self) -> bool:
        """Whether its cells run on a GPU."""
        return self.device == GPU


def group_cells(cells: Sequence[PlannedCell], estimates: Mapping[str, Estimate], shards: int) -> tuple[CellGroup, ...]:
    """The groups of cells, and a number of shards divided among them in proportion to their expected seconds.

    Each group has at least one shard, and no more than it has cells.
    """
    found: dict[Requirement, dict[str, PlannedCell]] = {}
    for planned in cells:
        found.setdefault(_requirement(planned, estimates[planned.key]), {})[planned.key] = planned
    requirements = sorted(found)
    seconds = [{key: estimates[key].seconds for key in found[needs]} for needs in requirements]
    counts = _divided(shards, [sum(each.values()) for each in seconds], [len(each) for each in seconds])
    groups, names = [], Counter[str]()
    for requirement, own, count in zip(requirements, seconds, counts, strict=True):
        device, threads, memory, custom = requirement
        name = _name(*requirement)
        names[name] += 1
        name += f"-{names[name]}" if names[name] > 1 else ""
        share = max(planned.resources.device_share for planned in found[requirement].values())
        cell_memory = max(estimates[key].memory for key in own)
        parts = {key: estimates[key].parts for key in own if estimates[key].parts > 1}
        groups.append(CellGroup(name, count, threads, device, memory, share, own, dict(custom), cell_memory, parts))
    return tuple(groups)


def _requirement(planned: PlannedCell, estimate: Estimate) -> Requirement:
    """What a cell needs of the machine."""
    needs = planned.resources
    memory = _memory_step(max(needs.memory or 0, int(estimate.memory * MARGIN)))
    custom = tuple(sorted((name, float(amount)) for name, amount in needs.custom.items()))
    return (GPU if needs.device == GPU else CPU, needs.threads, memory, custom)


def _memory_step(memory: int) -> int:
    """The memory rounded up, so that there are few groups."""
    return next((step for step in MEMORY_STEPS if memory <= step), memory)


def _name(device: str, threads: int, memory: int, custom: Sequence[tuple[str, float]]) -> str:
    """The name of a group, which is fit for names of files and of objects of Kubernetes."""
    parts = [device]
    parts += [f"{threads}-threads"] if threads > 1 else []
    parts += [f"{memory // GB}gb"] if memory > MEMORY_STEPS[0] else []
    parts += [re.sub(r"[^a-z0-9]+", "-", f"{name[:20]} {amount:g}".lower()).strip("-") for name, amount in custom]
    return "-".join(parts)


def _divided(count: int, weights: Sequence[float], most: Sequence[int]) -> list[int]:
    """A number divided in proportion to weights: at least one each, and at most `most`; others take what is left."""
    parts = [1] * len(weights)
    while (left := min(count, sum(most)) - sum(parts)) > 0:
        able = [i for i, part in enumerate(parts) if part < most[i]]
        for i, more in zip(able, _proportional(left, [weights[i] for i in able]), strict=True):
            parts[i] = min(parts[i] + more, most[i])
    return parts


def _proportional(count: int, weights: Sequence[float]) -> list[int]:
    """A number divided in proportion to weights (largest remainder)."""
    total = sum(weights)
    exact = [Fraction(weight / total if total else 1 / len(weights)) * count for weight in weights]
    parts = [int(part) for part in exact]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: count - sum(parts)]:
        parts[i] += 1
    return parts
