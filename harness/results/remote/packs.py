"""Packs: objects that repeat up to a thousand small others, so that a machine without them reads few objects.

A pack only saves requests. What it repeats stays in the store, and counts only as long as it is listed as it was when
it was packed. So each name in a pack has a stamp, a hash of what was listed of its object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from harness.data.damage import warn
from harness.data.storage import write_text
from harness.errors import DamagedFile, LaterVersion
from harness.results.remote.packing import START, pack, packed_names, unpack
from harness.results.remote.store import Entry, Store

PACKS = "packs"
FEWEST = 200  # objects in a pack
MOST = 1000
SMALL = 1 << 18  # bytes, of an object that is packed
LARGEST = 1 << 25  # bytes of objects in a pack
MANY = 50  # objects that are lacking, for which packs are looked at
AT_ONCE, BYTES_AT_ONCE = 500, 1 << 26  # objects that are read at once, unless one is larger


class Packs:
    """The packs of a store; which stamped names each has is remembered in the home."""

    def __init__(self, home: Path, store: Store) -> None:
        self.folder, self.store = home / PACKS, store

    def contents(self, lacking: Collection[str], listed: Mapping[str, Entry]) -> Iterator[Mapping[str, bytes]]:
        """The contents of objects by name, some at a time; those that are gone, or damaged in a pack, are left out."""
        rest = {_stamped(name, listed[name]): name for name in lacking}
        if len(rest) >= MANY:
            for pack_name, names in self._indices(listed).items():
                if len(rest.keys() & set(names)) >= MANY // 2:
                    found = self._read_pack(pack_name)
                    yield {rest.pop(each): found[each] for each in rest.keys() & found.keys()}
        for batch in _batches(sorted(rest.values()), listed):
            yield self.store.read(batch)

    def write(
        self, current: Mapping[str, Entry], listed: Mapping[str, Entry], content_of: Callable[[str], bytes]
    ) -> None:
        """Pack the current objects that are small and in no pack; remove outdated packs."""
        indices, stamped = self._indices(listed), {_stamped(name, entry): name for name, entry in current.items()}
        outdated = [name for name, names in indices.items() if 2 * sum(each in stamped for each in names) < len(names)]
        packed = {each for name, names in indices.items() if name not in outdated for each in names}
        loose = sorted(each for each, name in stamped.items() if current[name].size <= SMALL and each not in packed)
        batch: dict[str, bytes] = {}
        for each in loose if len(loose) >= FEWEST else ():
            content = content_of(stamped[each])
            if content:
                batch[each] = content
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

    def _indices(self, listed: Mapping[str, Entry]) -> dict[str, list[str]]:
        """The stamped names in each pack of a listing."""
        found = {}
        for name in sorted(each for each in listed if each.startswith(f"{PACKS}/") and each.count("/") == 1):
            try:
                found[name] = self._file(name).read_text(encoding="utf-8").splitlines()
            except OSError:
                with suppress(DamagedFile, LaterVersion):
                    found[name] = packed_names(self.store.read_start(name, START) if listed[name].size else b"", name)
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


def _stamped(name: str, entry: Entry) -> str:
    """The name of an object in packs."""
    return f"{name}/{hashlib.blake2b(f'{entry.size} {entry.version}'.encode(), digest_size=8).hexdigest()}"


def _batches(names: Iterable[str], listed: Mapping[str, Entry]) -> Iterator[list[str]]:
    """The names in groups that are read at once."""
    batch, size = list[str](), 0
    for name in names:
        if batch and (len(batch) >= AT_ONCE or size + listed[name].size > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += listed[name].size
    if batch:
        yield batch
