"""Controlled conditions of a measurement: threads, cores, garbage collection."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import attempt
from harness.evaluation.threads import THREAD_VARIABLES, set_threads
from harness.forecasters.weights.store import weights_variables

FIXED = {"PYTHONHASHSEED": "0", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
EXCLUDED_PREFIXES = ("PYTEST_", "COVERAGE_PROCESS_START", "PYTHONDEVMODE", "PYTHONTRACEMALLOC")


def environment(threads: int) -> dict[str, str]:
    """The environment variables of a measured process: ours, with a thread count and without debugging tools."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(EXCLUDED_PREFIXES)}
    return kept | weights_variables(kept) | FIXED | dict.fromkeys(THREAD_VARIABLES, str(threads))


def usable_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bind_cores(threads: int) -> tuple[int, ...]:
    """Bind this process to as many cores as it has threads; returns them, none where the system cannot bind.

    It takes the last ones, since systems prefer the first one for their own work.
    """
    if not hasattr(os, "sched_setaffinity"):
        return ()
    chosen = sorted(os.sched_getaffinity(0))[-threads:]
    try:
        os.sched_setaffinity(0, chosen)
    except OSError:
        return ()
    return tuple(chosen)


def limit_loaded_libraries(threads: int) -> None:
    """Limit the threads of all libraries loaded so far, for the rest of this process."""
    set_threads(threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        attempt(lambda: torch.set_num_interop_threads(threads))  # raises once parallel work has begun


@contextmanager
def garbage_collection_off() -> Iterator[None]:
    """Collect garbage now, and not inside the block."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
