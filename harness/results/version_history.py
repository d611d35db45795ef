"""VersionHistory: the result versions of forecasters that were run with a home, and what each was a hash of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.data.damage import set_aside
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import DamagedFile

FILE = "versions.json"
SCHEMA = 1
MOST_VERSIONS = 20  # of a forecaster; older ones are forgotten


class VersionHistory:
    """The result versions of each forecaster, the latest one last. Of several processes that write, the last one wins.

    It only explains why results are stale: results never depend on it.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._versions: dict[str, dict[str, Any]] = {}
        try:
            fields = read_checked_json(self.path, SCHEMA) or {}
        except DamagedFile as error:
            set_aside(error, home, "the next run of a board writes it again")
            fields = {}
        stored = fields.get("forecasters")
        for name, versions in stored.items() if isinstance(stored, dict) else ():
            if isinstance(versions, dict):
                self._versions[name] = versions

    def versions(self, forecaster: str) -> tuple[str, ...]:
        """The versions of a forecaster, the latest one first."""
        return tuple(reversed(self._versions.get(forecaster, {})))

    def parts(self, forecaster: str, version: str) -> Mapping[str, Any] | None:
        """What a version was a hash of; None where that is not known."""
        parts = self._versions.get(forecaster, {}).get(version)
        return parts if isinstance(parts, dict) else None

    def add(self, forecaster: str, version: str, parts: Mapping[str, Any]) -> None:
        """Add a version, as the latest one."""
        versions = self._versions.setdefault(forecaster, {})
        versions.pop(version, None)
        versions[version] = dict(parts)
        for oldest in list(versions)[:-MOST_VERSIONS]:
            del versions[oldest]

    def save(self) -> None:
        """Store the history."""
        write_checked_json(self.path, {"forecasters": self._versions}, SCHEMA)
