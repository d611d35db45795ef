"""Provider: how a process that has not loaded a plugin finds it, and notices that it has changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from harness.plugins.discovery import Plugin
from harness.plugins.environments.environment import Environment
from harness.plugins.environments.plugins import EnvironmentPlugin
from harness.plugins.forecaster_names import AT
from harness.plugins.module_files import file_states, state_of


@dataclass(frozen=True)
class Provider:
    """The entry point of a plugin, the environment that it is in, and the state of its files."""

    plugin: str  # its distinct name
    distribution: str
    entry_point: str  # its name
    value: str  # "package.module" or "package.module:object"
    files: tuple[str, ...] = ()
    state: str = ""  # a hash of the sizes and times of all files
    file: str = ""  # the path of a plugin that is a single file
    environment: Environment | None = None  # None: the interpreter of this process

    def is_unchanged(self) -> bool:
        """Whether its files are as they were."""
        return state_of(self.files) == self.state

    def to_request(self) -> dict[str, str]:
        """What a request to a worker tells of the plugin."""
        told = {"name": self.entry_point, "value": self.value, "distribution": self.distribution}
        return {**told, "file": self.file} if self.file else told

    def name_there(self, forecaster: str) -> str:
        """The name by which the plugin provides a forecaster, without that of the environment."""
        return forecaster if self.environment is None else forecaster.removesuffix(f"{AT}{self.environment.name}")

    def __str__(self) -> str:
        return f"{self.plugin} ({self.distribution})"


@lru_cache(maxsize=256)  # by value: the plugins of a command
def provider_of(plugin: Plugin) -> Provider | None:
    """The provider; None for a plugin that is no entry point, but an object given by the caller."""
    if not plugin.value:
        return None
    environment = None
    if isinstance(plugin, EnvironmentPlugin):
        files, state, environment = plugin.described_files, plugin.state, plugin.environment
    else:
        locations = (path for paths in plugin.files.locations.values() for path in paths)
        files = tuple(path for _, path, _, _ in file_states(locations))
        state = state_of(files)
    return Provider(
        plugin.name,
        plugin.distribution,
        plugin.entry_point,
        plugin.value,
        files,
        state,
        plugin.file,
        environment,
    )
