"""The journal: finished runs as files, written atomically; everything else is derived from it.

<home>/journal/cells/<key>/record.json        the run; a cell is finished when this file exists
<home>/journal/cells/<key>/<draft>-*.npy      its arrays, named in the record with their checksums
<home>/journal/actuals/<hash>/<draft>-*.npy   the actuals, shared by all forecasters of a task
<home>/journal/locks/<key>                    the process that runs a cell
<home>/journal/index.json                     the status of each cell, as long as its files do not change
<home>/damaged/<time>-<id>-<key>/             the files of a cell that were damaged; it is pending again
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.data.damage import Identity, identity_of, set_aside
from harness.data.storage import remove_abandoned
from harness.errors import DamagedFile, HomeUnusable
from harness.evaluation.run import EVALUATION_VERSION, Run
from harness.results.folders import RECORD, commit, is_complete, remove_leftovers
from harness.results.index import Index, Outcome, State, state_of
from harness.results.record import Record, record_fields, record_in
from harness.results.stored_actuals import read_actuals, write_actuals
from harness.results.stored_arrays import arrays_of, terms_of
from harness.tasks.task import Task

if TYPE_CHECKING:
    from harness.evaluation.outcomes import Actuals
    from harness.evaluation.scoring import Terms

T = TypeVar("T")


class Journal:
    """The runs of one home folder.

    What is damaged is moved to <home>/damaged/, and a warning is logged; its cell is then as one that was not run.
    Every method that reads a record raises LaterVersion if a later version of harness wrote it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cells = home / "journal" / "cells"
        self.actuals = home / "journal" / "actuals"

    def write(self, run: Run) -> None:
        """Store a run, replacing an older one of the same key: the arrays first, then the record, atomically.

        Raises InfrastructureFault if it cannot be written.
        """
        arrays = {} if run.results is None else arrays_of(run.results)
        commit(self.cells / run.key, self.home, arrays, record_fields(run))

    def write_scores(self, rescored: Record) -> None:
        """Store the scores and terms of a record that was scored again, its run with its arrays.

        The forecasts are kept as they are. Nothing is written where the record was replaced since it was read. Raises
        InfrastructureFault if they cannot be written.
        """
        run, present = rescored.run, self.record(rescored.run.key)
        if run.results is None or present is None or present.arrays != rescored.arrays:
            return
        kept = {name: file for name, file in rescored.arrays.items() if name != "terms"}
        commit(self.cells / run.key, self.home, {"terms": terms_of(run.results)}, record_fields(run), kept)

    def record(self, key: str) -> Record | None:
        """The record of a run and its files, None if there is none."""
        folder = os.path.join(self.cells, key)
        try:
            return record_in(folder)
        except DamagedFile:
            found = identity_of(folder)
        try:
            return record_in(folder)  # another process may have replaced it meanwhile
        except DamagedFile as error:
            self.set_aside(error, found)
            return None

    def set_aside(self, error: DamagedFile, found: Identity | None = None) -> None:
        """Move the damaged folder of a cell away, which makes the cell pending again.

        One that another process writes to since it was found stays.
        """
        set_aside(error, self.home, "its cell is pending again: run its board", found)

    def read(self, key: str) -> Run | None:
        """The record of a run, None if there is none."""
        return None if (record := self.record(key)) is None else record.run

    def read_with_results(self, key: str) -> Run | None:
        """A run with its arrays, the large ones memory-mapped; None if there is none."""
        return self._from_record(key, Record.with_results)

    def read_terms(self, key: str, metric: str) -> Terms | None:
        """The terms of a metric in each window of a run; None if there is none, or if they were not stored."""
        return self._from_record(key, lambda record: record.terms(metric))

    def read_verified(self, key: str) -> Record | None:
        """The record of a run whose terms are not damaged, None if there is none."""

        def verified(record: Record) -> Record:
            record.verify_terms()
            return record

        return self._from_record(key, verified)

    def _from_record(self, key: str, read: Callable[[Record], T]) -> T | None:
        """What is read from the files of a record; None if there is none, or if they are damaged."""
        found, record = identity_of(self.cells / key), self.record(key)
        while record is not None:
            try:
                return read(record)
            except DamagedFile as error:
                before, found = found, identity_of(self.cells / key)
                latest = self.record(key)
                if latest is not None and latest.arrays == record.arrays:
                    self.set_aside(error, before)
                    return None
                record = latest  # another process replaced it meanwhile
        return None

    def state(self, key: str) -> State:
        """When the record of a cell was written, and the status of its run; None if the cell has to be run.

        A cell of which an array is lost or truncated has to be run again.
        """
        written = self.modified(key)
        outcome = self._outcome(key)
        if outcome is None:
            return State(self.modified(key) if written else 0, None)
        return State(written, outcome.status, outcome.strict)

    def _outcome(self, key: str) -> Outcome | None:
        found, record = identity_of(self.cells / key), self.record(key)
        if record is None:
            return None
        if lost := record.lost_arrays():
            self.set_aside(DamagedFile(record.folder, f"{', '.join(lost)}: lost or truncated"), found)
            return None
        remove_leftovers(self.cells / key)
        return Outcome.of(record.run)

    def save_index(self) -> None:
        """Store what helps the next process to find the state of cells; nothing here."""

    def keys(self) -> Iterator[str]:
        """The keys of all finished cells."""
        for key in sorted(self.folders()):
            if self.has(key):
                yield key

    def folders(self) -> frozenset[str]:
        """The names of the folders of cells: the keys of finished cells, and maybe of others."""
        return frozenset(os.listdir(self.cells)) if self.cells.is_dir() else frozenset()

    def has(self, key: str) -> bool:
        """Whether the cell is finished."""
        return os.path.isfile(os.path.join(self.cells, key, RECORD))

    def modified(self, key: str) -> int:
        """When the record was written, in nanoseconds; 0 if there is none.

        It tells one record from another, and not which is the later one: the clock may have been set back.
        """
        try:
            return os.stat(os.path.join(self.cells, key, RECORD)).st_mtime_ns
        except OSError:
            return 0

    def digest(self, key: str) -> str:
        """A hash of the record, which a copy of the home keeps; empty if there is none."""
        try:
            return hashlib.sha256((self.cells / key / RECORD).read_bytes()).hexdigest()[:16]
        except OSError:
            return ""

    def has_actuals(self, fingerprint: str, task: Task) -> bool:
        """Whether the actuals of a task are stored."""
        return is_complete(self.actuals_folder(fingerprint, task))

    def actuals_folder(self, fingerprint: str, task: Task) -> Path:
        """The folder of the actuals of a task."""
        return self.actuals / _task_hash(fingerprint, task)

    def write_actuals(self, fingerprint: str, task: Task, actuals: Actuals) -> None:
        """Store the actuals of a task, once for all forecasters; raises InfrastructureFault if it is impossible."""
        write_actuals(self.actuals_folder(fingerprint, task), self.home, actuals)

    def read_actuals(self, fingerprint: str, task: Task) -> Actuals | None:
        """The actuals of a task, None if they were not stored."""
        folder = self.actuals_folder(fingerprint, task)
        found = identity_of(folder)
        try:
            return read_actuals(folder, self.home, fingerprint, task)
        except DamagedFile as error:
            set_aside(error, self.home, "a cell of its task is pending again, which writes it: run its board", found)
            return None


