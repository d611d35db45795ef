"""Calls on a GPU, synchronised and timed by its events."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
GPU = "cuda"


def used_device(forecaster: object) -> str:
    """The device of a forecaster: the GPU if there is one and its `device` is "cuda" or "auto", else the CPU."""
    device = str(getattr(forecaster, "device", "cpu")).partition(":")[0]
    return GPU if device in ("auto", GPU) and _cuda() is not None else "cpu"


class DeviceClock:
    """Wraps calls so that all work on the GPU has ended when they return; on a CPU it adds nothing."""

    def __init__(self, device: str) -> None:
        self.cuda = _cuda() if device == GPU else None
        self.seconds: list[float] = []  # of each call, by the GPU's events

    def synchronise(self, action: Callable[..., T]) -> Callable[..., T]:
        """The action, with its calls synchronised and timed by events."""
        cuda = self.cuda
        if cuda is None:
            return action

        def call(*arguments: Any) -> T:
            begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
            cuda.synchronize()
            begin.record()
            result = action(*arguments)
            end.record()
            cuda.synchronize()
            self.seconds.append(begin.elapsed_time(end) / 1e3)
            return result

        return call

    def reset_peak(self) -> None:
        """Start a new measurement of the GPU's peak memory."""
        if self.cuda is not None:
            self.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        """The peak of the bytes allocated on the GPU; None without one."""
        return None if self.cuda is None else int(self.cuda.max_memory_allocated())


def _cuda() -> Any:
    """torch.cuda where torch is loaded and there is a GPU, else None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
