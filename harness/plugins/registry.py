"""Everything of one kind that plugins provide, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.errors import DuplicateName, UnknownName
from harness.plugins.discovery import Plugin

Spec = TypeVar("Spec")


class AmbiguousName(UnknownName):
    """Several environments provide a forecaster of that name; `names` are its names with those of the environments."""

    names: tuple[str, ...] = ()

    def __init__(self, kind: str, name: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        Exception.__init__(self, f"several environments provide a {kind} called {name!r}; write {' or '.join(names)}")


@dataclass(frozen=True, eq=False)
class Registered(Generic[Spec]):
    """A spec, and the plugin that provides it."""

    spec: Spec
    plugin: Plugin


class Registry(Mapping[str, Registered[Spec]]):
    """Specs of one kind by name; looking up an unknown name raises UnknownName, a duplicate one DuplicateName.

    A name that several plugins provide is refused for all of them, unless one of them is included in harness: its spec
    is kept, and only the others are refused.
    """

    def __init__(self, kind: str, entries: Iterable[Registered[Spec]], name_of: Callable[[Spec], str]) -> None:
        self.kind = kind
        self.former_names: Mapping[str, str] = {}  # the present name by the former one
        self.duplicates: dict[str, DuplicateName | AmbiguousName] = {}  # why a name is refused
        self.refused: list[str] = []  # sentences on specs whose name harness itself provides
        self._entries: dict[str, Registered[Spec]] = {}
        self._known: Mapping[str, Registered[Spec]] = self._entries  # what an unknown name is compared with
        by_name: dict[str, list[Registered[Spec]]] = {}
        for entry in entries:
            by_name.setdefault(name_of(entry.spec), []).append(entry)
        for name in sorted(by_name):
            self._add(name, by_name[name])

    def part(self, keep: Callable[[Spec], bool]) -> Registry[Spec]:
        """The registry of some of the specs, whose errors suggest all names."""
        part = copy(self)
        part._entries = {name: entry for name, entry in self._entries.items() if keep(entry.spec)}
        return part

    @property
    def problems(self) -> list[str]:
        """A sentence on each name that was refused."""
        wrong = [error for error in self.duplicates.values() if isinstance(error, DuplicateName)]
        return [*map(str, wrong), *self.refused]

    @property
    def specs(self) -> dict[str, Spec]:
        """The specs by name."""
        return {name: entry.spec for name, entry in self._entries.items()}

    def _add(self, name: str, providers: list[Registered[Spec]]) -> None:
        included = [entry for entry in providers if entry.plugin.included]
        if len(providers) > 1 and len(included) != 1:
            self.duplicates[name] = DuplicateName(self.kind, name, sorted(entry.plugin.origin for entry in providers))
            return
        self._entries[name] = included[0] if included else providers[0]
        self.refused += [
            f"plugin {entry.plugin.origin}: its {self.kind} {name!r} is refused, because {included[0].plugin.origin} "
            "provides one of that name; have its author choose another name"
            for entry in providers
            if entry is not self._entries[name]
        ]

    def check_unique(self, name: str) -> None:
        """Raise DuplicateName for a name that several plugins provide, and AmbiguousName if several environments do."""
        if name in self.duplicates:
            raise self.duplicates[name]

    def unknown(self, name: str) -> UnknownName:
        """The error that nothing has this name."""
        return UnknownName(self.kind, name, self._known, self.former_names.get(name, ""))

    def __getitem__(self, name: str) -> Registered[Spec]:
        self.check_unique(name)
        if name not in self._entries:
            raise self.unknown(name)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
