"""Resources: what a cell of a forecaster needs of the machine that runs it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from harness.forecasters.devices import DeviceRequest

LEAST_AMOUNT = 1e-4  # of a custom resource: the step of Ray
OWN_FIELDS = {"cpu": "threads", "gpu": "device and device_share", "memory": "memory"}  # by Ray's names in lower case


@dataclass(frozen=True)
class Resources:
    """The resources that a cell needs; not part of its key.

    Numerical libraries are limited to `threads`, and a cell to `memory` and `seconds`. The process of a cell sees no
    GPU with the device "cpu", one GPU with "cuda", and with "auto" one where there is one. `device_share` is the part
    of the GPU that the cell needs: with 0.5, two cells share it. A forecaster that can also compute on the CPU has a
    hyperparameter `device`, whose value "auto" is the device that its process sees.

    `custom` has amounts of resources that the administrator of a Ray cluster has given names, such as `{"licence": 1}`:
    a cell runs on a node that has them left. Other runs ignore them.
    """

    threads: int = 1
    memory: int | None = None  # bytes
    seconds: float | None = None
    device: DeviceRequest = "cpu"
    device_share: float = 1.0
    custom: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep a copy of `custom`, which other processes are sent."""
        if isinstance(self.custom, Mapping):
            object.__setattr__(self, "custom", dict(self.custom))


def resources_problem(resources: Resources) -> str:
    """Why a cell cannot be given what these resources describe, as a sentence; empty if it can."""
    return _device_problem(resources) or _custom_problem(resources.custom)


def _device_problem(resources: Resources) -> str:
    """Why no device can be found as these resources describe it, as a sentence; empty if one can."""
    if not any(resources.device == known for known in get_args(DeviceRequest)):
        return f"device must be {' or '.join(map(repr, get_args(DeviceRequest)))}, not {resources.device!r:.80}"
    share: object = resources.device_share
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        return f"device_share must be a number above 0 and at most 1, not {share!r:.80}"
    return ""


def _custom_problem(custom: object) -> str:
    """Why these cannot be amounts of custom resources, as a sentence; empty if they can."""
    if not isinstance(custom, Mapping):
        return f"custom must be a table of amounts by name, such as {{'licence': 1}}, not {custom!r:.80}"
    for name, amount in custom.items():
        if not isinstance(name, str) or not name.strip():
            return f"custom has {name!r:.80}, which must be the name of a resource"
        if name.lower() in OWN_FIELDS:
            return f"custom has {name!r}, which is stated by {OWN_FIELDS[name.lower()]}"
        is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
        if not is_number or not LEAST_AMOUNT <= amount < math.inf:
            return f"custom[{name!r:.80}] must be a number of at least {LEAST_AMOUNT:g}, not {amount!r:.80}"
    return ""
