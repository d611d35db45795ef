"""Joules, by the counters that a machine has: RAPL of its processors, NVML of its GPUs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.attempt import Failure, attempt

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Counter:
    """A counter that rises by the energy used, and begins again at 0 after its range."""

    name: str
    joules: Callable[[], float]
    range: float = float("inf")


@dataclass(frozen=True)
class Meter:
    """The counters of a machine; `unknown` says why there are none."""

    counters: tuple[Counter, ...] = ()
    unknown: str = ""

    def read(self) -> Mapping[str, float]:
        """What each counter says now."""
        return {one.name: one.joules() for one in self.counters}

    def since(self, before: Mapping[str, float]) -> float | None:
        """Joules used since an earlier reading; None without counters. All that ran on the machine counts."""
        if not self.counters:
            return None
        now, total = self.read(), 0.0
        for one in self.counters:
            used = now[one.name] - before[one.name]
            total += used if used >= 0 else used + one.range
        return total


@dataclass
class _Found:
    counters: list[Counter] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def energy_meter(powercap: Path | None = None) -> Meter:
    """The counters that can be read here."""
    found = _Found()
    _processors(powercap or POWERCAP, found)
    _gpus(found)
    return Meter(tuple(found.counters), "" if found.counters else "; ".join(found.reasons))


def _processors(powercap: Path, found: _Found) -> None:
    packages = sorted(path for path in powercap.glob("*-rapl:*") if path.name.count(":") == 1)
    if not packages:
        found.reasons.append(f"no RAPL counters under {powercap}")
    for package in packages:
        name = attempt(partial((package / "name").read_text, encoding="ascii"))
        title = f"{package.name} ({name.strip()})" if isinstance(name, str) else package.name
        counter = package / "energy_uj"
        first = attempt(partial(_micro, counter))
        if isinstance(first, Failure):
            denied = isinstance(first.error, PermissionError)
            found.reasons.append(f"{counter} may not be read" if denied else f"{counter}: {first}")
            continue
        span = attempt(partial(_micro, package / "max_energy_range_uj"))
        whole = float("inf") if isinstance(span, Failure) else span
        found.counters.append(Counter(title, partial(_micro, counter), whole))


def _micro(path: Path) -> float:
    return int(path.read_text(encoding="ascii")) / 1e6


def _gpus(found: _Found) -> None:
    nvml: Any = attempt(lambda: importlib.import_module("pynvml"))
    if isinstance(nvml, Failure):
        found.reasons.append("no NVML: pynvml is not installed")
        return
    handles = attempt(lambda: _handles(nvml))
    if isinstance(handles, Failure):
        found.reasons.append(f"no NVML: {handles}")
        return
    for i, handle in enumerate(handles):
        joules = partial(_millijoules, nvml, handle)
        first = attempt(joules)
        if isinstance(first, Failure):
            found.reasons.append(f"GPU {i} does not tell its energy: {first}")
        else:
            found.counters.append(Counter(f"GPU {i}", joules))


def _handles(nvml: Any) -> list[Any]:
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]


def _millijoules(nvml: Any, handle: Any) -> float:
    return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3
