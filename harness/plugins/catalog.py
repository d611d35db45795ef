"""The catalog: everything that the plugins provide, and the calls of their hooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast

import pluggy

from harness.data.dataset import DatasetSpec, loader_problem
from harness.data.home_folders import DEFAULT, home_folder
from harness.errors import Failure, attempt
from harness.forecasters.spec import ForecasterSpec, spec_problem
from harness.plugins.discovery import BUILT_IN, Plugin, load_plugins
from harness.plugins.forecaster_names import ForecasterNames
from harness.plugins.registry import Registered, Registry
from harness.plugins.restriction import VARIABLE

if TYPE_CHECKING:
    import click

    from harness.boards.leaderboard import Leaderboard
    from harness.evaluation.metrics import Metric
    from harness.evaluation.run import Run
    from harness.plugins.environments.plugins import EnvironmentPlugin
    from harness.plugins.formats import ReportFormat
    from harness.results.standings import Standings
    from harness.tasks.protocols import Protocol

Spec = TypeVar("Spec")
COLLECTION_FILE = "collection.toml"  # the name of a file that lists boards


@dataclass(eq=False, repr=False)
class Catalog:
    """What the plugins provide, and their hooks. A plugin's error is noted as a problem, and stops no other plugin.

    Each kind is asked for once, when it is first used.
    """

    manager: pluggy.PluginManager
    plugins: dict[str, Plugin]
    problems: list[str] = field(default_factory=list)
    home: Path | None = None  # whose environments provide forecasters, too; None: no environments

    @cached_property
    def forecasters(self) -> ForecasterNames:
        """Forecasters by name, those of environments included."""
        registry: Any = self._specs(
            "forecaster",
            "harness_forecasters",
            ForecasterSpec,
            lambda spec: spec.name,
            spec_problem,
            partial(ForecasterNames, self.home),
        )
        if self._of_environments:
            from harness.plugins.environments.forecasters import ForecasterRegistry

            registry = ForecasterRegistry(registry, self._of_environments)
        self._check_components(registry)
        return cast(ForecasterNames, registry)

    @property
    def environment_plugins(self) -> list[EnvironmentPlugin]:
        """The plugins that are installed in environments of the home, and do not come with harness."""
        plugins = dict.fromkeys(entry.plugin for entry in self._of_environments)
        return [cast("EnvironmentPlugin", plugin) for plugin in plugins if not plugin.included]

    @cached_property
    def _of_environments(self) -> list[Registered[ForecasterSpec]]:
        """The forecasters of the environments of the home; what is wrong with an environment is noted."""
        is_named = "@" in os.environ.get(VARIABLE, "")
        if self.home is None or not (is_named or (self.home / "environments").is_dir()):  # the import takes time
            return []
        from harness.plugins.environments.described import forecasters_of

        return forecasters_of(self.home, self.problems)

    def use_home(self, home: Path) -> None:
        """Have the environments of this home provide forecasters, unless the catalog has none."""
        if self.home is not None and self.home != home:
            self.home = home
            for name in ("forecasters", "_of_environments"):
                self.__dict__.pop(name, None)

    @cached_property
    def datasets(self) -> Registry[DatasetSpec]:
        """Datasets by name, also of the files that boards declare."""
        from harness.plugins.table_datasets import DatasetRegistry

        return self._specs(
            "dataset",
            "harness_datasets",
            DatasetSpec,
            lambda spec: spec.name,
            lambda spec: loader_problem(spec.name, spec.load),
            partial(DatasetRegistry, self.plugins[BUILT_IN]),
        )

    @cached_property
    def metrics(self) -> Registry[Metric]:
        """Metrics by name."""
        from harness.evaluation.metrics import FORMER_NAMES, Metric, metric_problem

        registry = self._specs("metric", "harness_metrics", Metric, lambda metric: metric.name, metric_problem)
        registry.former_names = FORMER_NAMES
        return registry

    @cached_property
    def metric_versions(self) -> Mapping[str, str]:
        """The result version of the plugin of each metric, except of the metrics that are included in harness."""
        entries = self.metrics.items()
        return {name: entry.plugin.result_version for name, entry in entries if not entry.plugin.included}

    @cached_property
    def boards(self) -> Registry[Path]:
        """The files of leaderboards, by the name of their folder."""
        return self._board_files.part(lambda path: path.name != COLLECTION_FILE)

    @cached_property
    def collections(self) -> Registry[Path]:
        """The files of collections of leaderboards, by the name of their folder."""
        return self._board_files.part(lambda path: path.name == COLLECTION_FILE)

    @cached_property
    def _board_files(self) -> Registry[Path]:
        return self._specs("board", "harness_leaderboards", Path, lambda path: path.parent.name)

    @cached_property
    def protocols(self) -> Registry[type[Protocol]]:
        """Protocol classes by their `kind`."""
        from harness.tasks.protocols import is_protocol

        return self._registry("protocol", "harness_protocols", is_protocol, "Protocol classes", lambda cls: cls.kind)

    @property
    def protocol_classes(self) -> tuple[type[Protocol], ...]:
        """The protocol classes, to read tasks with."""
        return tuple(entry.spec for entry in self.protocols.values())

    @cached_property
    def formats(self) -> Registry[ReportFormat]:
        """Report formats by name."""
        from harness.plugins.formats import ReportFormat

        return self._specs("format", "harness_reports", ReportFormat, lambda spec: spec.name)

    def request_all(self) -> None:
        """Ask the plugins for everything that they provide, so that `problems` holds what is wrong with any of it."""
        for _ in (self.forecasters, self.datasets, self.metrics, self.boards, self.protocols, self.formats):
            pass

    def add_commands(self, cli: click.Group) -> None:
        """Let the plugins add their commands."""
        self._call("harness_commands", cli=cli)

    def run_finished(self, run: Run, home: Path) -> None:
        """Tell the plugins that a run is in the journal."""
        self._call("harness_run_finished", run=run, home=home)

    def standings_changed(self, leaderboard: Leaderboard, standings: Standings, home: Path) -> None:
        """Tell the plugins that standings were stored."""
        self._call("harness_standings_changed", leaderboard=leaderboard, standings=standings, home=home)

    def finished(self, home: Path) -> list[str]:
        """Tell the plugins that the command ends; returns their sentences for the user."""
        return self._call("harness_finished", home=home)

    def _specs(
        self,
        kind: str,
        hook: str,
        wanted: type[Spec],
        name_of: Callable[[Spec], str],
        problem_of: Callable[[Spec], str] = lambda spec: "",
        make: type[Registry[Spec]] | partial[Any] = Registry,
    ) -> Registry[Spec]:
        def is_wanted(spec: object) -> TypeGuard[Spec]:
            return isinstance(spec, wanted)

        return self._registry(kind, hook, is_wanted, f"{wanted.__name__} objects", name_of, problem_of, make)

    def _registry(
        self,
        kind: str,
        hook: str,
        is_wanted: Callable[[object], TypeGuard[Spec]],
        wanted: str,
        name_of: Callable[[Spec], str],
        problem_of: Callable[[Spec], str] = lambda spec: "",
        make: type[Registry[Spec]] | partial[Any] = Registry,
    ) -> Registry[Spec]:
        entries: list[Registered[Spec]] = []
        for plugin, specs in self._results(hook):
            for spec in self._checked_list(specs, plugin, hook):
                name: object = attempt(partial(name_of, spec)) if is_wanted(spec) else None
                if not is_wanted(spec):
                    self._note_problem(plugin, f"{hook} must list {wanted}, not {_description(spec)}")
                elif not isinstance(name, str) or not name:
                    self._note_problem(plugin, f"{hook} lists a {kind} without a name: {_description(spec)}")
                elif problem := problem_of(spec):
                    self._note_problem(plugin, f"{hook}: {problem}")
                else:
                    entries.append(Registered(spec, plugin))
        registry: Registry[Spec] = make(kind, entries, name_of)
        self.problems += registry.problems
        return registry

    def _check_components(self, forecasters: Registry[ForecasterSpec]) -> None:
        """Note what is wrong with the components that cards name; an environment tells that of its own."""
        if all(entry.spec.card is None for entry in forecasters.values()):  # an import that most catalogs do not need
            return
        from harness.forecasters.pretraining import component_problems

        for name, problem in component_problems(forecasters.specs).items():
            if forecasters[name] not in self._of_environments:
                self._note_problem(forecasters[name].plugin, problem)

    def _call(self, hook: str, **arguments: object) -> list[Any]:
        """Call a hook of every plugin; the items of the lists that they return."""
        items: list[Any] = []
        for plugin, result in self._results(hook, **arguments):
            if result is not None:
                items += self._checked_list(result, plugin, hook)
        return items

    def _results(self, hook: str, **arguments: object) -> Iterator[tuple[Plugin, object]]:
        """What each plugin's hook returns, those of included plugins first; one that raises is noted."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            plugin = self.plugins[implementation.plugin_name]
            wanted = {name: arguments[name] for name in implementation.argnames}
            result = attempt(partial(implementation.function, **wanted))
            if isinstance(result, Failure):
                self._note_problem(plugin, f"{hook} raised {result}")
            else:
                yield plugin, result

    def _checked_list(self, result: object, plugin: Plugin, hook: str) -> Sequence[Any]:
        """The items of what a hook returned, or yields; none, and a problem, where it is no list or raises."""
        if not isinstance(result, Iterable) or isinstance(result, str | bytes | Mapping):
            self._note_problem(plugin, f"{hook} must return a list, not {type(result).__name__}")
            return ()
        items: list[Any] | Failure = attempt(partial(list, result))
        if isinstance(items, Failure):
            self._note_problem(plugin, f"{hook} raised {items}")
            return ()
        return items

    def _note_problem(self, plugin: Plugin, text: str) -> None:
        problem = f"plugin {plugin}: {text}"
        if problem not in self.problems:  # a hook may fail once a cell
            self.problems.append(problem)


def _description(spec: object) -> str:
    """A short description of what a plugin returned, whatever it is."""
    text = attempt(partial(repr, spec))
    return f"an object of type {type(spec).__name__}" if isinstance(text, Failure) else f"{text:.80}"


def load_catalog(
    extra: Mapping[str, object] | None = None, home: Path | None = None, *, environments: bool = True
) -> Catalog:
    """The catalog of every installed plugin, and of `extra` objects by name (for tests and notebooks).

    A plugin that fails to import or whose hooks do not fit is listed with its problem; the others work. Unless
    `environments` is False, forecasters of the environments of a home are in it: of HARNESS_HOME or .harness if None.
    """
    loaded = load_plugins(extra)
    return Catalog(loaded.manager, loaded.plugins, loaded.problems, (home or default_home()) if environments else None)


def default_home() -> Path:
    """HARNESS_HOME, or `.harness` in the current folder; of a URL the local copy."""
    return home_folder(os.environ.get("HARNESS_HOME") or DEFAULT)
