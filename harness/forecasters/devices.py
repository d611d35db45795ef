"""Devices: where the processes of forecasters compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DeviceRequest = Literal["cpu", "auto", "cuda"]
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Device:
    """A GPU as CUDA_VISIBLE_DEVICES names it, or the CPU, whose name is empty."""

    visible: str = ""
    name: str = ""  # of the model, such as "NVIDIA H200"
    driver: str = ""  # its version

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return bool(self.visible)


CPU = Device()
