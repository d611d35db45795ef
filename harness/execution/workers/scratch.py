"""Scratch folders of a run: short paths, since sockets are in them, and removed with what workers left there.

A run has one folder, in which its supervisors make those of workers. A run that was killed leaves its folder, which the
next one removes: the folder belongs to a living process as long as that has the file `owner` in it locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
    """Remove the folders of runs that were killed."""
    for owner in _temporary().glob(f"{PREFIX}*/{OWNER}"):
        with contextlib.suppress(OSError):
            if owner.lstat().st_uid != os.getuid():
                continue
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
    """Remove a scratch folder, also where folders in it cannot be read or written."""
    with contextlib.suppress(OSError):
        _open_up(folder)
        for path, names, _ in os.walk(folder):
            for name in names:
                _open_up(Path(path) / name)
    shutil.rmtree(folder, ignore_errors=True)


def _open_up(folder: Path) -> None:
    """Give this user all rights on a folder; what a link points to is left as it is."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(folder.lstat().st_mode):
            folder.chmod(stat.S_IRWXU)


def _temporary() -> Path:
    folder = tempfile.gettempdir()
    return Path("/tmp" if len(os.fsencode(folder)) > MOST_PATH else folder)
