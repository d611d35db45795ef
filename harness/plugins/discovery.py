"""Finding and loading plugins: entry points of installed distributions, and objects given by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

from harness.attempt import Failure, attempt
from harness.errors import BadInput, UnknownName
from harness.plugins import hookspecs

if TYPE_CHECKING:
    from harness.evaluation.metrics import Metric
    from harness.plugins.formats import ReportFormat
    from harness.tasks.protocols import Protocol

GROUP = "harness"  # of entry points
HOOKS = tuple(name for name in dir(hookspecs) if name.startswith("harness_"))


@dataclass(frozen=True)
class Plugin:
    """A plugin: an entry point of an installed distribution, or an object given by the caller."""

    name: str
    module: str
    package: Distribution | None = field(default=None, compare=False, repr=False)
    problem: str = ""  # why it could not be loaded

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"

    @property
    def distribution(self) -> str:
        """The name of the distribution that it was installed with."""
        return self.name if self.package is None else _name_and_version(self.package)[0]

    @property
    def version(self) -> str:
        """The version of that distribution."""
        return "0" if self.package is None else _name_and_version(self.package)[1]

    @cached_property
    def result_version(self) -> str:
        """The plugin's part of a cell's key: the version and a hash of the source."""
        source = _source(self.module)
        if source is None:
            return f"{self.distribution}=={self.version}"
        import hashlib

        digest = hashlib.sha256()
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            digest.update(str(path.relative_to(source.parent)).encode())
            digest.update(path.read_bytes())
        return f"{self.distribution}=={self.version}:{digest.hexdigest()[:32]}"


@lru_cache
def _name_and_version(package: Distribution) -> tuple[str, str]:
    return package.name, package.version


def _source(module: str) -> Path | None:
    """The source of a plugin: the folder of its package, or its one file."""
    import importlib.util

    spec = importlib.util.find_spec(module.partition(".")[0])
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


class BuiltIn:
    """The plugin of the core itself."""

    @staticmethod
    @hookspecs.hookimpl
    def harness_metrics() -> list[Metric]:
        """The standard metrics."""
        from harness.evaluation.metrics import METRICS

        return list(METRICS)

    @staticmethod
    @hookspecs.hookimpl
    def harness_reports() -> list[ReportFormat]:
        """CSV, Markdown and HTML."""
        from harness.plugins.formats import BUILT_IN

        return list(BUILT_IN)

    @staticmethod
    @hookspecs.hookimpl
    def harness_protocols() -> list[type[Protocol]]:
        """Rolling-origin evaluation and free-running generation."""
        from harness.tasks.protocols import PROTOCOLS

        return list(PROTOCOLS)


class LoadedPlugins:
    """The plugins that were loaded, with pluggy's manager of their hooks, and the problems of those that were not."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: dict[str, Plugin] = {}
        self.problems: list[str] = []

    def load(self, point: EntryPoint) -> None:
        """Import the module of an entry point and register its hooks; a failure is noted as a problem."""
        plugin = Plugin(point.name, point.module, point.dist)
        if plugin.name in self.plugins:
            first = self.plugins[plugin.name]
            self.problems.append(f"two plugins are called {plugin.name!r}: {first} and {plugin}")
            return
        module: ModuleType | Failure = attempt(point.load)
        if isinstance(module, Failure):
            self._report_problem(plugin, f"cannot be imported: {module}")
            return
        self.register(plugin, module)

    def register(self, plugin: Plugin, implementation: object) -> None:
        """Register the hooks of a module or an object."""
        registered = attempt(lambda: self.manager.register(implementation, plugin.name))
        if isinstance(registered, Failure):
            reason = " ".join(str(registered.error).split())
            self._report_problem(plugin, f"has a hook that does not fit: {reason}")
            return
        self.plugins[plugin.name] = plugin
        unknown = [name for name in _marked_hooks(implementation) if name not in HOOKS]
        if unknown:
            self.problems.append(f"plugin {plugin}: {UnknownName('hook', unknown[0], HOOKS)}")

    def _report_problem(self, plugin: Plugin, problem: str) -> None:
        self.plugins[plugin.name] = replace(plugin, problem=problem)
        self.problems.append(f"plugin {plugin} {problem}")


def load_plugins(extra: Mapping[str, object] | None = None) -> LoadedPlugins:
    """Load the core's own plugin, every installed one, and `extra` objects by name."""
    loaded = LoadedPlugins()
    loaded.register(Plugin("harness", "harness", _own_distribution()), BuiltIn)
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        loaded.load(point)
    for name, implementation in (extra or {}).items():
        loaded.register(Plugin(name, name), implementation)
    return loaded


def _marked_hooks(implementation: object) -> list[str]:
    """The names of an object's functions that are marked as hooks."""
    names = [name for name in dir(implementation) if name.startswith("harness_")]
    return [name for name in names if hasattr(getattr(implementation, name), f"{hookspecs.PROJECT}_impl")]


def _own_distribution() -> Distribution:
    try:
        return distribution("forecast-harness")
    except PackageNotFoundError as error:
        raise BadInput("harness is not installed; run `pip install .` in its folder") from error
