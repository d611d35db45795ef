"""Claims: several processes on one home share the work, each cell done once."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from pathlib import Path

HEARTBEAT = 10.0  # seconds between signs of life
STALE = 60.0  # seconds without one after which a claim is void


class CellLocks:
    """The cells that this process is at work on; a thread keeps them alive until `close`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "journal" / "claims"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._owner = f"{socket.gethostname()} {os.getpid()}"
        self._mine: set[Path] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def take(self, key: str) -> bool:
        """Whether the cell is now this process's; False if another, living one has it."""
        path = self.folder / key
        for _ in range(2):
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(self._owner)
                self._mine.add(path)
                return True
            except FileExistsError:
                if path in self._mine:
                    return True
                owner = _owner(path)
                if not _void(path):
                    return False
                _take_away(path, owner)
        return False

    def release(self, key: str) -> None:
        """Give a cell back, unless another process took it over."""
        path = self.folder / key
        self._mine.discard(path)
        if _owner(path) == self._owner:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give all cells back."""
        self._ended.set()
        for path in list(self._mine):
            self.release(path.name)

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            for path in list(self._mine):
                with contextlib.suppress(OSError):
                    os.utime(path)


def _owner(path: Path) -> str:
    """The machine and process that a claim is of, nothing if it is gone."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _take_away(path: Path, owner: str) -> None:
    """Remove a void claim; one that another process made since it was looked at is put back."""
    aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _owner(aside) != owner:
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


def _void(path: Path) -> bool:
    """Whether the process that made a claim is gone, or has given no sign of life."""
    host, _, process = _owner(path).partition(" ")
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return True
    if age > STALE:
        return True
    return host == socket.gethostname() and process.isdigit() and not _alive(int(process))


def _alive(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))
