"""Fingerprints of datasets, stored, so that a run with nothing to do loads no data."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.dataset import DatasetSpec
from harness.data.files import data_paths, load
from harness.data.storage import read_json, write_json
from harness.plugins.registry import Registered
from harness.tasks.task import Task

if TYPE_CHECKING:
    from harness.data.panel import Panel


class Fingerprints:
    """The fingerprint of each dataset, and the tasks that were checked against it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "fingerprints.json"
        self._stored: dict[str, Any] = read_json(self.path) or {}  # by the state of a dataset
        self._last: tuple[str, Panel] | None = None  # the dataset loaded last

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

        backtest(task, self._panel(dataset))
        checked.append(digest)
        write_json(self.path, self._stored)

    def _entry(self, dataset: Registered[DatasetSpec]) -> dict[str, Any]:
        """What is stored of a dataset in its present state, computed if need be."""
        state = self._state(dataset)
        if "values" not in self._stored.get(state, {}):
            panel = self._panel(dataset)
            self._stored[state] = {"fingerprint": panel.fingerprint(), "values": panel.values.size, "tasks": []}
            write_json(self.path, self._stored)
        entry: dict[str, Any] = self._stored[state]
        return entry

    def _panel(self, dataset: Registered[DatasetSpec]) -> Panel:
        name = dataset.spec.name
        if self._last is None or self._last[0] != name:
            self._last = name, load(dataset.spec, self.home)
        return self._last[1]

    def _state(self, dataset: Registered[DatasetSpec]) -> str:
        """A hash of all that could change the data: its provider, its libraries, its files' sizes and times."""
        spec = dataset.spec
        paths = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in data_paths(spec, self.home)]
        libraries = [(name, _version(name)) for name in spec.depends]
        state = json.dumps([spec.name, dataset.plugin.result_version, libraries, paths])
        return hashlib.sha256(state.encode()).hexdigest()[:32]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
