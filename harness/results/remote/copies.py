"""Copies: which object of the store each item of the local copy equals, in a file to which lines are added.

The file only saves requests: an item that it does not name is compared with the store by content. So it may be lost,
and several processes may add lines at once.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.data.storage import atomic_file
from harness.results.remote.store import Entry

FILE = "copies.jsonl"
SPARE = 1000  # superseded lines, until the file is written anew


@dataclass(frozen=True)
class Copy:
    """An item as it is in the store: the number of its object, the hash of its main file, and the state of that.

    Of an item that was removed from the store only the number is left. The version is that of a listing; it is empty
    until one has told it.
    """

    number: int
    digest: str
    state: str
    size: int = 0  # of the object
    version: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether the store had the object when this process last knew."""
        return bool(self.digest)

    def is_of(self, number: int, entry: Entry) -> bool:
        """Whether it is of this object, as it was listed."""
        return (self.number, self.size) == (number, entry.size) and self.version in ("", entry.version)


class Copies:
    """The objects that the items of a home equal."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._copies: dict[str, Copy] = {}
        self._lock = threading.Lock()
        self._read = 0  # bytes
        self._lines = 0

    def refresh(self) -> None:
        """Read the lines that other processes added."""
        with self._lock:
            self._refresh()

    def _refresh(self) -> None:
        try:
            with open(self.path, "rb") as file:
                if os.fstat(file.fileno()).st_size < self._read:  # written anew
                    self._copies, self._read, self._lines = {}, 0, 0
                file.seek(self._read)
                added = file.read()
        except FileNotFoundError:
            self._copies, self._read, self._lines = {}, 0, 0
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._lines += 1
            with suppress(ValueError, TypeError):
                item, number, digest, state, size, version = json.loads(line)
                self._copies[str(item)] = Copy(int(number), str(digest), str(state), int(size), str(version))

    def find(self, item: str) -> Copy | None:
        """The object that the item was equal to; None if it is not known."""
        return self._copies.get(item)

    def is_stored(self, item: str) -> bool:
        """Whether the store had the item when this process last knew."""
        copy = self.find(item)
        return copy is not None and copy.is_stored

    def known(self) -> Mapping[str, Copy]:
        """What is known now."""
        with self._lock:
            return dict(self._copies)

    def note(self, item: str, copy: Copy) -> None:
        """Note the object that the item equals."""
        self.note_all({item: copy})

    def note_all(self, copies: Mapping[str, Copy]) -> None:
        """Note many at once."""
        if not copies:
            return
        lines = [_line(item, copy) for item, copy in copies.items()]
        with self._lock:
            with open(self.path, "ab") as file:  # in one write, so that it is not mixed with lines of other processes
                file.write("".join(lines).encode())
            self._copies |= copies

    def compact(self) -> None:
        """Write the file anew where most of its lines are superseded; what is added meanwhile may be lost."""
        if self._lines > 2 * len(self._copies) + SPARE:
            with suppress(OSError), atomic_file(self.path, durable=False) as draft:
                lines = [_line(item, copy) for item, copy in self._copies.items() if copy.number]
                draft.write_text("".join(lines), encoding="utf-8")
            self._read = self._lines = 0


def _line(item: str, copy: Copy) -> str:
    return json.dumps([item, copy.number, copy.digest, copy.state, copy.size, copy.version]) + "\n"
