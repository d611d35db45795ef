"""Locks on the cells of a home in a store: machines that share it divide the pending cells.

<url>/leases/<token>           a process that runs cells: a counter that it raises at intervals, and its activity
<url>/locks/<key>/<number>     the process that runs a cell, by its token; the highest number counts
<url>/locks/<key>.<part>/<number>   the process that evaluates a part of a cell

A process whose counter this one has seen unchanged for a minute is gone, and its locks may be taken over by creating
the next number. No host name, process number or clock of another machine is trusted. Results do not depend on locks: if
two processes run a cell all the same, the record that is stored first counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.execution.activity import STALE, Activity, own_activity, read_activity
from harness.execution.locks.local import HEARTBEAT
from harness.execution.process_usage import PROC, has_ended, identity
from harness.results.remote.items import CELLS, part_item
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.remote_parts import exchange_parts
from harness.results.remote.store import Store, StoreUnavailable
from harness.results.stored_parts import StoredParts

LEASES, LOCKS = "leases", "locks"
SOON = 3.0  # seconds between two times that a lease is written since what its process does has changed
LOOK = 5.0  # seconds between two looks at what other machines do


@dataclass(frozen=True)
class Lease:
    """What a process tells of itself."""

    host: str
    process: int
    identity: str
    counter: int = 0


@dataclass(frozen=True)
class Lock:
    """The lock of a cell: its number, and the token of its owner."""

    number: int
    token: str


class RemoteLocks:
    """The locks of this process in a store; a thread renews its lease until `close`.

    Its methods raise StoreUnavailable once the store was given up, for which `take` waits.
    """

    def __init__(self, remote: RemoteHome) -> None:
        self.remote, self.store = remote, remote.store
        self.token = uuid.uuid4().hex
        self._lease = Lease(socket.gethostname(), os.getpid(), identity(os.getpid()))
        self._held: dict[str, int] = {}  # by key: the number of the lock
        self._asked: set[str] = set()  # keys of cells that this process runs, or would run
        self._done: list[str] = []  # objects of locks that are not needed any more
        self._locks: dict[str, Lock] = {}  # of others, as last seen
        self._leases: dict[str, Lease | None] = {}  # by token, as last seen; None where the process has ended
        self._seen: dict[str, tuple[int, float]] = {}  # by token: its counter, and since when it is so
        self._looked = self._renewed = self._removed = float("-inf")
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
        if self._done and time.monotonic() - self._removed > HEARTBEAT:
            self._remove_done()
        other = self._locks.get(key)
        if other is not None and self._is_silent(other):  # it may have told something since the last look
            del self._locks[key]
            self._look_at(self.store.names(f"{LOCKS}/{key}"))
            other = self._locks.get(key)
        if other is not None and not self._is_gone(other):
            return False
        number = 1 if other is None else other.number + 1
        if not self.store.create(f"{LOCKS}/{key}/{number}", self.token.encode()):
            self._locks.pop(key, None)
            self._look_at(self.store.names(f"{LOCKS}/{key}"))
            if (lock := self._locks.get(key)) is None or lock.token != self.token:
                return False
            number = lock.number  # the first try was answered too late, or it was released and is not yet removed
            self._done = [name for name in self._done if name != f"{LOCKS}/{key}/{number}"]
        elif other is not None:
            self._done += [f"{LOCKS}/{key}/{other.number}", f"{LEASES}/{other.token}"]
        self._locks.pop(key, None)
        self._held[key] = number
        return True

    def release(self, key: str) -> None:
        """Unlock a cell; others learn it at once, or a little later."""
        number = self._held.pop(key, None)
        self._asked.discard(key)
        if number is not None:
            self._done.append(f"{LOCKS}/{key}/{number}")

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
        """Learn, some seconds after the last time, which cells other machines run, and read what they stored."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        with self._patient():
            self._remove_done()
            locks = self.store.names(LOCKS)
            self._locks.clear()
            self._look_at(locks)
            self.remote.pull(self._asked)

    def read_finished(self) -> None:
        """Read the cells that other machines stored, by a list of those in the store."""
        with self._patient():
            self.remote.pull_folder(CELLS)

    @contextlib.contextmanager
    def _patient(self) -> Iterator[None]:
        """Try what is tried again later, until the store is given up."""
        try:
            yield
        except StoreUnavailable as error:
            self.remote.patience.failed(error)
        else:
            self.remote.patience.answered()

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

    def _look_at(self, names: Mapping[str, int]) -> None:
        """Learn who holds these locks, and which of their processes live."""
        highest: dict[str, int] = {}
        for name in names:
            _, key, number = name.split("/")
            highest[key] = max(highest.get(key, 0), int(number))
        paths = {f"{LOCKS}/{key}/{number}": key for key, number in highest.items() if self._held.get(key) != number}
        found = self.store.read(paths)
        locks = {paths[name]: Lock(highest[paths[name]], content.decode()) for name, content in found.items()}
        tokens = {lock.token for lock in locks.values()}
        leases = self.store.read(f"{LEASES}/{token}" for token in tokens)  # after the locks: who has none has ended
        now = time.monotonic()
        for token in tokens:
            self._leases[token] = lease = _lease(leases.get(f"{LEASES}/{token}"))
            if lease is not None and self._seen.get(token, (-1, now))[0] != lease.counter:
                self._seen[token] = lease.counter, now
        self._locks |= locks

    def _is_gone(self, lock: Lock) -> bool:
        """Whether the owner of a lock has ended, or tells nothing."""
        lease = self._leases.get(lock.token)
        return lease is None or bool(PROC and has_ended(lease.process, lease.identity)) or self._is_silent(lock)

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
        """Remove the locks that are not needed, unless this process was suspended, and they may be others' now."""
        done, self._done, self._removed = self._done, [], time.monotonic()
        try:
            if done and time.monotonic() - self._renewed > STALE / 2:
                done = [name for name, token in self.store.read(done).items() if token.decode() == self.token]
            self.store.remove(done)
        except StoreUnavailable:
            self._done += done
            raise

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

    def _write_lease(self) -> None:
        self._lease = replace(self._lease, counter=self._lease.counter + 1)
        fields = {**vars(self._lease), "activity": own_activity(self.remote.home)}
        self.store.write(f"{LEASES}/{self.token}", json.dumps(fields).encode())
        self._renewed = time.monotonic()


def remote_activities(store: Store) -> list[Activity]:
    """What the processes do that run cells of a home in a store, as each last wrote it."""
    found = []
    for content in store.read(store.names(LEASES)).values():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            activity = read_activity(json.loads(content)["activity"])
            if activity is not None:
                found.append(activity)
    return found


def _lease(content: bytes | None) -> Lease | None:
    """A lease as it was written; None where it was removed, or is damaged."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        fields: dict[str, Any] = json.loads(content or b"null")
        return Lease(str(fields["host"]), int(fields["process"]), str(fields["identity"]), int(fields["counter"]))
    return None
