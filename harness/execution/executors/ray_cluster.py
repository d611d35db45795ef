"""The executor of a Ray cluster: each cell is a Ray task, in which a supervisor runs it on one of the nodes.

Ray decides only where a cell runs, by the threads, the memory and the devices that it needs. Tries, limits and the
attribution of failures are those of the local executor: Ray repeats no task. A node that is lost, a worker process of
Ray that ends, and a task that Ray's memory monitor ends are infrastructure faults, so the cell is tried again on
another node, and otherwise stays pending.

The home folder has to be at the same path on all nodes, since supervisors read panels there and write records there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.boards.planning import PlannedCell
from harness.data.damage import warn
from harness.errors import BadInput, HarnessError, InfrastructureFault
from harness.execution.devices import NO_GPU, NONE, VARIABLE
from harness.execution.executors.cpu_count import usable_cpus
from harness.execution.executors.executor import Outcome
from harness.execution.executors.local import needed_plugins
from harness.execution.executors.panel_storing import PanelStoring
from harness.execution.executors.ray_demand import (
    CPU,
    RayNodes,
    ScarceResources,
    cell_demand,
    demand_text,
    task_options,
)
from harness.execution.executors.ray_node import NodeRequest, run_on_node
from harness.execution.executors.tries import run_with_tries
from harness.execution.options import CellOptions
from harness.fields.libraries import install_command

if TYPE_CHECKING:
    from types import ModuleType

MOST_SLOTS = 1000  # cells that wait for Ray or run there, of which each has a thread here
CONNECTS = 10.0  # seconds that a connection to a cluster may take
CANCEL = 0.5  # seconds until a task that runs on is cancelled again: Ray ignores one that is just starting
LOOK = 5.0  # seconds between looks at the size of the cluster
SETTINGS = {  # of the cluster that is started here, and of the connection to another one
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # nodes have their environments already
    "RAY_memory_monitor_refresh_ms": "0",  # the supervisor limits memory
    "RAY_task_oom_retries": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
}
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}


class RayCluster:
    """Runs cells on the nodes of a Ray cluster, several at a time.

    `address` is that of a cluster, such as "ray://host:10001". Without one it is RAY_ADDRESS; where that is not set,
    a cluster of this machine is started, and ended by `close`.
    """

    def __init__(
        self,
        home: Path,
        cells: Sequence[PlannedCell],
        jobs: int = 0,
        options: CellOptions | None = None,
        address: str | None = None,
    ) -> None:
        self.home, self.options = home, CellOptions() if options is None else options
        self._with_gpus = _uses_gpus(self.options.devices)
        self._ray = _connected(address)
        self.takes_parts = self.options.parts and not self.options.strict
        self._most = min(jobs or MOST_SLOTS, MOST_SLOTS, MOST_SLOTS if self.takes_parts else len(cells))
        self._looked, self._nodes = -LOOK, RayNodes()
        self._scarce = ScarceResources()
        self._plugins = needed_plugins()
        self._panels = PanelStoring(home)
        self._closed = threading.Event()
        self._task = self._ray.remote(max_retries=0)(run_on_node)
        self._running: set[Any] = set()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max(1, self._most), thread_name_prefix="harness-ray")

    @property
    def slots(self) -> int:
        """As many cells as the cluster has processors, at most `jobs`; a cluster may grow."""
        self._look()
        return max(1, min(self._most, int(self._nodes.total(CPU))))

    def has_room(self, planned: PlannedCell) -> bool:
        """Whether a cell could start now: Ray lets it wait for a processor, but many would wait for few GPUs."""
        if planned.resources.device == "cpu" and not planned.resources.custom:
            return True
        self._look()
        with self._lock:
            return self._scarce.has_room(self._demand(planned), self._nodes)

    def submit(self, planned: PlannedCell) -> Future[Outcome]:
        """A future run."""
        demand = self._demand(planned)
        with self._lock:
            self._scarce.add(demand)
        return self._threads.submit(self._run, planned, demand)

    def close(self) -> None:
        """Cancel the cells that run, and leave the cluster; one that was started here ends."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        while tasks := self._tasks():
            for task in tasks:
                with contextlib.suppress(Exception):  # such as of a connection that is lost
                    self._ray.cancel(task, force=True)
            time.sleep(CANCEL)
        self._threads.shutdown(wait=True)
        self._ray.shutdown()

    def _tasks(self) -> list[Any]:
        """The tasks whose end was not seen yet."""
        with self._lock:
            return list(self._running)

    def _look(self) -> None:
        """Look at the nodes again, unless it was done a moment ago."""
        now = time.monotonic()
        if now - self._looked > LOOK:
            self._looked = now
            with contextlib.suppress(Exception):  # a connection that is lost is noticed by the cells
                self._nodes = RayNodes([node["Resources"] for node in self._ray.nodes() if node["Alive"]])

    def _demand(self, planned: PlannedCell) -> dict[str, float]:
        return cell_demand(planned, self.options, self._nodes, with_gpus=self._with_gpus)

    def _run(self, planned: PlannedCell, demand: Mapping[str, float]) -> Outcome:
        """The run of a cell, which had this demand when it was submitted."""
        try:
            return run_with_tries(partial(self._try, planned), self._closed)
        finally:
            with self._lock:
                self._scarce.remove(demand)

    def _try(self, planned: PlannedCell, killed: str) -> Outcome:
        if planned.resources.device == "cuda" and not self._with_gpus:
            raise BadInput(NO_GPU)
        self._panels.store(planned)
        request = NodeRequest(self.home, self.options, self._plugins, planned, killed)
        task = self._submitted(request)
        try:
            result: Outcome | HarnessError = self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            raise InfrastructureFault(_reason(error)) from error
        finally:
            with self._lock:
                self._running.discard(task)
        if isinstance(result, HarnessError):
            raise result
        return result

    def _submitted(self, request: NodeRequest) -> Any:
        with self._lock:
            if self._closed.is_set():
                raise InfrastructureFault("the run was stopped")
            try:
                demand = self._demand(request.planned)
                if not self._nodes.can_meet(demand):
                    warn(f"cells wait for a node of the Ray cluster with {demand_text(demand)}; none has that")
                options = {"name": request.planned.title, **task_options(demand)}
                task = self._task.options(**options).remote(request)
            except ValueError as error:  # such as 1.5 of a resource that has whole units
                raise BadInput(f"Ray cannot give it the resources of its spec: {_first_line(error)}") from error
            except Exception as error:  # a connection that is lost raises errors of its library
                raise InfrastructureFault(f"the Ray cluster cannot be reached: {_first_line(error)}") from error
            self._running.add(task)
            return task


