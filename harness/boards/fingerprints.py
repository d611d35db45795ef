"""Fingerprints of datasets, stored, so that a run with nothing to do loads no data.

A stored fingerprint is trusted for a dataset that declares what its data depends on, by `files` or `depends`, until
some of that changes. The data of any other dataset is loaded once a command.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.damage import set_aside, warn
from harness.data.dataset import DatasetSpec
from harness.data.files import data_paths, load
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import BadData, DamagedFile, DataUnavailable, HomeUnusable, InfrastructureFault, LaterVersion
from harness.plugins.registry import Registered
from harness.plugins.result_versions import installed_versions
from harness.tasks.task import Task

if TYPE_CHECKING:
    from harness.data.panel import Panel

FILE = "fingerprints.json"
SCHEMA = 1


class Fingerprints:
    """The fingerprint of each dataset, and the tasks that were checked against it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / FILE
        self._stored, self._is_ours = _read(self.path, home)  # by the state of a dataset
        self._confirmed: set[str] = set()  # states of datasets that were loaded by this object
        self._trusts_stored = True
        self._last: tuple[str, Panel] | None = None  # the dataset loaded last, by its state

    def load_anew(self) -> None:
        """Load every dataset once more, whatever is stored of it."""
        self._trusts_stored = False

    def of(self, dataset: Registered[DatasetSpec]) -> str:
        """The fingerprint; raises DataUnavailable for missing files, BadData for data that cannot be used."""
        return str(self._entry(dataset)["fingerprint"])

    def size(self, dataset: Registered[DatasetSpec]) -> int:
        """The number of values of the dataset."""
        return int(self._entry(dataset)["values"])

    def check(self, dataset: Registered[DatasetSpec], task: Task) -> None:
        """Raise BadTask if the task does not fit the data; a task that fits is checked once."""
        checked = self._entry(dataset)["tasks"]
        digest = hashlib.sha256(json.dumps(task.to_json(), sort_keys=True).encode()).hexdigest()
        if digest in checked:
            return
        from harness.tasks.folds import backtest

        backtest(task, self._panel(dataset, self._state(dataset)))
        checked.append(digest)
        self._save()

    def forget(self, dataset: Registered[DatasetSpec]) -> None:
        """Remove what is stored of a dataset in its present state, because its data turned out to be other."""
        state = self._state(dataset)
        self._confirmed.discard(state)
        if self._stored.pop(state, None) is not None:
            self._save()

    def keep(self, dataset: Registered[DatasetSpec], panel: Panel) -> None:
        """Use this panel of a dataset, which was just loaded, until another one is needed."""
        self._last = self._state(dataset), panel

    def release(self) -> None:
        """Release the data that was loaded last; it may be large."""
        self._last = None

    def _entry(self, dataset: Registered[DatasetSpec]) -> dict[str, Any]:
        """What is stored of a dataset in its present state, computed if need be."""
        state = self._state(dataset)
        trusted = self._trusts_stored and bool(dataset.spec.files or dataset.spec.depends or dataset.spec.local_files)
        if state in self._stored and (trusted or state in self._confirmed):
            return self._stored[state]
        panel = self._panel(dataset, state)
        self._confirmed.add(state)
        fingerprint = panel.fingerprint()
        from harness.data.panel_store import store_panel  # here, since it loads NumPy

        with contextlib.suppress(
            OSError, InfrastructureFault
        ):  # who needs it stores it again, and tells why it cannot be
            store_panel(panel, self.home)  # for the processes that evaluate it
        if state not in self._stored or self._stored[state]["fingerprint"] != fingerprint:
            self._stored[state] = {"fingerprint": fingerprint, "values": panel.values.size, "tasks": []}
            self._save()
        return self._stored[state]

    def _panel(self, dataset: Registered[DatasetSpec], state: str) -> Panel:
        if self._last is None or self._last[0] != state:
            self._last = state, load(dataset.spec, self.home)
        return self._last[1]

    def _state(self, dataset: Registered[DatasetSpec]) -> str:
        """A hash of all that could change the data: its provider, its libraries, its files' sizes and times."""
        spec = dataset.spec
        paths = [state for path in data_paths(spec, self.home) for state in _file_states(path)]
        libraries = list(installed_versions(spec.depends).items())
        parts: list[object] = [spec.name, dataset.plugin.result_version, libraries, paths]
        if spec.local_files:
            parts += [_local_states(spec), spec.settings]
        state = json.dumps(parts)
        return hashlib.sha256(state.encode()).hexdigest()[:32]

    def _save(self) -> None:
        if not self._is_ours:
            return
        try:
            write_checked_json(self.path, {"datasets": self._stored}, SCHEMA)
        except OSError as error:
            raise HomeUnusable(
                f"{self.path} cannot be written ({error.strerror}); move it away, or name another home by --home or "
                "HARNESS_HOME"
            ) from error


