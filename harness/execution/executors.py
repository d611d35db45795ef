"""The table of executors. A new one is a class that implements `Executor`, and an entry here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import UnknownName
from harness.execution.executor import Executor, ExecutorClass
from harness.execution.in_process import InProcess
from harness.execution.local import LocalProcesses
from harness.execution.options import CellOptions

EXECUTORS: Mapping[str, ExecutorClass] = {"in-process": InProcess, "local": LocalProcesses}


def executor_name(jobs: int | None) -> str:
    """The executor for a number of jobs: this process for 0, else worker processes on this machine."""
    return "in-process" if jobs == 0 else "local"


def make_executor(
    name: str,
    home: Path,
    cells: Sequence[PlannedCell],
    jobs: int | None = None,
    options: CellOptions | None = None,
) -> Executor:
    """The executor of that name, with as many jobs as the machine has cores by default; raises UnknownName."""
    if name not in EXECUTORS:
        raise UnknownName("executor", name, EXECUTORS)
    return EXECUTORS[name](home.resolve(), cells, (os.cpu_count() or 1) if jobs is None else jobs, options)
