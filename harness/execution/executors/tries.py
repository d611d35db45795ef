"""Tries of a cell: one that could not be run for a reason outside of the forecaster is run again."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from harness.errors import InfrastructureFault, ProcessKilled
from harness.execution.executors.executor import ClusterUnavailable
from harness.execution.options import TRIES
from harness.plugins.environments.environment import EnvironmentUnusable

T = TypeVar("T")
PAUSE = 0.5  # seconds before the second try; twice as long before each later one


def run_with_tries(run: Callable[[str], T], closed: threading.Event) -> T:
    """What `run` returns; after an InfrastructureFault it is called again, at most TRIES times, unless `closed` is set.

    Its argument is empty but in the last try of a cell whose forecaster's process was killed in the same way each
    time: the forecaster did that itself, and another try would not help. Then it is how the process was killed, as
    `run_cell` takes it.
    """
    killed: list[str] = []
    for tried in range(TRIES + 1):
        try:
            is_last = tried == TRIES and len(killed) == TRIES and len(set(killed)) == 1
            return run(killed[0] if is_last else "")
        except InfrastructureFault as fault:
            if isinstance(fault, ProcessKilled):
                killed.append(str(fault))
            if isinstance(fault, EnvironmentUnusable | ClusterUnavailable):  # another try would not help
                raise
            if tried == TRIES:
                raise InfrastructureFault(f"{fault} (tried {TRIES + 1} times)") from fault
            # not in step with another cell that is tried again, which may be the reason
            if closed.wait(PAUSE * 2**tried * random.uniform(0.5, 1.5)):
                raise
    raise AssertionError
