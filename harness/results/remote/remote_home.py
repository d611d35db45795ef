"""RemoteHome: a home in an object store, and the local copy that all commands read.

<url>/home.json                   the format, and what tells this home from another one at the same URL
<url>/cells/<key>/<number>        a cell with its arrays; the highest number counts: `--rerun` adds the next one
<url>/actuals/<hash>/<number>     the actuals of a task
<url>/boards/<board>/<number>     the plan of a board
<url>/selections/<board>/<hash>/<number>   which cells of a board a command asked for
<url>/bench/<machine>/<key>/<number>   measurements
<url>/plans/<id>/1                a run plan, whose id is a hash of its content
<url>/parts/<key>/<part>/<number> a part of a cell, or the plan of its parts, until the cell is stored
<url>/conflicts/<key>/<hash>      a result of a cell that differs from the one that counts
<url>/packs/<hash>                copies of many small objects, to read them at once
<url>/locks/, <url>/leases/       which process runs a cell
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from harness.data.damage import set_aside, warn
from harness.data.storage import read_file
from harness.errors import DamagedFile, LaterVersion
from harness.results.conflicts import note_conflicts
from harness.results.remote.conflicts import store_conflict, stored_conflicts
from harness.results.remote.copies import Copies, Copy
from harness.results.remote.former import move_aside, move_everything_aside, remove_former_standings
from harness.results.remote.identity import HOME, emptied, home_identity, prepare_store
from harness.results.remote.items import (
    BENCH,
    BOARDS,
    CELLS,
    OF_PARTS,
    PARTS,
    digest_of,
    is_wanted,
    latest,
    local_items,
    part_item,
    push_order,
    read_item,
    result_of,
    state_of_item,
)
from harness.results.remote.local_lock import locked
from harness.results.remote.packing import pack
from harness.results.remote.packs import Packs
from harness.results.remote.patience import Patience
from harness.results.remote.reading import Reading
from harness.results.remote.store import Entry, Store, StoreUnavailable
from harness.results.stored_parts import StoredParts

PULLED = "last-pull"  # a file of the local copy that is written when the copy was brought up to date
NOT_STORED = Copy(0, "", "")
TRIES = 5  # while other machines replace what is read
AT_ONCE = 8  # items that are pushed


class RemoteHome:
    """The local copy of a home in a store. `pull` brings it up to date, `push` stores what was computed here."""

    def __init__(self, home: Path, store: Store) -> None:
        self.home, self.store = home, store
        self.copies, self.packs = Copies(home), Packs(home, store)
        self.reading = Reading(home, store, self.copies)
        self.patience = Patience(store.url)  # with which a run waits for the store
        self._seen: Mapping[str, int] = {}  # the items of the last complete listing, with the numbers that count

    def pull(self, cells: Collection[str] = ()) -> None:
        """Read what other machines stored since the last time; raises StoreUnavailable or HomeUnusable.

        Of cells in parts that is which parts they have, and of those with these keys also the parts.
        """
        with locked(self.home):
            self._pull(cells)
            (self.home / PULLED).touch()

    def last_pull(self) -> float | None:
        """When the local copy was last brought up to date, in seconds since 1970; None if it never was."""
        path = self.home / PULLED
        return path.stat().st_mtime if path.exists() else None

    def pending_items(self) -> list[str]:
        """The items of the local copy that are not known to be stored."""
        self.copies.refresh()
        return [item for item in local_items(self.home) if self._is_pending(item)]

    def push(self, item: str) -> None:
        """Store an item of the local copy, such as "cells/<key>", unless it is stored.

        The first result of a cell counts. Another one that differs is stored beside it, and a warning tells so. Beside
        one that a later version of harness wrote, nothing is stored, and a warning tells so.
        """
        self.copies.refresh()
        state, copy = state_of_item(self.home, item), self.copies.find(item)
        files = {} if copy is not None and copy.state == state else self._read(item)
        if not files:
            return
        digest, former = digest_of(next(iter(files.values()))), 0 if copy is None else copy.number
        if copy is not None and copy.digest == digest:
            self.copies.note(item, replace(copy, state=state))
            return
        number = max(former, self.reading.damaged.get(item, 0)) + 1
        content = pack(files)
        for _ in range(TRIES):
            if self._seen.get(item, 0) < number and self.store.create(f"{item}/{number}", content):
                self.copies.note(item, Copy(number, digest, state, len(content)))
                self.store.remove([f"{item}/{former}"] if former else [])
                return
            listed = self.store.entries(item)
            former = latest(listed).get(item, number)
            name = f"{item}/{former}"
            try:
                theirs = self.reading.fetched(name)
            except LaterVersion as error:
                warn(f"{self.store.url}: {error}; what this machine has of that stays in {self.home} and is not stored")
                return
            if theirs is not None and digest_of(next(iter(theirs.values()))) == digest:
                self.copies.note(item, Copy(former, digest, state, listed[name].size, listed[name].version))
                return
            if theirs is not None and not item.startswith((BOARDS, BENCH)):  # of which the last one counts
                self._yield_to(name, listed[name], theirs, files)
                return
            number = former + 1
        raise StoreUnavailable(f"the store {self.store.url} does not keep {item}: others replace it all the time")

    def push_pending(self) -> None:
        """Store all items of the local copy that are not stored."""
        if not (items := self.pending_items()):
            return
        items.sort(key=push_order)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="harness-push") as threads:
            for _, of_kind in groupby(items, push_order):
                list(threads.map(self.push, of_kind))

    def write_packs(self) -> None:
        """Pack the small objects that are in no pack, and remove objects that were replaced."""
        listed = self._listed()
        numbers = latest(listed)
        current = {f"{item}/{number}": listed[f"{item}/{number}"] for item, number in numbers.items()}
        self.store.remove([name for name in listed if name.rpartition("/")[0] in numbers and name not in current])
        lasting = {name: entry for name, entry in current.items() if not name.startswith(PARTS)}
        self.packs.write(lasting, listed, lambda name: self._content(name, listed[name]))

    def prepare(self) -> None:
        """Make sure that the store can be written to, and that it keeps what is there; raises StoreUnavailable."""
        prepare_store(self.store)
        with locked(self.home):
            self._identify([HOME])

    def pull_folder(self, folder: str) -> None:
        """Read the items in a folder of the store, such as those of one cell, as far as it has later ones."""
        self.copies.refresh()
        known, listed = self.copies.known(), self._listed(folder)
        if lacking := self._lacking(known, listed, latest(listed)):
            with locked(self.home):
                self._take(lacking, listed)

    def remove_folder(self, folder: str) -> None:
        """Remove the items in a folder of the store, first the plan of parts; the local copy stays as it is."""
        listed = self.store.names(folder)
        plan = part_item(folder.rpartition("/")[2])
        for of_plan in (True, False):
            self.store.remove([name for name in listed if name.startswith(f"{plan}/") is of_plan])
        self.copies.note_all(dict.fromkeys(latest(listed), NOT_STORED))

    def reject(self, item: str) -> None:
        """Have the object that an item equals not read again, since its content cannot be used."""
        self.reading.damaged[item] = (self.copies.find(item) or NOT_STORED).number

    def _pull(self, cells: Collection[str]) -> None:
        self.copies.refresh()
        for _ in range(TRIES):
            known = self.copies.known()  # before the listing
            listed = self._listed()
            self._identify(listed)
            self._seen = numbers = latest(listed)
            wanted = {item: number for item, number in numbers.items() if is_wanted(item, cells)}
            lacking = self._lacking(known, listed, wanted)
            if not lacking or self._take(lacking, listed):
                break
        note_conflicts(self.home, stored_conflicts(listed))
        self._remove_gone([item for item, copy in known.items() if copy.is_stored and item not in numbers])
        self.copies.compact()

    def _listed(self, folder: str = "") -> Mapping[str, Entry]:
        """The objects in a folder of the store; the versions of those that were stored here are noted."""
        known, listed = self.copies.known(), self.store.entries(folder)
        notes = {}
        for item, copy in known.items():
            if copy.is_stored and not copy.version and copy == self.copies.find(item):
                entry = listed.get(f"{item}/{copy.number}")
                if entry is not None and entry.version and copy.is_of(copy.number, entry):
                    notes[item] = replace(copy, version=entry.version)
        self.copies.note_all(notes)
        return listed

    def _remove_gone(self, items: Sequence[str]) -> None:
        """Move away what somebody removed from the store, unless it was computed here; parts of cells are removed."""
        parts = [item for item in items if item.startswith(PARTS)]
        gone = [item for item in items if item not in parts and not self._is_pending(item)]
        move_aside(self.home, [item for item in gone if state_of_item(self.home, item)], self.store.url)
        for item in parts:
            _, key, name = item.split("/")
            if name == OF_PARTS:
                StoredParts(self.home, key).remove()
        copies = {item: self.copies.find(item) or NOT_STORED for item in gone}
        numbers = {item: Copy(copy.number, "", "") for item, copy in copies.items()}  # which are not used again
        self.copies.note_all(numbers | dict.fromkeys(parts, NOT_STORED))

    def _lacking(
        self, known: Mapping[str, Copy], listed: Mapping[str, Entry], numbers: Mapping[str, int]
    ) -> dict[str, str]:
        """Those of these items, by object, whose local copy, as known before the listing, is of another object.

        What was computed here and not stored is not among them.
        """
        lacking = {}
        for item, number in numbers.items():
            name = f"{item}/{number}"
            if self.reading.is_unusable(item, number):
                continue
            state, copy = state_of_item(self.home, item), known.get(item)
            if not state or (copy is not None and copy.state == state and not copy.is_of(number, listed[name])):
                lacking[name] = item
        return lacking

    def _is_pending(self, item: str) -> bool:
        """Whether an item of the local copy is not known to be stored."""
        copy = self.copies.find(item)
        return copy is None or copy.state != state_of_item(self.home, item)

    def _take(self, lacking: Mapping[str, str], listed: Mapping[str, Entry]) -> bool:
        """Read objects into the local copy; False where some are gone, since other machines replaced them."""
        missing, taken = set(lacking), list[str]()
        for found in self.packs.contents(lacking, listed):
            notes = {}
            for name, content in found.items():
                missing.discard(name)
                copy, former = self.reading.take(name, content, listed[name]), self.copies.find(lacking[name])
                if copy is not None:
                    notes[lacking[name]] = copy
                    taken += [] if former is not None and former.state == copy.state else [lacking[name]]
            self.copies.note_all(notes)
        remove_former_standings(self.home, taken)
        return not missing

    def _yield_to(self, name: str, entry: Entry, theirs: dict[str, bytes], ours: dict[str, bytes]) -> None:
        """Take the object that another machine stored first; a result that differs is kept beside it."""
        item = name.rpartition("/")[0]
        if item.startswith(CELLS) and result_of(theirs) != result_of(ours):
            key = item.partition("/")[2]
            kept = store_conflict(self.store, key, ours)
            warn(
                f"two machines ran cell {key} and have different results, so its forecaster is not deterministic, or "
                f"their libraries differ; the first one counts, and the other is {self.store.url}/{kept}"
            )
        with locked(self.home):
            self.copies.note(item, self.reading.write(name, theirs, entry))
        remove_former_standings(self.home, [item])

    def _read(self, item: str) -> dict[str, bytes]:
        """The files of an item of the local copy; none where they are damaged, and moved away."""
        try:
            return read_item(self.home, item)
        except DamagedFile as error:
            set_aside(error, self.home, "its cell is pending again: run its board")
            return {}

    def _content(self, name: str, entry: Entry) -> bytes:
        """The content of an object from the local copy; empty where that has another one."""
        item, _, number = name.rpartition("/")
        copy = self.copies.find(item)
        if copy is None or not copy.is_of(int(number), entry) or self._is_pending(item):
            return b""
        files = self._read(item)
        return pack(files) if files else b""

    def _identify(self, listed: Collection[str]) -> None:
        """Make sure that the local copy is of this home; one of another home at the same URL is moved away.

        Raises StoreUnavailable for a store that is empty, and was not before.
        """
        found = home_identity(self.store, listed)
        path = self.home / "store-id"
        known = read_file(path) or b""
        if known and not listed:
            raise emptied(self.store, path)
        if known and known != found:
            unstored = sum(item.startswith(CELLS) for item in self.pending_items())
            move_everything_aside(self.home, known.decode(errors="replace"), self.store.url, unstored)
            self.copies.refresh()
        if known != found:
            path.write_bytes(found)
