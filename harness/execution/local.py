"""The executor of this machine: supervisors, which run cells in worker processes that cannot disturb each other."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import InfrastructureFault
from harness.evaluation.run import Run
from harness.execution.options import CellOptions
from harness.execution.panel_storing import PanelStoring
from harness.execution.supervisor import Supervisor
from harness.execution.template_server import TemplateServer
from harness.execution.tries import run_with_tries
from harness.plugins.installed import installed_catalog
from harness.plugins.restriction import restriction_text


class LocalProcesses:
    """Supervisors on this machine, as many as cells run at the same time."""

    def __init__(self, home: Path, cells: Sequence[PlannedCell], jobs: int, options: CellOptions | None = None) -> None:
        self.home, self.options = home, CellOptions() if options is None else options
        self.slots = min(jobs, len(cells))
        self._plugins = needed_plugins()
        self._server = TemplateServer()
        self._server.ensure()
        self._idle: queue.SimpleQueue[Supervisor] = queue.SimpleQueue()
        self._all: set[Supervisor] = set()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._panels = PanelStoring(home)
        self._threads = ThreadPoolExecutor(self.slots, thread_name_prefix="harness-slot")

    def submit(self, planned: PlannedCell) -> Future[Run]:
        """A future run."""
        return self._threads.submit(self._run, planned)

    def close(self) -> None:
        """Kill the supervisors, their workers, and the server of workers."""
        with self._lock:
            self._closed.set()
            for supervisor in self._all:
                supervisor.kill()
        self._server.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for supervisor in self._all:
            supervisor.close()

    def _run(self, planned: PlannedCell) -> Run:
        """The run of a cell; one that could not be run for a reason outside of the forecaster is tried again."""
        return run_with_tries(partial(self._try, planned), self._closed)

    def _try(self, planned: PlannedCell, killed: str) -> Run:
        self._panels.store(planned)
        provider = planned.spec.provider
        template = self._server.ensure(None if provider is None else provider.environment)
        supervisor = self._supervisor()
        try:
            return supervisor.run(planned, template, killed)
        finally:
            if supervisor.is_alive:
                self._idle.put(supervisor)
            else:
                with self._lock:
                    self._all.discard(supervisor)
                supervisor.close()

    def _supervisor(self) -> Supervisor:
        """A supervisor that has nothing to do, or a new one."""
        with contextlib.suppress(queue.Empty):
            return self._idle.get_nowait()
        with self._lock:
            if self._closed.is_set():
                raise InfrastructureFault("the run was stopped")
            supervisor = Supervisor(self.home, self.options, self._plugins)
            self._all.add(supervisor)
        return supervisor


def needed_plugins() -> str:
    """The plugins that a supervisor must load beside those of harness: of metrics and protocols."""
    catalog = installed_catalog()
    plugins = [entry.plugin for entry in catalog.metrics.values()]
    plugins += [entry.plugin for entry in catalog.protocols.values()]
    return restriction_text(plugin.name for plugin in plugins if not plugin.included)
