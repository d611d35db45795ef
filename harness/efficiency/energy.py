"""Energy by the counters of a machine: RAPL of its processors, NVML of its GPUs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import Failure, attempt

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Counter:
    """A cumulative energy counter, which wraps around to 0 after its range."""

    name: str
    joules: Callable[[], float]
    range: float = float("inf")


@dataclass(frozen=True)
class Meter:
    """The energy counters of a machine."""

    counters: tuple[Counter, ...] = ()
    problem: str = ""  # why there are none

    def read(self) -> Mapping[str, float]:
        """The current value of each counter."""
        return {counter.name: counter.joules() for counter in self.counters}

    def since(self, before: Mapping[str, float]) -> float | None:
        """Joules of all processors and GPUs since an earlier reading; None without counters."""
        if not self.counters:
            return None
        now, total = self.read(), 0.0
        for counter in self.counters:
            used = now[counter.name] - before[counter.name]
            total += used if used >= 0 else used + counter.range
        return total


@dataclass
class _Search:
    counters: list[Counter] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def energy_meter(powercap: Path | None = None) -> Meter:
    """The counters that this process can read."""
    search = _Search()
    _find_processors(powercap or POWERCAP, search)
    _find_gpus(search)
    return Meter(tuple(search.counters), "" if search.counters else "; ".join(search.reasons))


def _find_processors(powercap: Path, search: _Search) -> None:
    packages = sorted(path for path in powercap.glob("*-rapl:*") if path.name.count(":") == 1)
    if not packages:
        search.reasons.append(f"no RAPL counters under {powercap}")
    for package in packages:
        name = attempt(partial((package / "name").read_text, encoding="ascii"))
        title = f"{package.name} ({name.strip()})" if isinstance(name, str) else package.name
        counter = package / "energy_uj"
        first = attempt(partial(_read_microjoules, counter))
        if isinstance(first, Failure):
            denied = isinstance(first.error, PermissionError)
            search.reasons.append(f"{counter} cannot be read by this user" if denied else f"{counter}: {first}")
            continue
        span = attempt(partial(_read_microjoules, package / "max_energy_range_uj"))
        whole = float("inf") if isinstance(span, Failure) else span
        search.counters.append(Counter(title, partial(_read_microjoules, counter), whole))


def _read_microjoules(path: Path) -> float:
    return int(path.read_text(encoding="ascii")) / 1e6


def _find_gpus(search: _Search) -> None:
    nvml: Any = attempt(lambda: importlib.import_module("pynvml"))
    if isinstance(nvml, Failure):
        search.reasons.append("no NVML: pynvml is not installed")
        return
    handles = attempt(lambda: _handles(nvml))
    if isinstance(handles, Failure):
        search.reasons.append(f"no NVML: {handles}")
        return
    for i, handle in enumerate(handles):
        joules = partial(_read_gpu, nvml, handle)
        first = attempt(joules)
        if isinstance(first, Failure):
            search.reasons.append(f"GPU {i} does not report its energy: {first}")
        else:
            search.counters.append(Counter(f"GPU {i}", joules))


def _handles(nvml: Any) -> list[Any]:
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]


def _read_gpu(nvml: Any, handle: Any) -> float:
    return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3
