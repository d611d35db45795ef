"""Storing: an executor whose runs are in the store of the home when their futures are done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from harness.boards.planning import PlannedCell
from harness.errors import InfrastructureFault
from harness.evaluation.parts import PartEnd, Split
from harness.execution.executors.executor import Executor, Outcome
from harness.results.journal import Journal
from harness.results.remote.items import ACTUALS, CELLS, part_item
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.remote_parts import exchange_parts, push_part, reject_parts, remove_parts
from harness.results.remote.store import StoreUnavailable
from harness.results.stored_parts import StoredParts


class Storing:
    """Another executor, which stores each part and each run, and before it the actuals of its task."""

    def __init__(self, executor: Executor, remote: RemoteHome) -> None:
        self._executor, self._remote = executor, remote
        self.takes_parts = executor.takes_parts
        self._stored: set[str] = set()  # actuals
        self._unstored = set[str]()  # keys of finished cells
        self._closed = threading.Event()

    @property
    def awaited(self) -> str:
        """The store or the cluster, while it does not answer."""
        return self._remote.patience.awaited or self._executor.awaited

    @property
    def slots(self) -> int:
        """How many cells run at the same time."""
        return self._executor.slots

    @property
    def unstored(self) -> frozenset[str]:
        """The keys of the cells that are finished, and not in the store yet."""
        return frozenset(self._unstored)

    def has_room(self, planned: PlannedCell) -> bool:
        """Whether a cell could start now."""
        return self._executor.has_room(planned)

    def submit(self, planned: PlannedCell) -> Future[Outcome]:
        """The run of a cell, or of a part; raises StoreUnavailable where it is in the local copy only.

        It waits for a store that does not answer, until that is given up.
        """
        stored: Future[Outcome] = Future()

        def store(done: Future[Any]) -> None:
            try:
                outcome = done.result()
                if self._closed.is_set():
                    raise InfrastructureFault("the run was stopped")
                outcome = self._stored_outcome(planned, outcome)
            except BaseException as error:
                stored.set_exception(error)
            else:
                stored.set_result(outcome)

        self._executor.submit(planned).add_done_callback(store)
        return stored

    def close(self) -> None:
        """Stop all running cells; what was computed and is not stored is stored by the next command."""
        self._closed.set()
        self._executor.close()

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do what needs the store, for which it waits until it is given up, or the run was stopped."""
        self._remote.patience.attempt(action, self._closed)

    def _stored_outcome(self, planned: PlannedCell, outcome: Outcome) -> Outcome:
        """Store what was computed; the outcome with what other machines stored."""
        if isinstance(outcome, Split):
            return self._exchanged(planned, outcome)
        if isinstance(outcome, PartEnd):
            assert planned.part is not None
            part = planned.part
            self._attempt(lambda: push_part(self._remote, planned.key, part))
            return StoredParts(self._remote.home, planned.key).end(part) or outcome
        self._unstored.add(planned.key)
        try:
            self._attempt(lambda: self._store(planned))
        finally:
            self._unstored.discard(planned.key)
        return outcome

    def _exchanged(self, planned: PlannedCell, split: Split) -> Split:
        """The parts that are pending after those of other machines were read."""
        reject_parts(self._remote, planned.key, split.parts)
        self._attempt(lambda: exchange_parts(self._remote, planned.key))
        stored = StoredParts(self._remote.home, planned.key)
        plan = stored.plan()
        return split if plan is None else Split(stored.pending(plan))

    def _store(self, planned: PlannedCell) -> None:
        actuals = Journal(self._remote.home).actuals_folder(planned.fingerprint, planned.cell.task).name
        if actuals not in self._stored:
            self._remote.push(f"{ACTUALS}/{actuals}")
            self._stored.add(actuals)
        self._remote.push(f"{CELLS}/{planned.key}")
        if self._remote.copies.is_stored(part_item(planned.key)):
            with suppress(StoreUnavailable):  # the cell is stored, and a later run removes its parts
                remove_parts(self._remote, planned.key)