def _uses_gpus(chosen: str | None) -> bool:
    """Whether cells may use GPUs, of which Ray chooses those; raises BadInput where some of them are named."""
    names = None if chosen is None else {name.strip() for name in chosen.split(",")} - {""}
    if names is None or names <= {NONE}:
        return names is None
    raise BadInput(
        f"--devices {chosen}: Ray assigns the GPUs of its nodes; leave out --devices and {VARIABLE}, or choose {NONE}"
    )


def _connected(address: str | None) -> ModuleType:
    """Ray, connected to a cluster; raises BadInput if it is not installed, or there is no cluster at the address."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if command := install_command(["ray"], "forecast-harness[ray]"):
        raise BadInput(f"--on ray needs Ray, which is not installed; run `{command}`")
    place = address or os.environ.get("RAY_ADDRESS")
    if place:
        use_token()
    import ray

    environment = {"env_vars": {name: value for name, value in os.environ.items() if _is_passed(name)}}
    with _own_signals(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what goes wrong is in the error
        try:
            if place:
                _check_answers(place)
                ray.init(address=place, runtime_env=environment, **QUIET)
            else:
                ray.init(num_cpus=usable_cpus(), include_dashboard=False, runtime_env=environment, **QUIET)
        except Exception as error:  # of Ray, of gRPC, or of the operating system
            what = f"there is no Ray cluster at {place}" if place else "no Ray cluster can be started"
            token = ", name its token by RAY_AUTH_TOKEN if it wants one" if place else ""
            raise BadInput(f"{what}: {_first_line(error)}; correct the address{token}, or run without --on") from error
    return cast("ModuleType", ray)


def _is_passed(variable: str) -> bool:
    """Whether a variable of the environment is passed to processes on nodes, where Ray chooses the GPUs."""
    return variable == "PYTHONPATH" or (variable.startswith("HARNESS_") and variable != VARIABLE)


def _check_answers(address: str) -> None:
    """Raise OSError if nothing answers at an address with a port as Ray does, by gRPC: Ray would wait for minutes."""
    target = address.partition("://")[2] if "://" in address else address
    host, _, port = target.rpartition(":")
    if not (host and port.isdecimal()):
        return
    socket.create_connection((host.strip("[]"), int(port)), CONNECTS).close()  # brackets are of IPv6
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return
    import grpc  # which the client of Ray needs

    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(CONNECTS)
        except grpc.FutureTimeoutError:
            raise TimeoutError(f"what listens there does not answer as Ray does, for {CONNECTS:g} seconds") from None


def use_token() -> None:
    """Have Ray send the token of a cluster, if there is one; Ray Client does so only if a variable says it."""
    given = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if given or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


@contextmanager
def _own_signals() -> Iterator[None]:
    """A block after which signals have the handlers that they had before; Ray sets its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reason(error: Exception) -> str:
    """Why a cell has no run, though its supervisor returned none."""
    kind = type(error).__name__
    reasons = {
        "NodeDiedError": "its node of the Ray cluster was lost",
        "WorkerCrashedError": "its process on a node of the Ray cluster ended",
        "OutOfMemoryError": "Ray ended it, since its node ran out of memory",
        "TaskCancelledError": "it was cancelled",
        "RuntimeEnvSetupError": "its node of the Ray cluster could not set up its environment",
    }
    if kind in reasons:
        return reasons[kind]
    return f"it could not be run on the Ray cluster: {kind}: {_first_line(getattr(error, 'cause', None) or error)}"


def _first_line(error: BaseException) -> str:
    """The first line of an error, with the second one where the first one announces it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
