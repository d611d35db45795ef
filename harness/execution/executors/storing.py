"""Storing: an executor whose runs are in the store of the home when their futures are done."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

from harness.boards.planning import PlannedCell
from harness.errors import InfrastructureFault
from harness.evaluation.run import Run
from harness.execution.executors.executor import Executor
from harness.results.journal import Journal
from harness.results.remote.items import ACTUALS, CELLS
from harness.results.remote.remote_home import RemoteHome


class Storing:
    """Another executor, which stores each run, and before it the actuals of its task."""

    takes_parts = False  # which are in the local copy only

    def __init__(self, executor: Executor, remote: RemoteHome) -> None:
        self._executor, self._remote = executor, remote
        self._stored: set[str] = set()  # actuals
        self._closed = threading.Event()

    @property
    def slots(self) -> int:
        """How many cells run at the same time."""
        return self._executor.slots

    def has_room(self, planned: PlannedCell) -> bool:
        """Whether a cell could start now."""
        return self._executor.has_room(planned)

    def submit(self, planned: PlannedCell) -> Future[Run]:
        """The run of a cell; raises StoreUnavailable where it is in the local copy only."""
        stored: Future[Run] = Future()

        def store(done: Future[Any]) -> None:
            try:
                run = done.result()
                assert isinstance(run, Run)
                if self._closed.is_set():
                    raise InfrastructureFault("the run was stopped")
                self._store(planned)
            except BaseException as error:
                stored.set_exception(error)
            else:
                stored.set_result(run)

        self._executor.submit(planned).add_done_callback(store)
        return stored

    def close(self) -> None:
        """Stop all running cells; what was computed and is not stored is stored by the next command."""
        self._closed.set()
        self._executor.close()

    def _store(self, planned: PlannedCell) -> None:
        actuals = Journal(self._remote.home).actuals_folder(planned.fingerprint, planned.cell.task).name
        if actuals not in self._stored:
            self._remote.push(f"{ACTUALS}/{actuals}")
            self._stored.add(actuals)
        self._remote.push(f"{CELLS}/{planned.key}")
