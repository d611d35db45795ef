"""What is held fixed while a forecaster is measured: threads, cores, the garbage collector."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness.attempt import attempt

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
FIXED = {"PYTHONHASHSEED": "0", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
UNWANTED = ("PYTEST_", "COVERAGE_PROCESS_START", "PYTHONDEVMODE", "PYTHONTRACEMALLOC")  # how they begin


def environment(threads: int) -> dict[str, str]:
    """The environment of a process that is measured: ours, with so many threads and nothing that slows it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    return kept | FIXED | dict.fromkeys(THREAD_VARIABLES, str(threads))


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bound_cores(threads: int) -> tuple[int, ...]:
    """Bind this process to as many cores as it has threads; returns them, none where the system cannot.

    The last ones: the first is where systems like to do their own work.
    """
    if not hasattr(os, "sched_setaffinity"):
        return ()
    here = sorted(os.sched_getaffinity(0))
    chosen = here[-threads:]
    try:
        os.sched_setaffinity(0, chosen)
    except OSError:
        return ()
    return tuple(chosen)


def limit_loaded_libraries(threads: int) -> None:
    """Let the libraries that are loaded by now use so many threads, for the rest of this process."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
        attempt(lambda: torch.set_num_interop_threads(threads))  # too late where it has begun


@contextmanager
def collector_off() -> Iterator[None]:
    """Python's garbage collector does its work now, and none meanwhile."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
