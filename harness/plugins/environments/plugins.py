"""The plugins and forecasters of environments, as processes of these describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import HarnessError
from harness.fields.reading import load
from harness.forecasters.described import DescribedFactory, FactoryDescription
from harness.forecasters.spec import ForecasterSpec, spec_problem
from harness.forecasters.spec_fields import load_spec
from harness.plugins.discovery import Plugin
from harness.plugins.environments.environment import Environment
from harness.plugins.forecaster_names import AT
from harness.plugins.registry import Registered


@dataclass(frozen=True)
class EnvironmentPlugin(Plugin):
    """A plugin of an environment, of which this process imports nothing."""

    environment: Environment | None = None
    described_distribution: str = ""
    described_version: str = ""
    described_files: tuple[str, ...] = ()
    state: str = ""  # of these files

    @property
    def distribution(self) -> str:
        """The name of the distribution that it was installed with."""
        return self.described_distribution

    @property
    def version(self) -> str:
        """The version of that distribution."""
        return self.described_version

    @property
    def source(self) -> str:
        """The distribution and its version, or the path of a plugin file, and the environment."""
        assert self.environment is not None
        return f"{self.file or f'{self.distribution} {self.version}'}, environment {self.environment.name}"


def described_forecasters(
    environment: Environment, description: Mapping[str, Any], problems: list[str]
) -> Iterator[Registered[ForecasterSpec]]:
    """The forecasters of an environment by the description of its plugins; what cannot be used is noted as a problem.

    Components that their cards name are those of the same environment, where it has them.

    Raises KeyError, TypeError or ValueError for a description that is none.
    """
    every = [fields["spec"]["name"] for told in description["plugins"] for fields in told["forecasters"]]
    names = {name: f"{name}{AT}{environment.name}" for name in every}
    for told in description["plugins"]:
        plugin = _plugin(environment, told)
        for fields in told["forecasters"]:
            factory = DescribedFactory(
                environment.name, load(FactoryDescription, fields["factory"]), environment.versions
            )
            try:
                spec = load_spec(fields["spec"], factory)
                problem = spec_problem(spec)
            except HarnessError as error:
                problem = str(error)
            if not problem and AT in spec.name:
                problem = f"the name of its forecaster {spec.name!r} holds {AT!r}, which stands before environments"
            if problem:
                problems.append(f"plugin {plugin}: {problem}")
            else:
                yield Registered(_with_components(spec, names), plugin)


def _with_components(spec: ForecasterSpec, names: Mapping[str, str]) -> ForecasterSpec:
    """The spec, whose components have these names instead of their own."""
    if spec.card is None or not spec.card.components:
        return spec
    components = tuple(names.get(name, name) for name in spec.card.components)
    return replace(spec, card=replace(spec.card, components=components))


def qualified(registered: Registered[ForecasterSpec]) -> Registered[ForecasterSpec]:
    """The same forecaster under its name with that of its environment."""
    name = qualified_name(registered)
    return replace(registered, spec=replace(registered.spec, name=name))


def environment_of(plugin: Plugin) -> Environment:
    """The environment that a plugin is in."""
    assert isinstance(plugin, EnvironmentPlugin)
    assert plugin.environment is not None
    return plugin.environment


def qualified_name(registered: Registered[ForecasterSpec]) -> str:
    """The name of a forecaster of an environment with that of the environment."""
    return f"{registered.spec.name}{AT}{environment_of(registered.plugin).name}"


def _plugin(environment: Environment, told: Mapping[str, Any]) -> EnvironmentPlugin:
    return EnvironmentPlugin(
        told["name"],
        told["module"],
        included=told["included"],
        entry_point=told["entry_point"],
        value=told["value"],
        file=told["file"],
        environment=environment,
        described_distribution=told["distribution"],
        described_version=told["version"],
        described_files=tuple(told["files"]),
        state=told["state"],
    )
