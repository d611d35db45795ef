"""Which installed plugins may be imported: all, or those that HARNESS_PLUGINS names beside the included ones.

Environments are used then if they are named, as @ENVIRONMENT.

The names are in the environment so that they hold for every process that a command starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from harness.errors import BadInput, UnknownName

VARIABLE = "HARNESS_PLUGINS"
AT = "@"  # before the name of an environment
NONE = "none"  # instead of names: only the plugins that are included in harness


@dataclass(frozen=True)
class Restriction:
    """The plugins that may be imported, by the names of entry points or distributions, and @ENVIRONMENT; None: all."""

    names: frozenset[str] | None

    def allows(self, point: EntryPoint) -> bool:
        """Whether the plugin of an entry point may be imported."""
        return self.names is None or not self.names.isdisjoint(_names_of(point))

    def allows_environment(self, name: str) -> bool:
        """Whether processes of an environment may be started."""
        return self.names is None or _normalised(f"{AT}{name}") in self.names

    def check_environments(self, names: Iterable[str]) -> None:
        """Raise UnknownName where an environment is named that is not one of these."""
        known = {_normalised(name): name for name in names}
        for name in sorted(self._environments):
            if name not in known:
                raise UnknownName("environment", name, known.values())

    @property
    def _environments(self) -> set[str]:
        """The normalised names of environments, without @."""
        return {name.removeprefix(AT) for name in self.names or () if name.startswith(AT) and name != AT}

    def check(self, points: Iterable[EntryPoint]) -> None:
        """Raise UnknownName for a name that no installed plugin has."""
        if self.names is None:
            return
        known = {name for point in points for name in _names_of(point)}
        for name in sorted(self.names - known - {f"{AT}{environment}" for environment in self._environments}):
            raise UnknownName("installed plugin", name, {known_name for known_name in known if ":" not in known_name})


def parse_restriction(text: str) -> Restriction:
    """The plugins that a text such as "a,b" names; raises BadInput where it names none, and is not "none"."""
    names = [_normalised(name) for name in text.split(",") if name.strip()]
    if not names:
        raise BadInput(
            f"{text!r} names no plugin; write their names, as in a,@environment, or {NONE!r} for the included ones only"
        )
    if NONE in names and len(names) > 1:
        raise BadInput(f"{text!r} names plugins beside {NONE!r}; leave one of both out")
    return Restriction(frozenset(names) - {NONE})


def restriction() -> Restriction:
    """The plugins that this process may import; an empty variable is as good as none."""
    text = os.environ.get(VARIABLE)
    return parse_restriction(text) if text else Restriction(None)


def restrict(text: str) -> None:
    """Restrict the plugins of this process and of those that it starts."""
    parse_restriction(text)
    os.environ[VARIABLE] = text


def restriction_text(names: Iterable[str]) -> str:
    """The value of the variable that allows the plugins of these names, and the included ones."""
    return ",".join(sorted(set(names))) or NONE


def _names_of(point: EntryPoint) -> set[str]:
    """The names by which a plugin can be selected: of its entry point, its distribution, and both."""
    if point.dist is None:
        return {_normalised(point.name)}
    distribution = _normalised(point.dist.metadata["Name"] or "unnamed")
    qualified = f"{distribution}:{_normalised(point.name)}"
    return {_normalised(point.name), distribution, qualified, _normalised(f"{qualified} = {point.value}")}


def _normalised(name: str) -> str:
    """A name of a distribution or an entry point, the same for all its spellings."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
