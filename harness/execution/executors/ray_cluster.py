"""The executor of a Ray cluster: each cell is a Ray task, in which a supervisor runs it on one of the nodes.

Ray decides only where a cell runs, by the threads, the memory and the devices that it needs. Tries, limits and the
attribution of failures are those of the local executor: Ray repeats no task. A node that is lost, a worker process of
Ray that ends, and a task that Ray's memory monitor ends are infrastructure faults, so the cell is tried again on
another node, and otherwise stays pending.

The home folder has to be at the same path on all nodes, since supervisors read panels there and write records there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from harness.boards.planning import PlannedCell
from harness.data.damage import warn
from harness.errors import BadInput, HarnessError, InfrastructureFault
from harness.execution.devices import NO_GPU, NONE, VARIABLE
from harness.execution.executors.executor import Outcome
from harness.execution.executors.local import needed_plugins
from harness.execution.executors.panel_storing import PanelStoring
from harness.execution.executors.ray_connection import LOOK, connected, first_line
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

MOST_SLOTS = 1000  # cells that wait for Ray or run there, of which each has a thread here
CANCEL = 0.5  # seconds until a task that runs on is cancelled again: Ray ignores one that is just starting
WAIT = 2.0  # seconds of waiting for a task, until it is looked whether the cluster answers


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
        self._ray, self._watch = connected(address)
        self.takes_parts = self.options.parts and not self.options.strict
        self._most = min(jobs or MOST_SLOTS, MOST_SLOTS, MOST_SLOTS if self.takes_parts else len(cells))
        self._looked, self._nodes = threading.Event(), RayNodes()
        self._scarce = ScarceResources()
        self._plugins = needed_plugins()
        self._panels = PanelStoring(home)
        self._closed = threading.Event()
        self._task = self._ray.remote(max_retries=0)(run_on_node)
        self._running: dict[int, Any] = {}  # by identity, since the hash of a task may need the connection
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max(1, self._most), thread_name_prefix="harness-ray")
        threading.Thread(target=self._look, name="harness-ray-nodes", daemon=True).start()

    @property
    def awaited(self) -> str:
        """The cluster, while it does not answer."""
        return self._watch.awaited

    @property
    def slots(self) -> int:
        """As many cells as the cluster has processors, at most `jobs`; a cluster may grow. One while it is away."""
        self._looked.wait(LOOK)
        return 1 if self._watch.is_away else max(1, min(self._most, int(self._nodes.total(CPU))))

    def has_room(self, planned: PlannedCell) -> bool:
        """Whether a cell could start now: Ray lets it wait for a processor, but many would wait for few GPUs."""
        if planned.resources.device == "cpu" and not planned.resources.custom:
            return True
        self._looked.wait(LOOK)
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
            return list(self._running.values())

    def _look(self) -> None:
        """Look at the nodes from time to time, in a thread of its own: Ray may not answer for a minute."""
        while not self._closed.is_set():
            with contextlib.suppress(Exception):  # a connection that is lost is noticed by the cells
                if self._watch.look():
                    self._nodes = RayNodes([node["Resources"] for node in self._ray.nodes() if node["Alive"]])
            self._looked.set()
            self._closed.wait(LOOK)

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
        self._watch.wait(self._closed)
        request = NodeRequest(self.home, self.options, self._plugins, planned, killed)
        task = self._submitted(request)
        try:
            result = self._result(task)
        except self._ray.exceptions.RayError as error:
            if not self._ray.is_initialized():
                raise self._watch.lose(first_line(error)) from error
            self._watch.wait(self._closed)  # a cluster that ends ends its tasks first
            raise InfrastructureFault(_reason(error)) from error
        except (ConnectionError, RuntimeError) as error:  # of a client whose connection is lost
            raise self._watch.lose(first_line(error)) from error
        finally:
            with self._lock:
                self._running.pop(id(task), None)
        if isinstance(result, HarnessError):
            raise result
        return result

    def _result(self, task: Any) -> Outcome | HarnessError:
        """What a task returned, which is waited for while the cluster can be reached."""
        while True:
            try:
                result: Outcome | HarnessError = self._ray.get(task, timeout=WAIT)
            except self._ray.exceptions.GetTimeoutError:
                self._watch.look()
            else:
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
                raise BadInput(f"Ray cannot give it the resources of its spec: {first_line(error)}") from error
            except Exception as error:  # a connection that is lost raises errors of its library
                raise self._watch.lose(first_line(error)) from error
            self._running[id(task)] = task
            return task


def _uses_gpus(chosen: str | None) -> bool:
    """Whether cells may use GPUs, of which Ray chooses those; raises BadInput where some of them are named."""
    names = None if chosen is None else {name.strip() for name in chosen.split(",")} - {""}
    if names is None or names <= {NONE}:
        return names is None
    raise BadInput(
        f"--devices {chosen}: Ray assigns the GPUs of its nodes; leave out --devices and {VARIABLE}, or choose {NONE}"
    )


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
    return f"it could not be run on the Ray cluster: {kind}: {first_line(getattr(error, 'cause', None) or error)}"
