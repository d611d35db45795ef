"""The table of executors. A new one is a class that implements `Executor`, and an entry here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import BadInput, UnknownName
from harness.execution.executors.cpu_count import usable_cpus
from harness.execution.executors.executor import Executor, ExecutorClass
from harness.execution.executors.in_process import InProcess
from harness.execution.executors.local import LocalProcesses
from harness.execution.executors.ray_cluster import RayCluster
from harness.execution.options import CellOptions

EXECUTORS: Mapping[str, ExecutorClass] = {"in-process": InProcess, "local": LocalProcesses, "ray": RayCluster}
WITH_ADDRESS = ("ray",)  # those that take one, as in "ray://host:10001"


def executor_name(jobs: int | None, where: str | None = None) -> str:
    """The executor of that name, or for a number of jobs: this process for 0, else worker processes on this machine.

    Raises BadInput for an unknown name, and for 0 jobs elsewhere.
    """
    if where is None:
        return "in-process" if jobs == 0 else "local"
    kind, separator, _ = where.partition("://")
    if kind not in EXECUTORS or (separator and kind not in WITH_ADDRESS):
        address = where if where.rpartition(":")[2].isdecimal() else "HOST:PORT"
        raise BadInput(
            f"--on takes ray or ray://HOST:PORT, not {where!r}; for a cluster without Ray Client, set "
            f"RAY_ADDRESS={address.rpartition('://')[2]} and write --on ray"
        )
    if jobs == 0 and kind != "in-process":
        raise BadInput(f"--jobs 0 runs the cells in this process, and --on {where} elsewhere; leave out one of them")
    return where


def make_executor(
    name: str,
    home: Path,
    cells: Sequence[PlannedCell],
    jobs: int | None = None,
    options: CellOptions | None = None,
) -> Executor:
    """The executor of that name, by default with as many jobs as this process may use CPUs, or the cluster has.

    Raises UnknownName, and BadInput if there is no cluster.
    """
    kind, separator, _ = name.partition("://")
    if kind not in EXECUTORS:
        raise UnknownName("executor", name, EXECUTORS)
    if kind in WITH_ADDRESS:
        return RayCluster(home.resolve(), cells, jobs or 0, options, address=name if separator else None)
    return EXECUTORS[kind](home.resolve(), cells, usable_cpus() if jobs is None else jobs, options)
