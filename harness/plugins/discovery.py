"""Finding and loading plugins: entry points of installed distributions, and objects given by the caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

from harness.errors import BadInput, Failure, UnknownName, attempt
from harness.plugins import hookspecs, plugin_file
from harness.plugins.restriction import restriction

if TYPE_CHECKING:
    from harness.evaluation.metrics import Metric
    from harness.plugins.formats import ReportFormat
    from harness.plugins.sources import PluginFiles
    from harness.tasks.protocols import Protocol

GROUP = "harness"  # of entry points
BUILT_IN = "harness"  # the name of the core's own plugin
HOOKS = tuple(name for name in dir(hookspecs) if name.startswith("harness_"))


@dataclass(frozen=True)
class Plugin:
    """A plugin: an entry point of an installed distribution, or an object given by the caller."""

    name: str  # distinct: qualified by the distribution where two entry points have the same name
    module: str
    package: Distribution | None = field(default=None, compare=False, repr=False)
    problem: str = ""  # why it could not be loaded
    included: bool = False  # whether it comes with harness
    entry_point: str = ""  # its name, and its value; empty for an object given by the caller
    value: str = ""
    left_out: bool = False  # whether it was not imported, because other plugins were selected
    file: str = ""  # the path of a plugin that is a single file

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"

    @property
    def origin(self) -> str:
        """Its name, distribution and module."""
        return str(self) if self.file else f"{self.name} ({self.source}, module {self.module})"

    @property
    def source(self) -> str:
        """The distribution and its version, or the path of a plugin file."""
        return self.file or f"{self.distribution} {self.version}"

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
        """The version and a hash of the whole source, for what the plugin provides other than forecasters.

        That of a forecaster is `harness.plugins.result_versions.forecaster_version`.
        """
        digest = self.files.source
        return f"{self.distribution}=={self.version}" + (f":{digest}" if digest else "")

    @cached_property
    def files(self) -> PluginFiles:
        """The files that its results may depend on."""
        from harness.plugins.sources import files_of, own_files

        return own_files(self.module) if self.included else files_of(self.module, self.package, included_modules())


@lru_cache
def _name_and_version(package: Distribution) -> tuple[str, str]:
    metadata = package.metadata
    return metadata["Name"] or "unnamed", metadata["Version"] or "0"


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

    def load(self, point: EntryPoint, *, included: bool = False, qualified: bool = False) -> None:
        """Import the module of an entry point and register its hooks; a failure is noted as a problem."""
        name = self._distinct_name(point, qualified)
        plugin = Plugin(name, point.module, point.dist, included=included, entry_point=point.name, value=point.value)
        module: ModuleType | Failure = attempt(point.load)
        if isinstance(module, Failure):
            self._report_problem(plugin, f"cannot be imported: {module}")
        elif (first := self.manager.get_name(module)) is not None:
            self._report_problem(plugin, f"is left out: plugin {self.plugins[first].origin} has the same module")
        else:
            self.register(plugin, module)

    def load_file(self, path: Path) -> None:
        """Import a plugin file and register its hooks; a failure is noted as a problem."""
        point = plugin_file.entry_point(path)
        name = self._distinct_name(point, qualified=False)
        plugin = Plugin(name, point.module, entry_point=point.name, value=point.value, file=str(path))
        module: ModuleType | Failure = attempt(lambda: plugin_file.import_plugin_file(path))
        if isinstance(module, Failure):
            self._report_problem(plugin, f"cannot be imported: {module}")
        else:
            self.register(plugin, module)

    def leave_out(self, point: EntryPoint, *, qualified: bool = False) -> None:
        """List the plugin of an entry point without importing it."""
        plugin = Plugin(self._distinct_name(point, qualified), point.module, point.dist, left_out=True)
        self.plugins[plugin.name] = plugin

    def _distinct_name(self, point: EntryPoint, qualified: bool) -> str:
        """The name of an entry point, if need be with its distribution and its module."""
        if not qualified and point.name not in self.plugins:
            return point.name
        distribution = "unnamed" if point.dist is None else _name_and_version(point.dist)[0]
        name = f"{distribution}:{point.name}"
        return name if name not in self.plugins else f"{name} = {point.value}"

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
    """Load the core's own plugin, the included ones, every other installed one, and `extra` objects by name.

    The included ones come first and keep their names. Others of equal names are qualified by their distributions, and
    only those are imported that HARNESS_PLUGINS allows; raises UnknownName if it names one that is not installed. A
    plugin file is imported last.
    """
    loaded = LoadedPlugins()
    loaded.register(Plugin(BUILT_IN, "harness", _own_distribution(), included=True), BuiltIn)
    own = _sorted_points(_own_distribution().entry_points)
    for point in own:
        loaded.load(point, included=True)
    others = [point for point in _sorted_points(entry_points(group=GROUP)) if point not in own]
    file = plugin_file.plugin_file()
    of_file = [plugin_file.entry_point(file)] if file else []
    allowed = restriction()
    allowed.check((*own, *others, *of_file))
    counts = Counter([BUILT_IN, *(point.name for point in (*own, *others))])
    for point in others:
        handle = loaded.load if allowed.allows(point) else loaded.leave_out
        handle(point, qualified=counts[point.name] > 1)
    if file is not None and all(map(allowed.allows, of_file)):
        loaded.load_file(file)
    for name, implementation in (extra or {}).items():
        loaded.register(Plugin(name, name), implementation)
    return loaded


def included_modules() -> frozenset[str]:
    """The top-level modules of the plugins that are included in harness."""
    return frozenset(point.module.partition(".")[0] for point in _sorted_points(_own_distribution().entry_points))


def _sorted_points(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """The entry points of plugins, in an order that does not depend on the installation."""
    return sorted((point for point in points if point.group == GROUP), key=lambda point: (point.name, point.value))


def _marked_hooks(implementation: object) -> list[str]:
    """The names of an object's functions that are marked as hooks."""
    names = [name for name in dir(implementation) if name.startswith("harness_")]
    return [name for name in names if hasattr(getattr(implementation, name), f"{hookspecs.PROJECT}_impl")]


@lru_cache(maxsize=1)
def _own_distribution() -> Distribution:
    try:
        return distribution("forecast-harness")
    except PackageNotFoundError as error:
        raise BadInput("harness is not installed; run `pip install .` in its folder") from error
