"""Atomic writes: files and folders that are written whole or not at all.

Everything is written to a draft beside its destination, flushed to disk, and renamed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """The path of a draft that replaces the file when the block ends, and is removed if it raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft_path(path)
    try:
        yield draft
        sync(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path, valid: Callable[[Path], bool]) -> Iterator[Path]:
    """The path of an empty draft that becomes the folder when the block ends, and is removed if it raises.

    A folder that is there already is replaced unless it is valid, for instance because another process was faster.
    """
    draft = _draft_path(folder)
    draft.mkdir(parents=True)
    try:
        yield draft
        _replace_folder(draft, folder, valid)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def sync(path: Path) -> None:
    """Flush a file's content to disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, atomically."""
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(path: Path, fields: Mapping[str, Any], indent: int | None = 1) -> None:
    """Write a JSON object to a file, atomically."""
    write_text(path, json.dumps(fields, allow_nan=False, indent=indent))


def read_json(path: Path | str) -> dict[str, Any] | None:
    """The JSON object in a file; None if the file is absent or damaged."""
    try:
        with open(path, "rb") as file:
            fields = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _draft_path(path: Path) -> Path:
    return path.with_name(f".{path.name}-{uuid.uuid4().hex[:12]}")


def _replace_folder(draft: Path, folder: Path, valid: Callable[[Path], bool]) -> None:
    while True:
        try:
            draft.rename(folder)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        if valid(folder):
            return
        _remove_folder(folder)


def _remove_folder(folder: Path) -> None:
    """Remove a folder, so that nobody ever sees a part of it."""
    outdated = _draft_path(folder)
    with suppress(FileNotFoundError):  # another process was faster
        folder.rename(outdated)
    shutil.rmtree(outdated, ignore_errors=True)
