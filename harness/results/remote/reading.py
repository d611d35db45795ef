"""Reading: objects of a store that are read into the local copy of a home."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.data.damage import warn
from harness.errors import DamagedFile, InfrastructureFault, LaterVersion
from harness.results.remote.copies import Copies, Copy
from harness.results.remote.items import CELLS, check_item, digest_of, state_of_item, write_item
from harness.results.remote.packing import unpack
from harness.results.remote.store import Entry, Store
from harness.results.stored_parts import StoredParts


class Reading:
    """What this process reads; objects that it cannot use are not read again."""

    def __init__(self, home: Path, store: Store, copies: Copies) -> None:
        self.home, self.store, self.copies = home, store, copies
        self.damaged: dict[str, int] = {}  # by item: the number of a damaged object
        self.later: dict[str, int] = {}  # by item: the number of an object that a later version of harness wrote

    def is_unusable(self, item: str, number: int) -> bool:
        """Whether an object, or one with a higher number, turned out to be damaged, or of a later version."""
        return number <= max(self.damaged.get(item, 0), self.later.get(item, 0))

    def fetched(self, name: str) -> dict[str, bytes] | None:
        """The files of an object, the main one first; None where it is damaged or gone. Raises LaterVersion."""
        content = self.store.read([name]).get(name)
        return None if content is None else self._unpacked(name, content)

    def take(self, name: str, content: bytes, entry: Entry) -> Copy | None:
        """Write an object with this content, which was listed so, to the local copy; None where it cannot be used."""
        try:
            files = self._unpacked(name, content)
        except LaterVersion as error:
            warn(f"{self.store.url}: {error}; it is left out")
            return None
        return None if files is None else self.write(name, files, entry)

    def write(self, name: str, files: Mapping[str, bytes], entry: Entry) -> Copy:
        """Write the files of an object, which was listed so, to the local copy, unless it has them.

        With the run of a cell, its parts are removed: they are of an earlier run.
        """
        item, _, number = name.rpartition("/")
        digest, known = digest_of(next(iter(files.values()))), self.copies.find(item)
        if known is None or known.digest != digest or known.state != state_of_item(self.home, item):
            try:
                write_item(self.home, item, files)
                if item.startswith(f"{CELLS}/"):
                    StoredParts(self.home, item.partition("/")[2]).remove()
            except OSError as error:
                raise InfrastructureFault(
                    f"the local copy {self.home} of {self.store.url} cannot be written ({error.strerror}); make room "
                    "or mend it, or name another folder by HARNESS_CACHE_DIR"
                ) from error
        return Copy(int(number), digest, state_of_item(self.home, item), entry.size, entry.version)

    def _unpacked(self, name: str, content: bytes) -> dict[str, bytes] | None:
        item, _, number = name.rpartition("/")
        try:
            files = unpack(content, name)
            check_item(item, files, name)
        except DamagedFile as error:
            self.damaged[item] = int(number)
            warn(f"{self.store.url}: {error}; a run of its board computes it again")
            return None
        except LaterVersion:
            self.later[item] = int(number)
            raise
        return files