class KnownFingerprints(Fingerprints):
    """The stored fingerprints alone: no data is loaded or checked, and nothing is stored."""

    def check(self, dataset: Registered[DatasetSpec], task: Task) -> None:
        """Nothing is checked."""

    def _entry(self, dataset: Registered[DatasetSpec]) -> dict[str, Any]:
        """What is stored of a dataset in its present state; raises DataUnavailable if nothing is."""
        stored = self._stored.get(self._state(dataset))
        if stored is None:
            raise DataUnavailable(f"the fingerprint of dataset {dataset.spec.name!r} is not known yet")
        return stored


def stored_fingerprints(home: Path) -> list[str]:
    """The fingerprints of all data that was loaded with this home."""
    entries, _ = _read(home / FILE, home)
    return [entry["fingerprint"] for entry in entries.values()]


def load_unchanged(dataset: Registered[DatasetSpec], fingerprint: str, home: Path) -> Panel:
    """The panel of a dataset whose fingerprint is known; raises BadData if its loader returns other data.

    What is stored of the dataset is then removed, so that the next command loads it anew.
    """
    name, panel = dataset.spec.name, load(dataset.spec, home)
    if panel.fingerprint() == fingerprint:
        return panel
    Fingerprints(home).forget(dataset)
    if load(dataset.spec, home).fingerprint() != panel.fingerprint():
        raise BadData(
            f"dataset {name!r} is not deterministic: its loader returns other data each time; seed its random "
            f"generator, then see `harness check {name}`"
        )
    raise BadData(
        f"dataset {name!r} is not what it was when this command began; run it again. If this error is repeated, the "
        "loader returns other data in each process, as unseeded draws or the order of a set do"
    )


def _local_states(spec: DatasetSpec) -> list[tuple[str, int, int, int]]:
    """The states of a dataset's own files; raises DataUnavailable for one that does not exist."""
    try:
        return [state for path in spec.local_files for state in _file_states(Path(path))]
    except OSError as error:
        raise DataUnavailable(
            f"the file {error.filename} of dataset {spec.name!r} cannot be read ({error.strerror}); name it where it is"
        ) from error


def _file_states(path: Path) -> Iterator[tuple[str, int, int, int]]:
    """The path, the size and the times of a file, or of all files of a folder."""
    paths = [path]
    if path.is_dir():
        paths = sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    for file in paths:
        found = file.stat()
        yield str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns  # the last cannot be set back


def _read(path: Path, home: Path) -> tuple[dict[str, dict[str, Any]], bool]:
    """What is stored by the state of each dataset, and whether the file is not of a later version of harness."""
    try:
        fields = read_checked_json(path, SCHEMA) or {}
    except DamagedFile as error:
        set_aside(error, home, "the data is loaded again")
        return {}, True
    except LaterVersion as error:
        warn(f"{error}; the data is loaded again")
        return {}, False
    entries = fields.get("datasets") if "schema" in fields else fields  # 0.2.0 wrote the entries alone
    entries = entries if isinstance(entries, dict) else {}
    return {state: entry for state, entry in entries.items() if _is_entry(entry)}, True


def _is_entry(entry: object) -> bool:
    """Whether a stored entry is as this version writes it."""
    types = {"fingerprint": str, "values": int, "tasks": list}
    return isinstance(entry, dict) and all(isinstance(entry.get(key), wanted) for key, wanted in types.items())
