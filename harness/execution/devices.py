"""The GPUs that the cells of a command may use, found without loading a numerical library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.efficiency.machine import gpu_names
from harness.errors import BadInput
from harness.forecasters.devices import CPU, VISIBLE, Device
from harness.forecasters.resources import Resources

VARIABLE = "HARNESS_DEVICES"
NONE = "none"  # of the option and the variable: no GPU
SECONDS = 30.0  # that nvidia-smi may take
GPU_LINE = re.compile(r"GPU (\d+): (.+) \(UUID: (GPU-[^)]+)\)")
MIG_LINE = re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)")


@dataclass(frozen=True)
class Listed:
    """A GPU as its driver lists it, or a part of one (MIG), which has no index."""

    index: str
    uuid: str
    name: str
    is_divided: bool = False  # into parts, which are listed after it

    def is_called(self, token: str) -> bool:
        """Whether CUDA_VISIBLE_DEVICES may name it so: by its index, or its UUID or the beginning of that."""
        if token.isdecimal():
            return self.index != "" and int(token) == int(self.index)
        return len(token) > len("GPU-") and self.uuid.startswith(token)


def visible_devices(chosen: str | None = None, variables: Mapping[str, str] | None = None) -> tuple[Device, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES shows, all without it; of these the chosen ones, or those of HARNESS_DEVICES.

    They are chosen by index, UUID or name of a MIG device, with commas between them; "none" chooses none. Raises
    BadInput for one that is not visible.
    """
    variables = os.environ if variables is None else variables
    tokens, shown = _tokens(variables.get(VARIABLE) if chosen is None else chosen), _tokens(variables.get(VISIBLE))
    if tokens in ((), (NONE,)) or shown == ():
        return ()
    listed, driver = listed_devices()
    found = [(each, each.uuid or each.index) for each in listed if not each.is_divided]
    if shown is not None:
        found = _find_shown(listed, shown)
    if tokens is not None:
        found = [_find_chosen(token, found) for token in dict.fromkeys(tokens)]
    return tuple(Device(visible, each.name, driver) for each, visible in found)


def placed_device(resources: Resources, devices: Sequence[Device] | None = None) -> Device:
    """Where a cell that runs alone computes: on the first visible GPU if it may, else on the CPU; raises BadInput."""
    if resources.device == "cpu":
        return CPU
    devices = visible_devices() if devices is None else devices
    if resources.device == "cuda" and not devices:
        raise BadInput(NO_GPU)
    return devices[0] if devices else CPU


NO_GPU = (
    "it needs a GPU (its spec states device='cuda'), and none is visible to this command: see nvidia-smi, "
    f"{VISIBLE}, {VARIABLE} and --devices"
)


@lru_cache(maxsize=1)
def listed_devices() -> tuple[tuple[Listed, ...], str]:
    """All GPUs of this machine, and the version of their driver; found once in a process."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return tuple(Listed(str(index), "", name) for index, name in enumerate(gpu_names())), ""
    lines = _output([program, "-L"])
    listed: list[Listed] = []
    for line in lines:
        if gpu := GPU_LINE.match(line):
            listed.append(Listed(gpu[1], gpu[3], gpu[2]))
        elif (part := MIG_LINE.match(line)) and listed:
            whole = max(index for index, each in enumerate(listed) if each.index)
            listed[whole] = Listed(listed[whole].index, listed[whole].uuid, listed[whole].name, is_divided=True)
            listed.append(Listed("", part[2], f"{listed[whole].name} MIG {part[1]}"))
    driver = _output([program, "--query-gpu=driver_version", "--format=csv,noheader"]) if listed else []
    return tuple(listed), driver[0].strip() if driver else ""


def _output(command: Sequence[str]) -> list[str]:
    """The lines that a program prints; none if it fails, as nvidia-smi does without a driver."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if not done.returncode else []


def _tokens(text: str | None) -> tuple[str, ...] | None:
    """The names in a text; None where there is none."""
    return None if text is None else tuple(token.strip() for token in text.split(",") if token.strip())


def _find_shown(listed: Sequence[Listed], tokens: Sequence[str]) -> list[tuple[Listed, str]]:
    """The devices that CUDA_VISIBLE_DEVICES names, by these names; as for CUDA, those up to the first unknown one."""
    found: list[tuple[Listed, str]] = []
    for token in dict.fromkeys(tokens):
        known = [each for each in listed if each.is_called(token)]
        if not known and token.startswith("MIG-") and listed:  # in a notation of earlier drivers
            known = [Listed("", token, "MIG device")]
        if not known:
            break
        found.append((known[0], token))
    return found


def _find_chosen(token: str, found: Sequence[tuple[Listed, str]]) -> tuple[Listed, str]:
    """The device of that name; raises BadInput if it is not visible."""
    for each, visible in found:
        if each.is_called(token) or visible == token:
            return each, visible
    names = ", ".join(f"{each.index or visible} ({each.name})" for each, visible in found)
    raise BadInput(f"there is no visible device {token!r}; {f'visible are {names}' if names else 'no GPU is visible'}")


class DevicePool:
    """The GPUs of a command, and how much of each the cells that run have taken."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = tuple(devices)
        self._free = dict.fromkeys(self.devices, 1.0)

    def has_room(self, resources: Resources) -> bool:
        """Whether a cell could start now; one that needs no GPU always can, and one that gets none here is refused."""
        if resources.device == "cpu" or not self.devices:
            return True
        return max(self._free.values()) > resources.device_share - EPSILON

    def take(self, resources: Resources, preferred: str = "") -> Device:
        """The device of a cell, of which it takes its share: the preferred one, or the one with most room.

        Raises BadInput if there is no GPU for a cell that needs one.
        """
        if resources.device == "cpu" or not self.devices:
            if resources.device == "cuda":
                raise BadInput(NO_GPU)
            return CPU
        roomy = [each for each in self.devices if self._free[each] > resources.device_share - EPSILON]
        device = max(roomy, key=lambda each: (each.visible == preferred, self._free[each]))
        self._free[device] -= resources.device_share
        return device

    def give_back(self, device: Device, resources: Resources) -> None:
        """End the use of a device by a cell."""
        if device.is_gpu:
            self._free[device] += resources.device_share


EPSILON = 1e-6  # of a share
