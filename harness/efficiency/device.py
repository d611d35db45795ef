"""Calls on a GPU: ended when the GPU has ended them, timed by its own events."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
GPU = "cuda"


def used_device(forecaster: object) -> str:
    """Where a forecaster computes: on the GPU if it has a `device` that says so, or "auto", and there is one."""
    told = str(getattr(forecaster, "device", "cpu")).partition(":")[0]
    return GPU if told in ("auto", GPU) and _cuda() is not None else "cpu"


class DeviceClock:
    """Runs calls so that nothing is left on the GPU when they return; on a CPU it adds nothing."""

    def __init__(self, device: str) -> None:
        self.cuda = _cuda() if device == GPU else None
        self.seconds: list[float] = []  # of each call, by the GPU's events

    def timed(self, action: Callable[..., T]) -> Callable[..., T]:
        """The action, its calls ended by a synchronisation and timed by events."""
        cuda = self.cuda
        if cuda is None:
            return action

        def synchronised(*arguments: Any) -> T:
            begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
            cuda.synchronize()
            begin.record()
            result = action(*arguments)
            end.record()
            cuda.synchronize()
            self.seconds.append(begin.elapsed_time(end) / 1e3)
            return result

        return synchronised

    def forget_peak(self) -> None:
        """Let the peak of the GPU's memory count from here on."""
        if self.cuda is not None:
            self.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        """The most bytes that were allocated on the GPU."""
        return None if self.cuda is None else int(self.cuda.max_memory_allocated())


def _cuda() -> Any:
    """torch.cuda where torch is loaded and there is a GPU, else None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
