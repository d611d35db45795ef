"""The time of imports that a forecaster makes while it is measured."""

from __future__ import annotations

import builtins
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class ImportTime:
    """Wall-clock time of import statements."""

    seconds: float = 0.0


_measuring = threading.Lock()  # `builtins.__import__` belongs to the interpreter: one measurement at a time


@contextmanager
def measure_imports() -> Iterator[ImportTime]:
    """Measures the import statements of this thread, including the modules that they load.

    It replaces `builtins.__import__` meanwhile. A measurement within another one stays zero.
    """
    spent = ImportTime()
    if not _measuring.acquire(blocking=False):
        yield spent
        return
    original, thread, depth = builtins.__import__, threading.get_ident(), 0

    def import_and_time(name: str, *arguments: Any, **named: Any) -> Any:
        nonlocal depth
        if depth or threading.get_ident() != thread:
            return original(name, *arguments, **named)
        depth += 1
        begin = time.perf_counter()
        try:
            return original(name, *arguments, **named)
        finally:
            depth -= 1
            spent.seconds += time.perf_counter() - begin

    builtins.__import__ = import_and_time
    try:
        yield spent
    finally:
        builtins.__import__ = original
        _measuring.release()
