"""The threads of numerical libraries while a forecaster runs: one, unless more are asked for.

The order of additions in a parallel sum depends on the number of threads, and with it the last digits of forecasts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@contextmanager
def thread_limit(threads: int) -> Iterator[None]:
    """Let BLAS, OpenMP and PyTorch use this number of threads inside the block, and as many as before after it.

    A library that is imported inside the block is limited by the environment; after the block, it may use as many
    threads as the other libraries.
    """
    libraries, torch = _libraries(len(sys.modules)), _torch()
    usual = max((library.num_threads for library in libraries.lib_controllers), default=os.cpu_count() or 1)
    torch_threads = None if torch is None else torch.get_num_threads()
    variables = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        with libraries.limit(limits=threads):
            _set_torch_threads(torch, threads)  # it has a count of its own beside OpenMP's
            yield
    finally:
        _restore_environment(variables)
        _release_new_libraries(libraries, usual)
        _set_torch_threads(_torch(), torch_threads or usual)


def set_threads(threads: int) -> None:
    """Let BLAS, OpenMP and PyTorch use this number of threads, as far as they are loaded, from now on."""
    _libraries(len(sys.modules)).limit(limits=threads)
    _set_torch_threads(_torch(), threads)


@lru_cache(maxsize=1)
def _libraries(_modules: int) -> ThreadpoolController:
    """The libraries that are loaded; looked for again when modules have been imported, which takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _release_new_libraries(before: ThreadpoolController, threads: int) -> None:
    known = {library.filepath for library in before.lib_controllers}
    for library in _libraries(len(sys.modules)).lib_controllers:
        if library.filepath not in known:
            library.set_num_threads(threads)


def _restore_environment(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _torch() -> Any:
    """PyTorch where a forecaster has imported it; the core does not."""
    torch = sys.modules.get("torch")
    return torch if hasattr(torch, "set_num_threads") else None


def _set_torch_threads(torch: Any, threads: int) -> None:
    if torch is not None:
        torch.set_num_threads(threads)