class CachedJournal(Journal):
    """A journal that parses each record once, until its files change, and remembers the status of each in the home."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._records: dict[str, tuple[object, Record | None]] = {}  # with the state of its files
        self._provenances: dict[bytes, Mapping[str, Any]] = {}  # by their content
        self._index: Index | None = None

    def record(self, key: str) -> Record | None:
        """The record of a run and its files, None if there is none."""
        state = state_of(os.path.join(self.cells, key))
        if state is None or key not in self._records or self._records[key][0] != state:
            record = super().record(key)
            self._records[key] = state, None if record is None else self._with_shared_provenance(record)
        return self._records[key][1]

    def _with_shared_provenance(self, record: Record) -> Record:
        """The record with the provenance of an earlier one if it is the same, of which there are few and large ones."""
        provenance: Any = record.run.provenance
        shared = self._provenances.setdefault(marshal.dumps(provenance, 2), provenance)
        return replace(record, run=replace(record.run, provenance=shared))

    def read_verified(self, key: str) -> Record | None:
        """The record of a run whose terms are not damaged, None if there is none."""
        state = state_of(os.path.join(self.cells, key))
        record = super().read_verified(key)
        if record is None or state is None or self.index.outcome(key, state) is not None:
            return record
        if not record.lost_arrays():
            self.index.note(key, state, Outcome.of(record.run))
        return record

    def _outcome(self, key: str) -> Outcome | None:
        state = state_of(os.path.join(self.cells, key))
        outcome = None if state is None else self.index.outcome(key, state)
        if outcome is None and (outcome := super()._outcome(key)) is not None and state is not None:
            self.index.note(key, state, outcome)
        return outcome

    @property
    def index(self) -> Index:
        """The status of each cell, as it was last known."""
        if self._index is None:
            self._index = Index(self.home)
        return self._index

    def save_index(self) -> None:
        """Store the status of each cell that is known, for the next process."""
        self.index.save()


def prepare_home(home: Path) -> Path:
    """The home folder, created if necessary; raises HomeUnusable if it cannot be written to."""
    try:
        for folder in (
            home,
            home / "journal",
            home / "journal" / "cells",
            home / "journal" / "actuals",
            home / "boards",
        ):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
            remove_abandoned(folder)
        for folder in (home / "boards").iterdir():
            remove_abandoned(folder)
    except OSError as error:
        raise HomeUnusable(
            f"the home folder {home} cannot be written to ({error.strerror}); name another by --home or HARNESS_HOME"
        ) from error
    return home


def _task_hash(fingerprint: str, task: Task) -> str:
    text = json.dumps([EVALUATION_VERSION, fingerprint, task.to_json()], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
