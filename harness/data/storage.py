"""Atomic writes: files and folders that are written whole or not at all; JSON files whose damage is noticed.

Everything is written to a draft beside its destination, flushed to disk, and renamed.

A JSON file of the home begins with a checksum of all that follows it, so that one changed byte is noticed before any of
it is used. Its `schema` is the version of its format. Both are a promise to other versions of harness: what begins with
a valid checksum and has a later schema is not damaged.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import DamagedFile, HomeUnusable, LaterVersion

CHECKSUM = b'{"checksum": "'  # the beginning of a JSON file with a checksum
DIGITS = 32  # of the checksum: BLAKE2b, 128 bits
HEADER = len(CHECKSUM) + DIGITS + len(b'",')
NOT_THERE = (errno.ENOENT, errno.ENOTDIR)
DAMAGE = (errno.EISDIR, errno.ELOOP)  # of a file; other errors, such as too many open files, missing permissions or a
# disk that does not answer, say nothing about its content


@contextmanager
def atomic_file(path: Path, *, durable: bool = True, make_folder: bool = True) -> Iterator[Path]:
    """The path of a draft that replaces the file when the block ends, and is removed if it raises."""
    if make_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft_path(path)
    try:
        yield draft
        if durable:
            sync(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def atomic_files(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """The paths of drafts that replace the files in this order when the block ends, after all of them are on disk.

    If the block or the flush of any draft raises, all files stay as they were.
    """
    drafts = [_draft_path(path) for path in paths]
    try:
        yield drafts
        for draft in drafts:
            sync(draft)
        for draft, path in zip(drafts, paths, strict=True):
            os.replace(draft, path)
    finally:
        for draft in drafts:
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


def remove_folder(folder: Path) -> None:
    """Remove a folder, so that nobody ever sees a part of it, also if this is interrupted."""
    outdated = _draft_path(folder)
    with suppress(FileNotFoundError):  # another process was faster
        folder.rename(outdated)
    if outdated.is_symlink():
        outdated.unlink()  # and not what it leads to
    shutil.rmtree(outdated, ignore_errors=True)


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


def write_checked_json(
    path: Path,
    fields: Mapping[str, Any],
    schema: int,
    indent: int | None = 1,
    *,
    durable: bool = True,
    make_folder: bool = True,
) -> None:
    """Write a JSON object with its schema version and a checksum to a file, atomically.

    One that is not `durable` is not flushed to disk: after a power failure it may be damaged, which is noticed.
    """
    text = json.dumps({**fields, "schema": schema}, allow_nan=False, indent=indent)
    with atomic_file(path, durable=durable, make_folder=make_folder) as draft:
        draft.write_bytes(checked_content(text))


def checked_content(text: str) -> bytes:
    """A JSON object with its checksum, which `checked_fields` reads."""
    content = text[1:].encode()
    return b"".join((CHECKSUM, _digest(content), b'",', content))


def read_checked_json(path: Path | str, schema: int, unchecked: int = 0) -> dict[str, Any] | None:
    """The JSON object that `write_checked_json` wrote, with its `schema`; None if there is no such file.

    `unchecked` is the last schema version whose files had no checksum. Raises DamagedFile, or LaterVersion for a file
    whose schema is later than the present one; `set_aside` moves a damaged file away.
    """
    content = read_file(path)
    return None if content is None else checked_fields(content, path, schema, unchecked)


def checked_fields(content: bytes, path: Path | str, schema: int, unchecked: int = 0) -> dict[str, Any]:
    """The JSON object with this content; raises as `read_checked_json` does, where `path` is the name of the file."""
    checked = content.startswith(CHECKSUM)
    if checked and content[len(CHECKSUM) : HEADER] != _digest(content[HEADER:]) + b'",':
        raise DamagedFile(path, "its content does not match its checksum")
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(path, "it is not JSON" if content else "it is empty") from error
    found = fields.get("schema", 0) if isinstance(fields, dict) else None
    if type(found) is not int or (not checked and "checksum" in fields):
        raise DamagedFile(path, "its content is not what harness writes")
    if found > schema:
        raise LaterVersion(
            f"{path} was written by a later version of harness (schema {found}, this version reads up to {schema}); "
            "install that version, or name another home by --home or HARNESS_HOME"
        )
    if not checked and found > unchecked:
        raise DamagedFile(path, "it has no checksum")
    fields.pop("checksum", None)
    return dict(fields)


def read_file(path: Path | str) -> bytes | None:
    """The content of a file, None if it is not there; raises DamagedFile for what is no file or cannot be read."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DamagedFile(path, "it is no file")
            return file.read()
    except OSError as error:
        if error.errno in NOT_THERE and not os.path.islink(path):
            return None
        raise unreadable(path, error) from error


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe in its place would wait for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def unreadable(path: Path | str, error: OSError) -> DamagedFile | HomeUnusable:
    """What a file is that cannot be read: damaged if it is no file, and otherwise unknown."""
    if error.errno in (*DAMAGE, *NOT_THERE):
        return DamagedFile(path, f"it cannot be read ({error.strerror})")
    return HomeUnusable(
        f"{path} cannot be read ({error.strerror}), and was left as it is; mend that, or name another home by --home"
    )


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGITS // 2).hexdigest().encode()


def read_json(path: Path | str) -> dict[str, Any] | None:
    """The JSON object in a file; None if the file is absent or damaged."""
    try:
        with open(path, "rb") as file:
            fields = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def draft_id() -> str:
    """A part of names of drafts: it is unique, and tells which process writes them."""
    return f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def is_abandoned(name: str) -> bool:
    """Whether the process that wrote a draft of this name, or an array, was one of this machine and has ended."""
    found = re.search(r"([0-9a-f]{8})-(\d+)-[0-9a-f]{8}(-\w+\.npy)?$", name)
    return found is not None and found[1] == _host() and not _is_alive(int(found[2]))


def remove_abandoned(folder: Path) -> None:
    """Remove the drafts in a folder whose processes have ended."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(".") and is_abandoned(entry.name):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


@cache
def _host() -> str:
    """This machine since it was started, or this container: where numbers of processes mean the same."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
        place = f"{namespace} {Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii')}"
    except OSError:  # another system than Linux
        place = socket.gethostname()
    return hashlib.blake2b(place.encode(), digest_size=4).hexdigest()


def _is_alive(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def _draft_path(path: Path) -> Path:
    return path.with_name(f".{path.name}-{draft_id()}")


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
        remove_folder(folder)
