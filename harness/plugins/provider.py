"""Provider: how a process that has not loaded a plugin finds it, and notices that it has changed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache

from harness.plugins.discovery import Plugin
from harness.plugins.module_files import file_states


@dataclass(frozen=True)
class Provider:
    """The entry point of a plugin, and the state of its files."""

    plugin: str  # its distinct name
    distribution: str
    entry_point: str  # its name
    value: str  # "package.module" or "package.module:object"
    files: tuple[str, ...] = ()
    state: str = ""  # a hash of the sizes and times of all files
    file: str = ""  # the path of a plugin that is a single file

    def is_unchanged(self) -> bool:
        """Whether its files are as they were."""
        return _state(self.files) == self.state

    def to_request(self) -> dict[str, str]:
        """What a request to a worker tells of the plugin."""
        told = {"name": self.entry_point, "value": self.value, "distribution": self.distribution}
        return {**told, "file": self.file} if self.file else told

    def __str__(self) -> str:
        return f"{self.plugin} ({self.distribution})"


@lru_cache(maxsize=256)  # by value: the plugins of a command
def provider_of(plugin: Plugin) -> Provider | None:
    """The provider; None for a plugin that is no entry point, but an object given by the caller."""
    if not plugin.value:
        return None
    locations = (path for paths in plugin.files.locations.values() for path in paths)
    files = tuple(path for _, path, _, _ in file_states(locations))
    return Provider(
        plugin.name, plugin.distribution, plugin.entry_point, plugin.value, files, _state(files), plugin.file
    )


def _state(files: tuple[str, ...]) -> str:
    states = []
    for file in files:
        try:
            found = os.stat(file)
        except OSError:
            return "a file is gone"
        states.append(f"{found.st_size} {found.st_mtime_ns}")
    return hashlib.sha256("\n".join(states).encode()).hexdigest()
