"""Scratch folders of a run: short paths, since sockets are in them, and removed with what workers left there.

A run has one folder, in which its supervisors make those of workers. A run that was killed leaves its folder, which the
next one removes: the folder belongs to a living process as long as that has the file `owner` in it locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

MOST_PATH = 60  # bytes of the folder's path; that of a Unix socket may have 103
PREFIX = "harness-"
OWNER = "owner"


def make_scratch(parent: Path | None = None) -> Path:
    """A new folder that only this user can enter.

    Without a parent it is in the folder of temporary files, or in /tmp if its path is long.
    """
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent or _temporary()))


def claim_scratch(folder: Path) -> int:
    """Mark a folder as one of this process; it is so until the returned descriptor is closed."""
    draft = folder / f"{OWNER}-draft"
    descriptor = os.open(draft, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    draft.rename(folder / OWNER)  # a file of this name is locked from the start
    return descriptor


def remove_abandoned() -> None:
    """Remove the folders of runs that were killed, as far as that is possible."""
    with contextlib.suppress(OSError):
        for owner in _temporary().glob(f"{PREFIX}*/{OWNER}"):
            with contextlib.suppress(OSError):
                _remove_if_abandoned(owner)


def _remove_if_abandoned(owner: Path) -> None:
    if owner.lstat().st_uid != os.getuid():
        return
    descriptor = os.open(owner, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_scratch(owner.parent)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def scratch(parent: Path | None = None) -> Iterator[Path]:
    """A scratch folder for the time of a block; see `make_scratch`."""
    folder = make_scratch(parent)
    try:
        yield folder
    finally:
        remove_scratch(folder)


def remove_scratch(folder: Path) -> None:
    """Remove a scratch folder, also where folders in it cannot be read or written; what cannot be removed is left.

    Folders in others are moved to the top first: they may be too deep for a path, or for a function that calls itself.
    """
    with contextlib.suppress(OSError):
        top = _descriptor_of(folder)
        try:
            pending = [os.curdir]
            while pending:
                pending += _remove_one(pending.pop(), top)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(OWNER, dir_fd=top)  # the last file: without it, nobody would remove what is left
        finally:
            os.close(top)
        folder.rmdir()


def _remove_one(name: str, top: int) -> list[str]:
    """Remove a folder in the one at the top, or what is in that; returns the names of the folders that it moved there.

    What a link points to is left as it is.
    """
    moved: list[str] = []
    with contextlib.suppress(OSError):
        folder = _descriptor_of(name, top)
        try:
            with os.scandir(folder) as found:
                entries = list(found)
            for entry in entries:
                with contextlib.suppress(OSError):
                    if not entry.is_dir(follow_symlinks=False):
                        if (name, entry.name) != (os.curdir, OWNER):
                            os.unlink(entry.name, dir_fd=folder)
                        continue
                    os.chmod(entry.name, stat.S_IRWXU, dir_fd=folder)  # else it cannot be moved
                    new = uuid4().hex
                    os.rename(entry.name, new, src_dir_fd=folder, dst_dir_fd=top)
                    moved.append(new)
        finally:
            os.close(folder)
        if name != os.curdir:
            os.rmdir(name, dir_fd=top)
    return moved


def _descriptor_of(folder: str | Path, parent: int | None = None) -> int:
    """A descriptor of a folder, on which this user then has all rights; raises OSError for a link."""
    if not stat.S_ISDIR(os.lstat(folder, dir_fd=parent).st_mode):
        raise NotADirectoryError(folder)
    os.chmod(folder, stat.S_IRWXU, dir_fd=parent)
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def _temporary() -> Path:
    folder = tempfile.gettempdir()
    return Path("/tmp" if len(os.fsencode(folder)) > MOST_PATH else folder)
