"""The lock of a local copy, which one process at a time writes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.data.damage import warn
from harness.errors import HomeUnusable

SOON = 1.0  # seconds of waiting for another process, until the user is told


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """A block in which no other process writes to the local copy; raises HomeUnusable where it cannot be written.

    It waits for a process that writes, and tells the user so.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(home / ".lock")
    try:
        home.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=-1 if home in _locked_here else SOON)
        except Timeout:
            if home not in _locked_here:
                warn(
                    f"another command on this machine reads the store into the local copy {home}; waiting for it (if "
                    "it was suspended, let it go on)"
                )
            lock.acquire()
    except OSError as error:
        raise HomeUnusable(
            f"the local copy {home} cannot be written ({error.strerror}); name another folder by HARNESS_CACHE_DIR"
        ) from error
    _locked_here.append(home)
    try:
        yield
    finally:
        _locked_here.remove(home)
        lock.release()


_locked_here: list[Path] = []  # local copies that a thread of this process writes to
