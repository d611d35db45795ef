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

    @property
    def needs_gpu(self) -> bool:
        """Whether its cells run on a GPU."""
        return self.device == GPU


def group_cells(cells: Sequence[PlannedCell], estimates: Mapping[str, Estimate], shards: int) -> tuple[CellGroup, ...]:
    """The groups of cells, and a number of shards divided among them in proportion to their expected seconds.

    Each group has at least one shard, and no more than it has cells.
    """
    found: dict[Requirement, dict[str, float]] = {}
    shares: dict[Requirement, float] = {}
    most_memory: dict[Requirement, int] = {}
    for planned in cells:
        estimate, needs = estimates[planned.key], planned.resources
        memory = _memory_step(max(needs.memory or 0, int(estimate.memory * MARGIN)))
        custom = tuple(sorted((name, float(amount)) for name, amount in needs.custom.items()))
        requirement = (GPU if needs.device == GPU else CPU, needs.threads, memory, custom)
        found.setdefault(requirement, {})[planned.key] = estimate.seconds
        shares[requirement] = max(shares.get(requirement, 0.0), needs.device_share)
        most_memory[requirement] = max(most_memory.get(requirement, 0), estimate.memory)
    counts = _proportional([sum(found[needs].values()) for needs in sorted(found)], shards)
    groups, names = [], Counter[str]()
    for requirement, count in zip(sorted(found), counts, strict=True):
        seconds, (device, threads, memory, custom) = found[requirement], requirement
        name, most = _name(*requirement), min(count, len(seconds))
        names[name] += 1
        name += f"-{names[name]}" if names[name] > 1 else ""
        share, cell_memory = shares[requirement], most_memory[requirement]
        groups.append(CellGroup(name, most, threads, device, memory, share, seconds, dict(custom), cell_memory))
    return tuple(groups)


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


def _proportional(weights: Sequence[float], count: int) -> list[int]:
    """A number divided in proportion to weights, at least one each (largest remainder)."""
    total = sum(weights) or 1.0
    exact = [Fraction(weight / total) * max(0, count - len(weights)) for weight in weights]
    parts = [1 + int(part) for part in exact]
    order = sorted(range(len(weights)), key=lambda i: (int(exact[i]) - exact[i], i))
    for i in order[: max(0, count - sum(parts))]:
        parts[i] += 1
    return parts
