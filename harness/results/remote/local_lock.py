"""The lock of a local copy, which one process at a time writes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HomeUnusable


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """A block in which no other process writes to the local copy; raises HomeUnusable where it cannot be written."""
    from filelock import FileLock

    lock = FileLock(home / ".lock")
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise HomeUnusable(
            f"the local copy {home} cannot be written ({error.strerror}); name another folder by HARNESS_CACHE_DIR"
        ) from error
    try:
        yield
    finally:
        lock.release()
