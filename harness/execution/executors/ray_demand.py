"""What cells ask of a Ray cluster: amounts of the resources of its nodes, by Ray's names for them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from harness.boards.planning import PlannedCell
from harness.execution.options import CellOptions
from harness.forecasters.limits import size_text

CPU, GPU, MEMORY = "CPU", "GPU", "memory"
EPSILON = 1e-6  # of an amount

Amounts = Mapping[str, float]


class RayNodes:
    """The nodes of a cluster as they were last seen, by what each of them has in all."""

    def __init__(self, nodes: Sequence[Amounts] = ()) -> None:
        self._nodes = tuple(nodes)
        self._known: dict[tuple[tuple[str, float], ...], bool] = {}  # by demand

    def total(self, name: str) -> float:
        """The amount of a resource on all nodes."""
        return sum(node.get(name, 0.0) for node in self._nodes)

    def can_meet(self, demand: Amounts) -> bool:
        """Whether a node has all of this, if nothing else runs on it."""
        key = tuple(demand.items())
        if key not in self._known:
            meets = (all(node.get(name, 0.0) >= amount for name, amount in key) for node in self._nodes)
            self._known[key] = any(meets)
        return self._known[key]


def cell_demand(planned: PlannedCell, options: CellOptions, nodes: RayNodes, *, with_gpus: bool) -> dict[str, float]:
    """What a cell needs of its node.

    A cell with the device "auto" asks for a GPU if a node has one and everything else that the cell needs, and for none
    without `with_gpus`.
    """
    resources = planned.resources
    memory = options.limits.memory or planned.limits.memory or resources.memory
    demand = {CPU: resources.threads, **({MEMORY: memory} if memory else {}), **resources.custom}
    on_gpu = {**demand, GPU: resources.device_share}
    if resources.device == "cuda" or (resources.device == "auto" and with_gpus and nodes.can_meet(on_gpu)):
        return on_gpu
    return demand


def demand_text(demand: Amounts) -> str:
    """A demand in words."""
    texts = [
        f"{size_text(int(amount))} of memory" if name == MEMORY else f"{amount:g} of {name}"
        for name, amount in demand.items()
    ]
    return " and ".join(texts)


def task_options(demand: Amounts) -> dict[str, Any]:
    """A demand as options of a Ray task."""
    named = {CPU: "num_cpus", GPU: "num_gpus", MEMORY: "memory"}
    custom = {name: amount for name, amount in demand.items() if name not in named}
    known = {named[name]: amount for name, amount in demand.items() if name in named}
    return {**known, **({"resources": custom} if custom else {})}


class ScarceResources:
    """How much of the GPUs and of custom resources the submitted cells ask for.

    Cells that have to wait for them would otherwise take the places of cells that need none.
    """

    def __init__(self) -> None:
        self._asked = defaultdict[str, float](float)  # by resource
        self._cells = Counter[str]()  # that ask for it

    def has_room(self, demand: Amounts, nodes: RayNodes) -> bool:
        """Whether all nodes together have enough; one cell may ask for what there is not, and wait for a new node."""
        return not any(
            self._cells[name] and self._asked[name] + amount > nodes.total(name) + EPSILON
            for name, amount in _scarce(demand).items()
        )

    def add(self, demand: Amounts) -> None:
        """A cell was submitted."""
        for name, amount in _scarce(demand).items():
            self._asked[name] += amount
            self._cells[name] += 1

    def remove(self, demand: Amounts) -> None:
        """A cell has ended."""
        for name, amount in _scarce(demand).items():
            self._asked[name] -= amount
            self._cells[name] -= 1


def _scarce(demand: Amounts) -> dict[str, float]:
    return {name: amount for name, amount in demand.items() if name not in (CPU, MEMORY)}
