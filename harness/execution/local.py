"""The executor of worker processes on this machine, which cannot disturb each other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.evaluation.run import Run

PRELOAD = "HARNESS_PRELOAD"  # names of modules; the server of the workers is given no other arguments


class LocalProcesses:
    """Worker processes, forked from a server that has the heavy imports loaded."""

    def __init__(self, home: Path, cells: Sequence[PlannedCell], jobs: int) -> None:
        from pebble import ProcessPool

        from harness.execution.worker import limit_threads, start_worker

        self.home = home
        self.slots = min(jobs, len(cells))
        limit_threads(1)
        context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        if sys.platform != "win32":
            os.environ[PRELOAD] = " ".join(sorted({module for cell in cells for module in cell.imports}))
            context.set_forkserver_preload(["harness.execution.preload"])
            _start_server()
        self._pool = ProcessPool(max_workers=self.slots, context=context, initializer=start_worker)

    def submit(self, planned: PlannedCell) -> Future[Run]:
        """A future run."""
        from harness.execution.worker import run_cell

        future: Future[Run] = self._pool.schedule(run_cell, args=[planned, self.home])
        return future

    def close(self) -> None:
        """Kill the workers, and their server first, so that it starts no other worker and finishes no import."""
        if sys.platform != "win32":
            _kill_server()
        self._pool.stop()
        self._pool.join()


def _start_server() -> None:
    """Start the server of the workers with Ctrl-C blocked in it and in them: this process handles Ctrl-C."""
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
