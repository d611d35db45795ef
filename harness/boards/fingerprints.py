"""Fingerprints of datasets, remembered, so that a run with nothing to do loads no data."""

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
    """The fingerprint of each dataset, and which tasks are known to fit it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "fingerprints.json"
        self._known: dict[str, Any] = read_json(self.path) or {}
        self._panels: dict[str, Panel] = {}

    def of(self, dataset: Registered[DatasetSpec]) -> str:
        """The fingerprint; raises DataUnavailable if the data is not here, BadData if it cannot be used."""
        state = self._state(dataset)
        if "values" not in self._known.get(state, {}):
            panel = self._panel(dataset)
            self._known[state] = {"fingerprint": panel.fingerprint(), "values": panel.values.size, "tasks": []}
            write_json(self.path, self._known)
        return str(self._known[state]["fingerprint"])

    def size(self, dataset: Registered[DatasetSpec]) -> int:
        """How many values the data holds."""
        self.of(dataset)
        return int(self._known[self._state(dataset)]["values"])

    def check(self, dataset: Registered[DatasetSpec], task: Task) -> None:
        """Raise BadTask if the task does not fit the data; what was found to fit is remembered."""
        state = self._state(dataset)
        self.of(dataset)
        asked = hashlib.sha256(json.dumps(task.to_json(), sort_keys=True).encode()).hexdigest()
        if asked in self._known[state]["tasks"]:
            return
        from harness.tasks.folds import backtest

        backtest(task, self._panel(dataset))
        self._known[state]["tasks"].append(asked)
        write_json(self.path, self._known)

    def _panel(self, dataset: Registered[DatasetSpec]) -> Panel:
        name = dataset.spec.name
        if name not in self._panels:
            self._panels[name] = load(dataset.spec, self.home)
        return self._panels[name]

    def _state(self, dataset: Registered[DatasetSpec]) -> str:
        """All that could change the data, without reading it."""
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
