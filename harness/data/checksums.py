"""SHA-256 checksums of files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


def checksum(path: Path) -> str:
    """The SHA-256 of a file as hexadecimal digits, computed once a process while its size and time are the same.

    Raises OSError if it cannot be read.
    """
    state = path.stat()
    return _checksum(path, state.st_size, state.st_mtime_ns)


def computed_checksum(path: Path) -> str:
    """The SHA-256 of a file, computed now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=1024)
def _checksum(path: Path, size: int, modified: int) -> str:
    """The SHA-256 of a file; size and modification time are parameters so that a changed file is hashed again."""
    return computed_checksum(path)
