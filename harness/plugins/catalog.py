"""Finding plugins, and the Catalog: what they provide, and whose it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from harness.attempt import Failure, attempt
from harness.data.dataset import DatasetSpec
from harness.errors import BadInput, DuplicateName, UnknownName
from harness.forecasters.spec import ForecasterSpec
from harness.plugins import hookspecs

if TYPE_CHECKING:
    import click

    from harness.evaluation.metrics import Metric

GROUP = "harness"
Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Plugin:
    """A plugin as it was found: an entry point of an installed distribution, or an object given by hand."""

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
        """What stands for the plugin in the key of a result: its version, and a hash of its source."""
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


class BuiltIn:
    """What the core itself provides, by the same door as everybody."""

    @staticmethod
    @hookspecs.hookimpl
    def harness_metrics() -> list[Metric]:
        """The losses of the field."""
        from harness.evaluation.metrics import METRICS

        return list(METRICS)


@dataclass(frozen=True, eq=False)
class Registered(Generic[Spec]):
    """A spec, and whose it is."""

    spec: Spec
    plugin: Plugin


class Registry(Mapping[str, Registered[Spec]]):
    """Everything of one kind, by name; asking for what is not there, or is there twice, says so."""

    def __init__(self, kind: str, found: Iterable[Registered[Spec]], name_of: Callable[[Spec], str]) -> None:
        self.kind = kind
        self.duplicates: dict[str, DuplicateName] = {}
        self._provided: dict[str, Registered[Spec]] = {}
        for one in sorted(found, key=lambda one: name_of(one.spec)):
            name = name_of(one.spec)
            if name in self._provided:
                owners = (str(self._provided[name].plugin), str(one.plugin))
                self.duplicates[name] = DuplicateName(kind, name, owners)
            self._provided[name] = one
        for name in self.duplicates:
            del self._provided[name]

    def __getitem__(self, name: str) -> Registered[Spec]:
        if name in self.duplicates:
            raise self.duplicates[name]
        if name not in self._provided:
            raise UnknownName(self.kind, name, self._provided)
        return self._provided[name]

    def __contains__(self, name: object) -> bool:
        return name in self._provided

    def __iter__(self) -> Any:
        return iter(self._provided)

    def __len__(self) -> int:
        return len(self._provided)


@dataclass(eq=False, repr=False)
class Catalog:
    """What the plugins provide. Each kind is asked for once, when it is first looked at."""

    manager: pluggy.PluginManager
    plugins: dict[str, Plugin]
    problems: list[str] = field(default_factory=list)

    @cached_property
    def forecasters(self) -> Registry[ForecasterSpec]:
        """Forecasters by name."""
        return self._shelf("forecaster", "harness_forecasters", ForecasterSpec, lambda spec: spec.name)

    @cached_property
    def datasets(self) -> Registry[DatasetSpec]:
        """Datasets by name."""
        return self._shelf("dataset", "harness_datasets", DatasetSpec, lambda spec: spec.name)

    @cached_property
    def metrics(self) -> Registry[Metric]:
        """Metrics by name."""
        from harness.evaluation.metrics import Metric

        return self._shelf("metric", "harness_metrics", Metric, lambda metric: metric.name)

    @cached_property
    def boards(self) -> Registry[Path]:
        """The files of leaderboards, by the name of the folder that each lies in."""
        return self._shelf("board", "harness_leaderboards", Path, lambda path: path.parent.name)

    def _shelf(self, kind: str, hook: str, wanted: type[Spec], name_of: Callable[[Spec], str]) -> Registry[Spec]:
        found: list[Registered[Spec]] = []
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            plugin = self.plugins[implementation.plugin_name]
            specs = attempt(implementation.function)
            if isinstance(specs, Failure):
                self._report(plugin, f"{hook} raised {specs}")
            elif not isinstance(specs, list | tuple):
                self._report(plugin, f"{hook} must return a list, not {type(specs).__name__}")
            else:
                for one in specs:
                    name: object = name_of(one) if isinstance(one, wanted) else None
                    if not isinstance(one, wanted):
                        self._report(plugin, f"{hook} must list {wanted.__name__} objects, not {one!r:.80}")
                    elif not isinstance(name, str) or not name:
                        self._report(plugin, f"{hook} lists a {kind} without a name: {one!r:.80}")
                    else:
                        found.append(Registered(one, plugin))
        shelf = Registry(kind, found, name_of)
        self.problems += [str(duplicate) for duplicate in shelf.duplicates.values()]
        return shelf

    def _report(self, plugin: Plugin, what: str) -> None:
        problem = f"plugin {plugin}: {what}"
        if problem not in self.problems:  # a hook may fail once a cell
            self.problems.append(problem)

    def tell(self, hook: str, **arguments: Any) -> list[Any]:
        """Call a hook of every plugin; one that raises is reported and stops nobody. Returns the results."""
        results = []
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            wanted = {name: arguments[name] for name in implementation.argnames}
            result = attempt(partial(implementation.function, **wanted))
            if isinstance(result, Failure):
                self._report(self.plugins[implementation.plugin_name], f"{hook} raised {result}")
            elif isinstance(result, list | tuple):
                results.append(result)
            elif result is not None:
                what = f"{hook} must return a list, not {type(result).__name__}"
                self._report(self.plugins[implementation.plugin_name], what)
        return results

    def add_commands(self, cli: click.Group) -> None:
        """Let the plugins add their commands."""
        self.tell("harness_commands", cli=cli)


def load_catalog(extra: Mapping[str, object] | None = None) -> Catalog:
    """The catalog of every installed plugin, and of `extra` objects by name (for tests and notebooks).

    A plugin that fails to import or whose hooks do not fit is listed with its problem; the others work.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    catalog = Catalog(manager, {})
    _register(catalog, Plugin("harness", "harness", _own_distribution()), BuiltIn)
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        _load(catalog, point)
    for name, plugin in (extra or {}).items():
        _register(catalog, Plugin(name, name), plugin)
    return catalog


