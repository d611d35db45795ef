"""Locks on the cells of a home in a store: machines that share it divide the pending cells.

A process whose counter this one has seen unchanged for a minute is gone, and its locks may be taken over by creating
the next number. No host name, process number or clock of another machine is trusted. Results do not depend on locks: if
two processes run a cell all the same, the record that is stored first counts.

The first lock of a cell is created without a look at the store. So the locks that were replaced stay as long as the one
that replaced them: a lower number that were free again could be created beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.execution.activity import STALE, own_activity
from harness.execution.locks.local import HEARTBEAT
from harness.execution.locks.stored import (
    LEASES,
    LOCKS,
    Lease,
    Lock,
    lock_name,
    lock_numbers,
    read_leases,
    read_locks,
)
from harness.execution.process_usage import PROC, has_ended, identity
from harness.results.remote.items import CELLS, part_item
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.remote_parts import exchange_parts
from harness.results.remote.store import StoreUnavailable
from harness.results.stored_parts import StoredParts

SOON = 3.0  # seconds between two times that a lease is written since what its process does has changed
LOOK = 5.0  # seconds between two looks at what other machines do, if one takes less than a second


class RemoteLocks:
    """The locks of this process in a store; a thread renews its lease until `close`.

    Its methods raise StoreUnavailable once the store was given up, for which `take` waits.
    """

    def __init__(self, remote: RemoteHome) -> None:
        self.remote, self.store = remote, remote.store
        self.token = uuid.uuid4().hex
        self._lease = Lease(socket.gethostname(), os.getpid(), identity(os.getpid()))
        self._held: dict[str, Lock] = {}  # by key
        self._asked: set[str] = set()  # keys of cells that this process runs, or would run
        self._done: list[tuple[str, Lock]] = []  # locks that are not needed any more, with their keys
        self._locks: dict[str, Lock] = {}  # of others, as last seen
        self._leases: dict[str, Lease | None] = {}  # by token, as last seen; None where the process has ended
        self._seen: dict[str, tuple[int, float]] = {}  # by token: its counter, and since when it is so
        self._next_look, self._renewed = float("-inf"), time.monotonic()
        self._doubts = False  # whether others may have its locks: it gave no sign for some time, or a removal failed
        self._changes = threading.Lock()  # of a thread that locks a cell, or removes locks
        self._closed, self._news = threading.Event(), threading.Event()
        self._told = float("-inf")
        self._write_lease()
        self._others = self._all_leases(), time.monotonic()
        self._thread = threading.Thread(target=self._renew, name="harness-lease", daemon=True)
        self._thread.start()

    def take(self, key: str) -> bool:
        """Lock a cell or a part; False if another, living process holds its lock.

        Results that are stored meanwhile are read, also of its parts.
        """
        if key in self._held:
            return True
        attempt = self.remote.patience.attempt
        if not attempt(lambda: self._lock(key)):
            return False
        attempt(lambda: self._read_results(key))
        return True

    def _lock(self, key: str) -> bool:
        """Lock a cell or a part, in one try; it can be repeated."""
        self._asked.add(key.partition(".")[0])
        with self._changes:
            lock = self._locks.get(key)
            if lock is not None and self._is_gone(lock):  # it may have told something since the last look
                lock = self._look_up(key)
            if lock is None or (lock.token != self.token and self._is_gone(lock)):
                lock = self._created(key, lock) or self._look_up(key)
            if lock is None or lock.token != self.token:
                return False
            self._done = [each for each in self._done if each[0] != key]  # it may be released and not yet removed
            self._locks.pop(key, None)
            self._held[key] = lock
            return True

    def _created(self, key: str, former: Lock | None) -> Lock | None:
        """A lock of this process in place of one whose owner is gone; None if another process has made one."""
        if former is not None and self._has_ended(former):
            self.store.remove([f"{LEASES}/{former.token}"])
        replaced = () if former is None else (*former.replaced, former.number)
        lock = Lock(1 + max(replaced, default=0), self.token, replaced)
        return lock if self.store.create(lock_name(key, lock.number), self.token.encode()) else None

    def release(self, key: str) -> None:
        """Unlock a cell; others learn it at once, or some seconds later."""
        lock = self._held.pop(key, None)
        self._asked.discard(key)
        if lock is not None:
            self._done.append((key, lock))
            self._news.set()

    def owner(self, key: str) -> str:
        """Who holds the lock of a cell, as part of a sentence."""
        lock = self._locks.get(key)
        lease = None if lock is None else self._leases.get(lock.token)
        return "another machine" if lease is None else f"process {lease.process} on {lease.host}"

    def silent_for(self, key: str) -> float:
        """For how many seconds the owner of the lock of a cell has given no sign while this process watched it."""
        lock = self._locks.get(key)
        seen = None if lock is None else self._seen.get(lock.token)
        return 0.0 if seen is None else time.monotonic() - seen[1]

    def tell(self) -> None:
        """Have the lease written soon, since what this process does has changed; the first time at once."""
        self._news.set()

    def look(self) -> None:
        """Learn, some seconds after the last time, which cells other machines run, and read what they stored.

        A look that takes long, as in a store of many objects, is followed by a pause that is longer in proportion.
        """
        began = time.monotonic()
        if began < self._next_look:
            return
        self._next_look = began + LOOK
        with self.remote.patience.one_try():
            self._remove_done()
            self._locks = self._locks_among(self.store.names(LOCKS))
            self.remote.pull(self._asked)
            now = time.monotonic()
            self._next_look = now + LOOK * max(1.0, now - began)

    def read_finished(self) -> bool:
        """Read the cells that other machines stored, by a list of those in the store; False if it did not answer."""
        with self.remote.patience.one_try():
            self.remote.pull_folder(CELLS)
            return True
        return False

    def close(self) -> None:
        """Release all locks, and end the lease, as far as the store answers; others wait a minute if it does not."""
        self._closed.set()
        self._news.set()
        if not self.remote.patience.is_answered:
            return
        self._thread.join()
        for key in list(self._held):
            self.release(key)
        with contextlib.suppress(StoreUnavailable):
            self._remove_done()
            self.store.remove([f"{LEASES}/{self.token}", *self._abandoned()])

    def _read_results(self, key: str) -> None:
        """Read what is stored of a cell or a part that was just locked."""
        cell, _, part = key.partition(".")
        self.remote.pull_folder(part_item(cell, part) if part else f"{CELLS}/{cell}")
        if not part and StoredParts(self.remote.home, cell).is_planned:
            exchange_parts(self.remote, cell)

    def _look_up(self, key: str) -> Lock | None:
        """The lock of a cell, as it is in the store now."""
        found = self._locks_among(self.store.names(f"{LOCKS}/{key}"))
        self._locks.pop(key, None)
        self._locks |= found
        return found.get(key)

    def _locks_among(self, names: Mapping[str, int]) -> dict[str, Lock]:
        """The locks of others among these objects, by key; learns which of their processes live."""
        numbers = lock_numbers(names)
        others = {
            key: each for key, each in numbers.items() if key not in self._held or self._held[key].number < each[-1]
        }
        locks = read_locks(self.store, others)
        tokens = {lock.token for lock in locks.values()}
        leases = read_leases(self.store, tokens)  # after the locks: who has none is gone
        now = time.monotonic()
        for token, lease in leases.items():
            self._leases[token] = lease
            if lease is not None and self._seen.get(token, (-1, now))[0] != lease.counter:
                self._seen[token] = lease.counter, now
        return locks

    def _is_gone(self, lock: Lock) -> bool:
        """Whether the owner of a lock has ended, or tells nothing."""
        return self._leases.get(lock.token) is None or self._has_ended(lock) or self._is_silent(lock)

    def _has_ended(self, lock: Lock) -> bool:
        """Whether the owner of a lock is known to have ended, and left its lease."""
        lease = self._leases.get(lock.token)
        return lease is not None and PROC and has_ended(lease.process, lease.identity)

    def _is_silent(self, lock: Lock) -> bool:
        """Whether the counter of the owner stood still as long as this process watched it."""
        return self._leases.get(lock.token) is not None and time.monotonic() - self._seen[lock.token][1] > STALE

    def _all_leases(self) -> Mapping[str, bytes]:
        return self.store.read(self.store.names(LEASES))

    def _abandoned(self) -> list[str]:
        """The leases that were not renewed while this process ran, if that was long enough to tell."""
        before, since = self._others
        if time.monotonic() - since <= STALE:
            return []
        return [name for name, content in self._all_leases().items() if before.get(name) == content]

    def _remove_done(self) -> None:
        """Remove the locks that are not needed, and before each those that it replaced."""
        with self._changes:
            done = list(self._done)
            self._note_silence()
            mine = self._still_held(done) if done and self._doubts else done
            try:
                self.store.remove([lock_name(key, number) for key, lock in mine for number in lock.replaced])
                self.store.remove([lock_name(key, lock.number) for key, lock in mine])
            except StoreUnavailable:
                self._doubts = True
                raise
            del self._done[: len(done)]

    def _still_held(self, locks: Iterable[tuple[str, Lock]]) -> list[tuple[str, Lock]]:
        """Those of these locks of this process that no other one has replaced."""
        found = read_locks(self.store, lock_numbers(self.store.names(LOCKS)))
        highest = {(key, lock.number, lock.token) for key, lock in found.items()}
        return [(key, lock) for key, lock in locks if (key, lock.number, lock.token) in highest]

    def _note_silence(self) -> None:
        self._doubts = self._doubts or time.monotonic() - self._renewed > STALE / 2

    def _renew(self) -> None:
        while not self._closed.is_set():
            if is_told := self._news.wait(HEARTBEAT):
                self._closed.wait(self._told + SOON - time.monotonic())
                self._news.clear()
                self._told = time.monotonic()
            if is_told and self._closed.is_set():
                return
            with contextlib.suppress(StoreUnavailable):
                self._write_lease()
                self.remote.patience.other_answered()
                self._remove_done()

    def _write_lease(self) -> None:
        self._lease = replace(self._lease, counter=self._lease.counter + 1)
        fields = {**vars(self._lease), "activity": own_activity(self.remote.home)}
        self.store.write(f"{LEASES}/{self.token}", json.dumps(fields).encode())
        self._note_silence()
        self._renewed = time.monotonic()
