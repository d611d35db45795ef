"""The forecasters of this interpreter, and those of environments beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.errors import UnknownName
from harness.fields.libraries import missing_packages
from harness.forecasters.described import DescribedFactory, normalised_name
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.environments.environment import Environment
from harness.plugins.environments.plugins import EnvironmentPlugin, environment_of, qualified, qualified_name
from harness.plugins.forecaster_names import AT, ForecasterNames, environment_in
from harness.plugins.registry import AmbiguousName, Registered, Registry


class ForecasterRegistry(ForecasterNames):
    """The forecasters of a catalog by name.

    A forecaster of an environment has its own name where nothing else provides it; a forecaster of this interpreter
    whose libraries are not installed here does not count. NAME@ENVIRONMENT always finds it, and is listed where the
    name alone is another one: where several environments provide it, which raises AmbiguousName, or where a plugin of
    this interpreter does. Of environments whose forecasters have the same result version, which is the same code with
    the same libraries, only the first one by name counts.
    """

    def __init__(self, own: ForecasterNames, of_environments: Iterable[Registered[ForecasterSpec]]) -> None:
        super().__init__(own.home, own.kind, (), lambda spec: spec.name)
        self.duplicates, self.refused = dict(own.duplicates), own.refused
        self._entries.update(own.items())
        self._qualified: dict[str, Registered[ForecasterSpec]] = {}
        by_name: dict[str, list[Registered[ForecasterSpec]]] = {}
        for entry in of_environments:
            by_name.setdefault(entry.spec.name, []).append(entry)
            self._qualified[qualified_name(entry)] = qualified(entry)
        for name, entries in by_name.items():
            self._add_of_environments(name, entries)
        self._entries = dict(sorted(self._entries.items()))
        others = {name: entry for name, entry in self._qualified.items() if not entry.plugin.included}
        self._known = {**self._entries, **others}

    def _add_of_environments(self, name: str, entries: list[Registered[ForecasterSpec]]) -> None:
        here = self._entries.get(name)
        entries = _distinct(entries)
        if (here is not None and not missing_packages(here.spec.imports)) or name in self.duplicates:
            # those that come with harness are the same ones there as here
            listed = [entry for entry in entries if not entry.plugin.included]
        elif len(entries) == 1:
            self._entries[name], listed = entries[0], []
        else:
            self._entries.pop(name, None)
            names = list(map(qualified_name, entries))
            self.duplicates[name], listed = AmbiguousName(self.kind, name, names), entries
        self._entries.update({qualified_name(entry): qualified(entry) for entry in listed})

    @property
    def specs(self) -> dict[str, ForecasterSpec]:
        """The specs by name, also by NAME@ENVIRONMENT where that is not listed."""
        return {name: entry.spec for name, entry in {**self._qualified, **self._entries}.items()}

    def in_environment(self, name: str, digest: str) -> str:
        """The name of the forecaster NAME or NAME@ENVIRONMENT in an environment of this hash; empty if none has it."""
        own = name.removesuffix(f"{AT}{environment_in(name)}")
        for each, entry in sorted(self._qualified.items()):
            environment = environment_of(entry.plugin)
            if environment.digest == digest and each == f"{own}{AT}{environment.name}":
                return each
        return ""

    def unknown(self, name: str) -> UnknownName:
        """The error that no forecaster has this name; one of an environment is compared with the others in it."""
        environment = environment_in(name)
        known = [each for each in self._qualified if environment and environment_in(each) == environment]
        return UnknownName(self.kind, name, known) if known else super().unknown(name)

    def __getitem__(self, name: str) -> Registered[ForecasterSpec]:
        if name in self._qualified and name not in self._entries:
            return self._qualified[name]
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._qualified


def _distinct(entries: Iterable[Registered[ForecasterSpec]]) -> list[Registered[ForecasterSpec]]:
    """Of forecasters with the same result version only that of the first environment, sorted by environment."""
    first: dict[tuple[str, str], Registered[ForecasterSpec]] = {}
    for entry in sorted(entries, key=qualified_name):
        assert isinstance(entry.spec.factory, DescribedFactory)
        version = entry.spec.factory.description.version
        first.setdefault((version, environment_of(entry.plugin).digest), entry)
    return list(first.values())


def names_in(environment: Environment, forecasters: Registry[ForecasterSpec]) -> list[str]:
    """The names by which the forecasters of an environment are listed."""
    return [
        name
        for name, entry in forecasters.items()
        if isinstance(entry.plugin, EnvironmentPlugin) and environment_of(entry.plugin).name == environment.name
    ]


def included_example(environment: Environment, forecasters: Registry[ForecasterSpec]) -> str:
    """A forecaster of harness in an environment, by NAME@ENVIRONMENT: one of a library that it was made for, if any."""
    asked = {normalised_name(re.split(r"[^\w.-]", requirement)[0]) for requirement in environment.requirements}
    ending = f"{AT}{environment.name}"
    for name, spec in forecasters.specs.items():
        if name.endswith(ending) and not asked.isdisjoint(map(normalised_name, spec.depends)):
            return name
    return f"naive{ending}"


def ambiguous_now(before: Registry[ForecasterSpec], forecasters: Registry[ForecasterSpec]) -> str:
    """The sentence on names that were those of one environment, and that several provide now; empty without any."""
    errors = {
        name: error
        for name, error in forecasters.duplicates.items()
        if isinstance(error, AmbiguousName) and name in before and isinstance(before[name].plugin, EnvironmentPlugin)
    }
    if not errors:
        return ""
    name, error = next(iter(errors.items()))
    which = f"the name {name!r}" if len(errors) == 1 else f"{len(errors)} names, such as {name!r},"
    return f"several environments provide {which} now: boards and commands must write {' or '.join(error.names)}"
