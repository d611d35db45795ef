"""Executors on this machine: this process, and isolated processes that cannot hurt each other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError, HomeUnusable
from harness.evaluation.run import Run, Status

PRELOAD = "HARNESS_PRELOAD"  # names of modules; the server of the workers is given no other arguments


class Executor(Protocol):
    """Runs cells somewhere: the one thing to implement for another kind of place."""

    slots: int  # how many cells it runs side by side

    def submit(self, planned: PlannedCell) -> Future[Run]:
        """The run of a cell, whose record is in the journal when it is done."""
        ...

    def close(self) -> None:
        """End at once whatever still runs."""
        ...


class InProcess:
    """Runs each cell here and now, where a debugger can see it."""

    slots = 1

    def __init__(self, home: Path) -> None:
        self.home = home

    def submit(self, planned: PlannedCell) -> Future[Run]:
        """The finished run."""
        from harness.execution.worker import run_cell

        future: Future[Run] = Future()
        try:
            future.set_result(run_cell(planned, self.home))
        except (HarnessError, OSError) as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing runs on."""


class LocalProcesses:
    """Worker processes forked from a server that has the heavy imports loaded."""

    def __init__(self, home: Path, jobs: int, imports: Iterable[str]) -> None:
        from pebble import ProcessPool

        from harness.execution.worker import limit_threads, start_worker

        self.home = home
        self.slots = jobs
        limit_threads(1)
        context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        if sys.platform != "win32":
            os.environ[PRELOAD] = " ".join(imports)
            context.set_forkserver_preload(["harness.execution.preload"])
            _start_server()
        self._pool = ProcessPool(max_workers=jobs, context=context, initializer=start_worker)

    def submit(self, planned: PlannedCell) -> Future[Run]:
        """A future run; it raises only if the worker process dies."""
        from harness.execution.worker import run_cell

        future: Future[Run] = self._pool.schedule(run_cell, args=[planned, self.home])
        return future

    def close(self) -> None:
        """Kill the workers, and their server first: it must not begin another one, or finish an import."""
        if sys.platform != "win32":
            _kill_server()
        self._pool.stop()
        self._pool.join()


def _start_server() -> None:
    """Start the server of the workers with Ctrl-C blocked, for it and for them: it is this process's to handle."""
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # first: starting it unblocks Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill_server() -> None:
    import psutil

    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any("multiprocessing.forkserver" in part for part in child.cmdline()):
                child.kill()
                child.wait(5)


def outcome_of(planned: PlannedCell, future: Future[Run], write: Callable[[Run], None]) -> Run | HarnessError:
    """What came of a submitted cell; if its process died, that is written down as its result."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, HarnessError):
        return error
    if isinstance(error, OSError) and getattr(error, "exitcode", None) is None:
        return HomeUnusable(f"its result cannot be written: {error}")
    reason = str(error).strip() or type(error).__name__
    code = getattr(error, "exitcode", None)
    if code is not None:
        reason = f"the worker process died (exit code {code}); run it with --jobs 0 to see more"
    status = Status.CRASHED if code is not None else Status.FAILED
    trace = "".join(traceback.format_exception(error))
    run = Run(planned.cell, status, planned.key, reason, trace)
    write(run)
    return run
