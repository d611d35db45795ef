"""Locks on cells: processes that share a home folder divide the pending cells, and each cell runs once.

The home may be a folder that several machines mount. Locks of the operating system are not reliable there, and do not
tell whether the machine that holds one is alive, so a lock is a file that its owner touches at intervals: one whose
process is gone, or that was not touched while this process watched it for a minute, is stale and may be taken over.
The time at which a lock was touched is never compared with the clock, which may jump or differ between machines. Names
of machines are only shown: containers may share them. Whether a process is gone is known of those in the same namespace
since the same start of the machine, on Linux; any other lock is stale only after that minute.

The first line of a lock is the machine and the number of the process, the second what tells the process from a later
one of the same number. Whoever begins to use locks removes those of processes of this machine that are gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from harness.errors import HomeUnusable
from harness.execution.activity import STALE
from harness.execution.process_usage import PROC, has_ended, identity

HEARTBEAT = 10.0  # seconds between two touches of a lock


class CellLocks:
    """The locks of this process; a thread touches them until `close`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "journal" / "locks"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnusable(
                f"the folder {self.folder} cannot be made ({error.strerror}); move away what is there, or name another "
                "home by --home or HARNESS_HOME"
            ) from error
        self._owner = f"{socket.gethostname()} {os.getpid()}\n{identity(os.getpid())}"
        self._held: set[Path] = set()
        self._watched: dict[Path, tuple[tuple[int, int], float]] = {}  # by lock: its state, and since when it is so
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._touch_all, daemon=True)
        self._remove_abandoned()
        self._thread.start()

    def take(self, key: str) -> bool:
        """Lock a cell; False if another, living process holds its lock."""
        path = self.folder / key
        for _ in range(2):
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(self._owner)
                self._held.add(path)
                return True
            except FileExistsError:
                if path in self._held:
                    return True
                owner = _owner(path)
                if not self._is_stale(path, owner):
                    return False
                _remove(path, owner)
        return False

    def owner(self, key: str) -> str:
        """Who holds the lock of a cell, as part of a sentence."""
        host, process, _ = _parts(_owner(self.folder / key))
        if not process:
            return "another process"
        return f"process {process}" if host == socket.gethostname() else f"process {process} on {host}"

    def silent_for(self, key: str) -> float:
        """For how many seconds the owner of the lock of a cell has not touched it while this process watched it."""
        watched = self._watched.get(self.folder / key)
        return 0.0 if watched is None else time.monotonic() - watched[1]

    def release(self, key: str) -> None:
        """Unlock a cell, unless another process took its lock over."""
        path = self.folder / key
        self._held.discard(path)
        if _owner(path) == self._owner:
            path.unlink(missing_ok=True)

    def look(self) -> None:
        """Learn what other processes did: nothing to do, since they write to the same folder."""

    def read_finished(self) -> bool:
        """Read the cells that other processes finished: nothing to do, likewise."""
        return True

    def close(self) -> None:
        """Release all locks."""
        self._closed.set()
        for path in list(self._held):
            self.release(path.name)

    def _is_stale(self, path: Path, owner: str) -> bool:
        """Whether the process that holds a lock is gone, or has not touched it as long as this process watched it."""
        if _is_gone(owner):
            return True
        try:
            found = path.stat()
        except OSError:
            return True
        state, now = (found.st_ino, found.st_mtime_ns), time.monotonic()
        if self._watched.get(path, (None, now))[0] != state:
            self._watched[path] = state, now
        return now - self._watched[path][1] > STALE

    def _remove_abandoned(self) -> None:
        """Remove the locks of processes that are gone, also of cells that nobody wants now."""
        with contextlib.suppress(OSError):
            for path in self.folder.glob("[!.]*"):
                owner = _owner(path)
                if _is_gone(owner):
                    _remove(path, owner)

    def _touch_all(self) -> None:
        while not self._closed.wait(HEARTBEAT):
            for path in list(self._held):
                with contextlib.suppress(OSError):
                    os.utime(path)


def _owner(path: Path) -> str:
    """The machine and the process that hold a lock; empty if there is no lock."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _remove(path: Path, owner: str) -> None:
    """Remove a stale lock; a lock that another process has taken since then is put back."""
    aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _owner(aside) != owner:
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    if aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def _is_gone(owner: str) -> bool:
    """Whether the process that holds a lock ran here and has ended; one elsewhere may live."""
    _, process, known = _parts(owner)
    return PROC and process > 0 and has_ended(process, known)


def _parts(owner: str) -> tuple[str, int, str]:
    """The machine and the process that a lock names, 0 if it names none, and what tells that process from others."""
    line, _, known = owner.partition("\n")
    host, _, process = line.partition(" ")
    return host, int(process) if process.isascii() and process.isdigit() and len(process) < 10 else 0, known


def lock_owners(home: Path) -> Iterator[tuple[str, int]]:
    """The machine and the process that hold the lock of each cell of a home, without processes that are gone."""
    for path in (home / "journal" / "locks").glob("[!.]*"):
        if "." in path.name:  # of a part of a cell
            continue
        owner = _owner(path)
        host, process, _ = _parts(owner)
        if process and not _is_gone(owner):
            yield host, process
