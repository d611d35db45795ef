"""Damaged files of a home: moved to <home>/damaged/, and named in one sentence."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import DamagedFile

LOGGER = "harness.home"
Identity = tuple[int, ...]


def identity_of(path: Path | str) -> Identity | None:
    """What tells a file or folder from one that replaces it, or whose entries are replaced; None if there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def set_aside(
    error: DamagedFile, home: Path, consequence: str = "it is computed again", found: Identity | None = None
) -> str:
    """Move what is damaged to <home>/damaged/, log one sentence about it as a warning, and return that sentence.

    `consequence` is the end of the sentence: what happens now. `found` is the identity of the path before it was read:
    if another process has replaced it since, or is writing to it, it stays, and nothing is logged. Within
    `reported_only` nothing is moved.
    """
    if found is not None and identity_of(error.path) != found:
        return f"{error}; another process has replaced it"
    if _reported_only:
        told = f"{error}; the next `harness run` of its board moves it away"
        warn(told)
        return told
    place = home / "damaged" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}-{error.path.name}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(error.path, place)
        moved = f"it was moved to {place}, and"
    except FileNotFoundError:  # another process was faster
        moved = "it is no longer there, and"
    except OSError as problem:
        moved = f"it cannot be moved away ({problem.strerror}), but"
    told = f"{error}; {moved} {consequence}"
    warn(told)
    return told


@contextmanager
def reported_only() -> Iterator[None]:
    """A block of this process in which nothing that is damaged is moved."""
    _reported_only.append(True)
    try:
        yield
    finally:
        _reported_only.pop()


def warn(told: str) -> None:
    """Log a sentence about a file of the home, or pass it to the listeners; each sentence once in a process."""
    import logging  # here, since most commands have nothing to warn of

    if told in _told:
        return
    _told.add(told)
    for listener in _listeners:
        listener(told)
    if not _listeners:
        logging.getLogger(LOGGER).warning("%s", told)


def listen(listener: Callable[[str], None]) -> None:
    """Have the warnings of this process passed to a function instead of the log."""
    _listeners[:] = [listener]


_listeners: list[Callable[[str], None]] = []
_told: set[str] = set()
_reported_only: list[bool] = []
