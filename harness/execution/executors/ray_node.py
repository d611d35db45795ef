"""What a node of a Ray cluster does: a supervisor and a template server in each process of Ray, which run cells."""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.data.panel_store import is_stored
from harness.errors import HarnessError, InfrastructureFault
from harness.execution.devices import placed_device, visible_devices
from harness.execution.executors.executor import Outcome
from harness.execution.executors.ray_demand import GPU
from harness.execution.executors.supervisor import Supervisor
from harness.execution.options import CellOptions
from harness.execution.workers.template_server import TemplateServer
from harness.forecasters.devices import CPU, VISIBLE, Device
from harness.forecasters.resources import Resources
from harness.plugins.installed import installed_catalog
from harness.plugins.provider import Provider, provider_of
from harness.plugins.result_versions import forecaster_version

LOOK = 1.0  # seconds between looks at the node


@dataclass(frozen=True)
class NodeRequest:
    """A cell to run: what a supervisor of the node is started with, and what it is sent."""

    home: Path
    options: CellOptions
    plugins: str
    planned: PlannedCell
    killed: str = ""


def run_on_node(request: NodeRequest) -> Outcome | HarnessError:
    """The record of a cell, which is in the journal of the home, or why there is none."""
    try:
        if not is_stored(request.home, request.planned.fingerprint):
            return InfrastructureFault(
                f"node {socket.gethostname()} does not have the data in {request.home}: use a home folder on a file "
                "system that all nodes share"
            )
        processes = _processes()
        spec = replace(request.planned.spec, provider=_provider_here(request.planned))
        planned = replace(request.planned, spec=spec, device=_device_here(request.planned.resources))
        provider = planned.spec.provider
        template = processes.server.ensure(None if provider is None else provider.environment)
        supervisor = processes.supervisor(request.home, request.options, request.plugins, _accelerators())
        try:
            return supervisor.run(planned, template, request.killed)
        finally:
            supervisor.end_kept_worker()  # Ray may give its GPU to another process
    except HarnessError as error:
        return error


def _device_here(resources: Resources) -> Device:
    """The GPU that Ray has assigned to this task, if any; raises BadInput if a cell needs one that is not found."""
    if resources.device == "cpu" or not _assigned().get(GPU):
        return CPU
    return placed_device(resources, visible_devices(variables={VISIBLE: os.environ.get(VISIBLE, "")}))


def _accelerators() -> dict[str, list[str]]:
    """What Ray has assigned to this task beside a GPU, such as a TPU: its processes have Ray's variables for that."""
    return {kind: ids for kind, ids in _assigned().items() if ids and kind != GPU}


def _assigned() -> dict[str, list[str]]:
    """The accelerators of this task, by kind."""
    import ray

    found: dict[str, list[str]] = ray.get_runtime_context().get_accelerator_ids()
    return found


def _provider_here(planned: PlannedCell) -> Provider | None:
    """The plugin of the cell as this node has it; an environment of the home is the same on all nodes.

    Raises InfrastructureFault if the forecaster has another result version here, or is not installed.
    """
    if planned.spec.provider is None or planned.spec.provider.environment is not None:
        return planned.spec.provider
    name, node = planned.cell.forecaster, socket.gethostname()
    forecasters = installed_catalog().forecasters
    if name not in forecasters:
        raise InfrastructureFault(f"node {node} does not have the plugin {planned.spec.provider}; install it there")
    if (version := _version_here(name)) != planned.version:
        raise InfrastructureFault(
            f"forecaster {name!r} has result version {version} on node {node}, and {planned.version} here; install the "
            "same versions on all nodes"
        )
    return provider_of(forecasters[name].plugin)


@lru_cache(maxsize=256)
def _version_here(name: str) -> str:
    return forecaster_version(name, installed_catalog().forecasters)


class _NodeProcesses:
    """The template server and the supervisor of this process of Ray, which runs one task after the other."""

    def __init__(self) -> None:
        self.server = TemplateServer()
        self._supervisor: Supervisor | None = None
        self._started_with: object = None
        threading.Thread(target=_end_with_node, args=(os.getppid(),), daemon=True).start()

    def supervisor(
        self, home: Path, options: CellOptions, plugins: str, accelerators: dict[str, list[str]]
    ) -> Supervisor:
        """The supervisor; a new one after its end, for another command, or for other accelerators."""
        wanted = home, options, plugins, accelerators
        if self._supervisor is not None and not (self._supervisor.is_alive and self._started_with == wanted):
            self._supervisor.close()
            self._supervisor = None
        if self._supervisor is None:
            self._supervisor, self._started_with = Supervisor(home, options, plugins), wanted
        return self._supervisor

    def close(self) -> None:
        """End them."""
        if self._supervisor is not None:
            self._supervisor.close()
        self.server.close()


def _end_with_node(raylet: int) -> None:
    """End this process when Ray's process of the node has ended, of which the driver is not told while a task runs."""
    while os.getppid() == raylet:
        time.sleep(LOOK)
    os._exit(1)


@lru_cache(maxsize=1)
def _processes() -> _NodeProcesses:
    processes = _NodeProcesses()
    atexit.register(processes.close)
    return processes
