"""Everything of one kind that plugins provide, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.errors import DuplicateName, UnknownName
from harness.plugins.discovery import Plugin

Spec = TypeVar("Spec")


@dataclass(frozen=True, eq=False)
class Registered(Generic[Spec]):
    """A spec, and the plugin that provides it."""

    spec: Spec
    plugin: Plugin


class Registry(Mapping[str, Registered[Spec]]):
    """Specs of one kind by name; looking up an unknown name raises UnknownName, a duplicate one DuplicateName."""

    def __init__(self, kind: str, entries: Iterable[Registered[Spec]], name_of: Callable[[Spec], str]) -> None:
        self.kind = kind
        self.duplicates: dict[str, DuplicateName] = {}
        self._entries: dict[str, Registered[Spec]] = {}
        for entry in sorted(entries, key=lambda entry: name_of(entry.spec)):
            name = name_of(entry.spec)
            if name in self._entries:
                providers = (str(self._entries[name].plugin), str(entry.plugin))
                self.duplicates[name] = DuplicateName(kind, name, providers)
            self._entries[name] = entry
        for name in self.duplicates:
            del self._entries[name]

    def __getitem__(self, name: str) -> Registered[Spec]:
        if name in self.duplicates:
            raise self.duplicates[name]
        if name not in self._entries:
            raise UnknownName(self.kind, name, self._entries)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
