"""Packs: objects that repeat up to a thousand small others, so that a machine without them reads few objects.

A pack only saves requests. What it repeats stays in the store, and what it names counts only as long as that is listed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from harness.data.damage import warn
from harness.data.storage import write_text
from harness.errors import DamagedFile
from harness.results.remote.packing import START, pack, packed_names, unpack
from harness.results.remote.store import Store

PACKS = "packs"
FEWEST = 200  # objects in a pack
MOST = 1000
SMALL = 1 << 18  # bytes, of an object that is packed
LARGEST = 1 << 25  # bytes of objects in a pack
MANY = 50  # objects that are lacking, for which packs are looked at
AT_ONCE, BYTES_AT_ONCE = 500, 1 << 26  # objects that are read at once, unless one is larger


class Packs:
    """The packs of a store; which names each has is remembered in the home."""

    def __init__(self, home: Path, store: Store) -> None:
        self.folder, self.store = home / PACKS, store

    def contents(self, lacking: Collection[str], listed: Mapping[str, int]) -> Iterator[Mapping[str, bytes]]:
        """The contents of objects by name, some at a time; those that are gone, or damaged in a pack, are left out."""
        rest = set(lacking)
        if len(rest) >= MANY:
            for name, names in self._indices(listed).items():
                if len(rest.intersection(names)) >= MANY // 2:
                    found = self._read_pack(name)
                    wanted = {each: found[each] for each in rest.intersection(found)}
                    rest.difference_update(wanted)
                    yield wanted
        for batch in _batches(sorted(rest), listed):
            yield self.store.read(batch)

    def write(self, current: Mapping[str, int], listed: Mapping[str, int], content_of: Callable[[str], bytes]) -> None:
        """Pack the current objects, given with their sizes, that are small and in no pack; remove outdated packs."""
        indices = self._indices(listed)
        outdated = [name for name, names in indices.items() if 2 * sum(each in current for each in names) < len(names)]
        packed = {each for name, names in indices.items() if name not in outdated for each in names}
        loose = sorted(name for name, size in current.items() if size <= SMALL and name not in packed)
        batch: dict[str, bytes] = {}
        for name in loose if len(loose) >= FEWEST else ():
            content = content_of(name)
            if content:
                batch[name] = content
            if len(batch) >= MOST or sum(map(len, batch.values())) > LARGEST:
                self._write_pack(batch)
                batch = {}
        if len(batch) >= FEWEST:
            self._write_pack(batch)
        self.store.remove(outdated)

    def _write_pack(self, batch: Mapping[str, bytes]) -> None:
        content = pack(batch)
        name = f"{PACKS}/{hashlib.blake2b(content, digest_size=16).hexdigest()}"
        self.store.create(name, content)
        self._remember(name, batch)

    def _indices(self, listed: Mapping[str, int]) -> dict[str, list[str]]:
        """The names in each pack of a listing."""
        found = {}
        for name in sorted(each for each in listed if each.startswith(f"{PACKS}/") and each.count("/") == 1):
            try:
                found[name] = self._file(name).read_text(encoding="utf-8").splitlines()
            except OSError:
                with suppress(DamagedFile):
                    found[name] = packed_names(self.store.read_start(name, START) if listed[name] else b"", name)
                    self._remember(name, found[name])
        return found

    def _read_pack(self, name: str) -> Mapping[str, bytes]:
        """What is in a pack; nothing where it is damaged, since its objects can be read one by one."""
        try:
            content = self.store.read([name]).get(name)
            return {} if content is None else unpack(content, name)
        except DamagedFile as error:
            warn(f"{self.store.url}: {error}; its objects are read one by one, and you can remove it")
            return {}

    def _remember(self, name: str, names: Collection[str]) -> None:
        with suppress(OSError):
            write_text(self._file(name), "".join(f"{each}\n" for each in names))

    def _file(self, name: str) -> Path:
        return self.folder / name.partition("/")[2]


def _batches(names: Iterable[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """The names in groups that are read at once."""
    batch, size = list[str](), 0
    for name in names:
        if batch and (len(batch) >= AT_ONCE or size + sizes[name] > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += sizes[name]
    if batch:
        yield batch
