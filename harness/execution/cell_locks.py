"""Locks on cells: processes that share a home folder divide the pending cells, and each cell runs once.

The home may be a folder that several machines mount. Locks of the operating system are not reliable there, and do not
tell whether the machine that holds one is alive, so a lock is a file that its owner touches at intervals: one whose
process is gone, or that was not touched for a minute, is stale and may be taken over.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from pathlib import Path

HEARTBEAT = 10.0  # seconds between two touches of a lock
STALE = 60.0  # seconds without a touch after which a lock is stale


class CellLocks:
    """The locks of this process; a thread touches them until `close`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "journal" / "locks"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._owner = f"{socket.gethostname()} {os.getpid()}"
        self._held: set[Path] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._touch_all, daemon=True)
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
                if not _is_stale(path):
                    return False
                _remove(path, owner)
        return False

    def release(self, key: str) -> None:
        """Unlock a cell, unless another process took its lock over."""
        path = self.folder / key
        self._held.discard(path)
        if _owner(path) == self._owner:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Release all locks."""
        self._closed.set()
        for path in list(self._held):
            self.release(path.name)

    def _touch_all(self) -> None:
        while not self._closed.wait(HEARTBEAT):
            for path in list(self._held):
                with contextlib.suppress(OSError):
                    os.utime(path)


def _owner(path: Path) -> str:
    """The machine and the process that hold a lock; empty if there is no lock."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
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
    aside.unlink()


def _is_stale(path: Path) -> bool:
    """Whether the process that holds a lock is gone, or has not touched it for long."""
    host, _, process = _owner(path).partition(" ")
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return True
    if age > STALE:
        return True
    return host == socket.gethostname() and process.isdigit() and not _is_alive(int(process))


def _is_alive(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))
