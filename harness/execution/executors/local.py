"""The executor of this machine: supervisors, which run cells in worker processes that cannot disturb each other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import BadInput, InfrastructureFault
from harness.execution.devices import DevicePool, visible_devices
from harness.execution.executors.executor import Outcome
from harness.execution.executors.panel_storing import PanelStoring
from harness.execution.executors.supervisor import Supervisor
from harness.execution.executors.tries import run_with_tries
from harness.execution.options import CellOptions
from harness.execution.workers.kept_worker import reuse_key
from harness.execution.workers.template_server import TemplateServer
from harness.forecasters.devices import Device
from harness.plugins.installed import installed_catalog
from harness.plugins.restriction import restriction_text


class LocalProcesses:
    """Supervisors on this machine, as many as cells run at the same time."""

    awaited = ""

    def __init__(self, home: Path, cells: Sequence[PlannedCell], jobs: int, options: CellOptions | None = None) -> None:
        self.home, self.options = home, CellOptions() if options is None else options
        self.takes_parts = self.options.parts and not self.options.strict
        self.slots = jobs if self.takes_parts else min(jobs, len(cells))
        self._plugins = needed_plugins()
        self._server = TemplateServer()
        try:
            self._server.ensure()
        except InfrastructureFault:
            self._server.close()
            raise
        needs_gpu = any(cell.resources.device != "cpu" for cell in cells)
        self._devices = DevicePool(visible_devices(self.options.devices) if needs_gpu else ())
        self._idle: list[Supervisor] = []
        self._all: set[Supervisor] = set()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._panels = PanelStoring(home)
        self._threads = ThreadPoolExecutor(self.slots, thread_name_prefix="harness-slot")

    def has_room(self, planned: PlannedCell) -> bool:
        """Whether a cell could start now, on its device."""
        with self._lock:
            return self._devices.has_room(planned.resources)

    def submit(self, planned: PlannedCell) -> Future[Outcome]:
        """A future run."""
        try:
            with self._lock:
                device = self._devices.take(planned.resources, self._device_with_model(planned))
        except BadInput as error:
            refused: Future[Outcome] = Future()
            refused.set_exception(error)
            return refused
        return self._threads.submit(self._run, replace(planned, device=device), device)

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

    def _run(self, planned: PlannedCell, device: Device) -> Outcome:
        """The run of a cell; one that could not be run for a reason outside of the forecaster is tried again.

        At its end, the device is given back that it has taken.
        """
        try:
            return run_with_tries(partial(self._try, planned), self._closed)
        finally:
            with self._lock:
                self._devices.give_back(device, planned.resources)

    def _try(self, planned: PlannedCell, killed: str) -> Outcome:
        self._panels.store(planned)
        provider = planned.spec.provider
        template = self._server.ensure(None if provider is None else provider.environment)
        supervisor = self._supervisor(planned)
        try:
            return supervisor.run(planned, template, killed)
        finally:
            if supervisor.is_alive:
                with self._lock:
                    self._idle.append(supervisor)
            else:
                with self._lock:
                    self._all.discard(supervisor)
                supervisor.close()

    def _device_with_model(self, planned: PlannedCell) -> str:
        """The device where an idle supervisor keeps a worker that can serve a cell; empty if there is none."""
        for device in self._devices.devices:
            key = reuse_key(replace(planned, device=device))
            if key and any(supervisor.kept == key for supervisor in self._idle):
                return device.visible
        return ""

    def _supervisor(self, planned: PlannedCell) -> Supervisor:
        """A supervisor that has nothing to do, if possible one that keeps a worker for such a cell; or a new one.

        Workers that others keep are ended, if the cell needs memory for a model, or a GPU.
        """
        key = reuse_key(planned)
        with self._lock:
            if self._closed.is_set():
                raise InfrastructureFault("the run was stopped")
            if self._idle:
                supervisor = min(self._idle, key=lambda each: (each.kept != key, each.kept != ""))
                self._idle.remove(supervisor)
            else:
                supervisor = Supervisor(self.home, self.options, self._plugins)
                self._all.add(supervisor)
            if key or (planned.device is not None and planned.device.is_gpu):
                for other in self._idle:
                    if other.kept != key:
                        other.end_kept_worker()
        return supervisor


def needed_plugins() -> str:
    """The plugins that a supervisor must load beside those of harness: of metrics and protocols."""
    catalog = installed_catalog()
    plugins = [entry.plugin for entry in catalog.metrics.values()]
    plugins += [entry.plugin for entry in catalog.protocols.values()]
    return restriction_text(plugin.name for plugin in plugins if not plugin.included)