def _load(catalog: Catalog, point: EntryPoint) -> None:
    found = Plugin(point.name, point.module, point.dist)
    if found.name in catalog.plugins:
        catalog.problems.append(f"two plugins are called {found.name!r}: {catalog.plugins[found.name]} and {found}")
        return
    module: ModuleType | Failure = attempt(point.load)
    if isinstance(module, Failure):
        _broken(catalog, found, f"cannot be imported: {module}")
        return
    _register(catalog, found, module)


def _register(catalog: Catalog, plugin: Plugin, thing: object) -> None:
    outcome = attempt(lambda: catalog.manager.register(thing, plugin.name))
    if isinstance(outcome, Failure):
        _broken(catalog, plugin, f"has a hook that does not fit: {' '.join(str(outcome.error).split())}")
        return
    catalog.plugins[plugin.name] = plugin
    unknown = [name for name in dir(thing) if name.startswith("harness_") and _is_unknown(catalog, thing, name)]
    if unknown:
        catalog.problems.append(f"plugin {plugin}: {UnknownName('hook', unknown[0], _hook_names(catalog))}")


def _is_unknown(catalog: Catalog, thing: object, name: str) -> bool:
    marked = hasattr(getattr(thing, name), f"{hookspecs.PROJECT}_impl")
    return marked and name not in _hook_names(catalog)


def _hook_names(catalog: Catalog) -> list[str]:
    return [name for name in dir(hookspecs) if name.startswith("harness_")]


def _broken(catalog: Catalog, plugin: Plugin, problem: str) -> None:
    catalog.plugins[plugin.name] = replace(plugin, problem=problem)
    catalog.problems.append(f"plugin {plugin} {problem}")


def _source(module: str) -> Path | None:
    """Where a plugin's source lies: the folder of its package, or its one file."""
    import importlib.util

    found = importlib.util.find_spec(module.partition(".")[0])
    if found is None or found.origin is None:
        return None
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _own_distribution() -> Distribution:
    try:
        return distribution("forecast-harness")
    except PackageNotFoundError as error:
        raise BadInput("harness is not installed; run `pip install .` in its folder") from error
