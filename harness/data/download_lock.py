"""A lock that lets one process at a time download into a folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import DataUnavailable, HomeUnusable

WAIT = 600.0  # seconds to wait for another process that downloads into the same folder
PATIENCE = 1.0  # seconds of waiting before the user is told


@contextmanager
def download_lock(folder: Path, remedy: str, say: Callable[[str], object] | None = None) -> Iterator[None]:
    """Let one process at a time download into a folder, which is made if need be.

    `say` is called with a sentence if another process is awaited. Raises DataUnavailable if it takes too long, and
    HomeUnusable, whose message ends with the remedy, if the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    lock, owner = FileLock(folder / ".lock"), folder / ".lock-owner"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            if say is not None:
                say(f"waiting for {_owner(owner)}, which downloads into {folder}, for at most {WAIT / 60:g} minutes")
            lock.acquire(timeout=max(WAIT - PATIENCE, 0))
        try:
            owner.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
            yield
        finally:
            lock.release()
    except Timeout as error:
        raise DataUnavailable(
            f"{_owner(owner)} is downloading into {folder}; run this again when it has finished"
        ) from error
    except OSError as error:
        raise HomeUnusable(f"cannot write to the folder {folder}: {error.strerror}; {remedy}") from error


def _owner(path: Path) -> str:
    """The process that downloads, as it has written it."""
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except (OSError, ValueError):
        return "another process"
