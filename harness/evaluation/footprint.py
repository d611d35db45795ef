"""What a forecaster takes up: the numbers that it learned, memory at its peak, and the time of its imports."""

from __future__ import annotations

import builtins
import dataclasses
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.attempt import Failure, attempt
from harness.data.panel import Panel
from harness.forecasters.forecast import Forecast
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

TOLD = ("curves_", "remarks_")  # learned, but about the training and not the model
DATA = (TrainingData, Panel, Context, Contexts, Forecast)  # what it was given, if it keeps it, it did not learn
MOST_OBJECTS = 200_000  # looked at; a forecaster that keeps more is not counted
NUMBERS = "fciub"  # kinds of arrays that count


@dataclass(frozen=True)
class ModelSize:
    """How many numbers a forecaster learned, and their bytes; None where nothing could be counted."""

    parameters: int | None = None
    bytes: int | None = None


def model_size(forecaster: object) -> ModelSize:
    """The size of all that is reachable from learned attributes: arrays, modules of torch, estimators, numbers.

    Data that it was given and keeps does not count; nor does what a library hides from Python.
    """
    size = attempt(lambda: _counted(forecaster))
    return ModelSize() if isinstance(size, Failure) else size


def _counted(forecaster: object) -> ModelSize:
    learned = getattr(forecaster, "__dict__", {})
    waiting = [value for name, value in learned.items() if name.endswith("_") and name not in TOLD]
    seen: dict[int, object] = {}  # kept, so that no two share an id
    numbers = size = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, DATA):
            continue
        seen[id(one)] = one
        if len(seen) > MOST_OBJECTS:
            return ModelSize()
        leaf = _leaf(one)
        if leaf is None:
            waiting.extend(_parts(one))
        else:
            numbers, size = numbers + leaf[0], size + leaf[1]
    return ModelSize(numbers, size) if size else ModelSize()


def _leaf(one: object) -> tuple[int, int] | None:
    """The numbers and bytes of what is counted as it stands; None for what has to be taken apart."""
    if isinstance(one, np.ndarray) and one.dtype.kind != "O":
        if one.dtype.names:
            return one.size * len(one.dtype.names), one.nbytes
        return (one.size, one.nbytes) if one.dtype.kind in NUMBERS else (0, 0)
    if isinstance(one, float | complex | np.number):
        return 1, 8
    if one is None or isinstance(one, int | str | bytes | type | np.generic) or (callable(one) and not _module(one)):
        return 0, 0
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if isinstance(one, torch.Tensor):
        return one.numel(), one.numel() * one.element_size()
    if isinstance(one, torch.nn.Module):
        weights = list(one.parameters())
        every = [*weights, *one.buffers()]
        return sum(each.numel() for each in weights), sum(each.numel() * each.element_size() for each in every)
    return None


def _module(one: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(one, torch.nn.Module)


def _parts(one: Any) -> list[Any]:
    """What lies inside: elements, or attributes; of an estimator only what it learned."""
    if isinstance(one, Mapping):
        return list(one.values())
    if isinstance(one, list | tuple | set | frozenset):
        return list(one)
    if isinstance(one, np.ndarray):
        return list(one.flat)
    if isinstance(one, Failure):
        return []
    if dataclasses.is_dataclass(one):
        return [getattr(one, field.name, None) for field in dataclasses.fields(one)]
    parameters = getattr(one, "params", None)  # results of statsmodels hold their data too
    if parameters is not None and not callable(parameters):
        return [np.asarray(parameters)]
    if "torch.Generator" in str(type(one)) or isinstance(one, np.random.Generator):
        return []
    attributes = dict(getattr(one, "__dict__", {}))
    if not attributes and type(one).__module__.startswith("sklearn."):  # compiled: a tree, say
        state = one.__getstate__() if hasattr(one, "__getstate__") else None
        return list(state.values()) if isinstance(state, dict) else []
    given = one.get_params(deep=False) if hasattr(one, "get_params") else {}
    return [value for name, value in attributes.items() if name not in given]


def resident_memory() -> int | None:
    """The bytes of this process that lie in memory; None where it cannot be told."""
    status = _status(b"VmRSS:")
    if status is not None:
        return status
    import psutil

    return int(psutil.Process().memory_info().rss)


def forget_peak() -> bool:
    """Let the peak of memory count from here on; False where the system has no such thing."""
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)  # bare calls: a quick cell takes a millisecond
    except OSError:
        return False
    try:
        return os.write(file, b"5") == 1
    except OSError:
        return False
    finally:
        os.close(file)


def peak_memory() -> int | None:
    """The most bytes that this process had in memory since `forget_peak`, or else since it began."""
    status = _status(b"VmHWM:")
    return quick_peak() if status is None else status


def quick_peak() -> int | None:
    """The same in a microsecond; but never less than what the program had that began this process."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _status(name: bytes) -> int | None:
    """A line of /proc/self/status in bytes."""
    try:
        file = os.open("/proc/self/status", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(file, 1 << 16)
    finally:
        os.close(file)
    _, found, rest = text.partition(name)
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else None


@dataclass
class Imports:
    """What was spent on imports."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


_counting = threading.Lock()  # the statement `import` is the interpreter's: one can count at a time


@contextmanager
def imports_timed() -> Iterator[Imports]:
    """Counts the time of import statements that this thread meets meanwhile, the modules they load included."""
    spent = Imports()
    if not _counting.acquire(blocking=False):
        yield spent
        return
    original, mine, depth = builtins.__import__, threading.get_ident(), 0

    def counted(name: str, *arguments: Any, **named: Any) -> Any:
        nonlocal depth
        if depth or threading.get_ident() != mine:
            return original(name, *arguments, **named)
        depth += 1
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return original(name, *arguments, **named)
        finally:
            depth -= 1
            spent.seconds += time.perf_counter() - wall
            spent.cpu_seconds += time.process_time() - cpu

    builtins.__import__ = counted
    try:
        yield spent
    finally:
        builtins.__import__ = original
        _counting.release()
