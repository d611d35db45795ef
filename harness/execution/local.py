"""The executor of this machine: supervisors, which run cells in worker processes that cannot disturb each other."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from harness.boards.fingerprints import load_unchanged
from harness.boards.planning import PlannedCell
from harness.data.panel_store import is_stored, store_panel
from harness.errors import BadData, InfrastructureFault, ProcessKilled
from harness.evaluation.run import Run
from harness.execution.options import TRIES, CellOptions
from harness.execution.supervisor import Supervisor
from harness.execution.template_server import TemplateServer
from harness.plugins.environments.environment import EnvironmentUnusable
from harness.plugins.installed import installed_catalog
from harness.plugins.restriction import restriction_text

PAUSE = 0.5  # seconds before the first of them


class LocalProcesses:
    """Supervisors on this machine, as many as cells run at the same time."""

    def __init__(self, home: Path, cells: Sequence[PlannedCell], jobs: int, options: CellOptions | None = None) -> None:
        self.home, self.options = home, CellOptions() if options is None else options
        self.slots = min(jobs, len(cells))
        self._plugins = _needed_plugins()
        self._server = TemplateServer()
        self._server.ensure()
        self._idle: queue.SimpleQueue[Supervisor] = queue.SimpleQueue()
        self._all: set[Supervisor] = set()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._stores: dict[str, threading.Lock] = {}  # by the fingerprint of what one thread stores
        self._loaded: dict[str, BadData | None] = {}  # by fingerprint: None, or why the loader cannot be used
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
        killed: list[str] = []
        for tried in range(TRIES + 1):
            try:
                # killed in the same way in each try: it did that itself, and there is no use in trying once more later
                is_last = tried == TRIES and len(killed) == TRIES and len(set(killed)) == 1
                return self._try(planned, killed[0] if is_last else "")
            except InfrastructureFault as fault:
                if isinstance(fault, ProcessKilled):
                    killed.append(str(fault))
                if isinstance(fault, EnvironmentUnusable):  # another try would not help
                    raise
                if tried == TRIES:
                    raise InfrastructureFault(f"{fault} (tried {TRIES + 1} times)") from fault
                # not in step with another cell that is tried again, which may be the reason
                if self._closed.wait(PAUSE * 2**tried * random.uniform(0.5, 1.5)):
                    raise
        raise AssertionError

    def _try(self, planned: PlannedCell, killed: str) -> Run:
        try:
            self._store_panel(planned)
        except OSError as error:
            raise InfrastructureFault(f"its data cannot be stored: {error}") from error
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

    def _store_panel(self, planned: PlannedCell) -> None:
        """Store the data of a cell for the supervisors, which load no plugin of datasets.

        It is loaded once, even if it is stored: a plugin's loader may read what its dataset does not declare, or draw.
        That of a file of the user does neither, and its fingerprint is that of the file's present state.
        """
        fingerprint = planned.fingerprint
        with self._lock:
            being_stored = self._stores.setdefault(fingerprint, threading.Lock())
        with being_stored:  # of this data alone: a load may take long
            other = self._loaded.get(fingerprint)
            if other is not None:
                raise other
            if fingerprint in self._loaded and is_stored(self.home, fingerprint):
                return
            dataset = installed_catalog().datasets[planned.cell.task.dataset]
            if dataset.plugin.included and dataset.spec.local_files and is_stored(self.home, fingerprint):
                self._loaded[fingerprint] = None
                return
            try:
                store_panel(load_unchanged(dataset, fingerprint, self.home), self.home)
            except BadData as error:
                self._loaded[fingerprint] = error
                raise
            self._loaded[fingerprint] = None

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


def _needed_plugins() -> str:
    """The plugins that a supervisor must load beside those of harness: of metrics and protocols."""
    catalog = installed_catalog()
    plugins = [entry.plugin for entry in catalog.metrics.values()]
    plugins += [entry.plugin for entry in catalog.protocols.values()]
    return restriction_text(plugin.name for plugin in plugins if not plugin.included)
