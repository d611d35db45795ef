"""Folders of the journal: a record, and the arrays that it names; written whole, by several processes at once.

The names of arrays tell which process wrote them. A process removes only the arrays that it replaces, and what
processes left behind that have ended. So a record has its arrays, whoever writes last.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.damage import identity_of, set_aside
from harness.data.storage import atomic_folder, draft_id, is_abandoned, read_checked_json, write_checked_json
from harness.errors import DamagedFile, HarnessError, HomeUnusable, InfrastructureFault
from harness.results.stored_arrays import StoredArray, checksum_of, stored_arrays, write_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMA = 2
UNCHECKED = 1  # the schema of 0.2.0, whose files have no checksums
RECORD = "record.json"
OURS = re.compile(r"\.record\.json-.+|[0-9a-f]+(-\d+-[0-9a-f]{8})?-\w+\.npy")  # files that may be removed
OF_EARLIER_VERSIONS = re.compile(r"\.record\.json-[0-9a-f]+|[0-9a-f]+-\w+\.npy")  # do not tell their process


def read_record(folder: Path | str) -> dict[str, Any] | None:
    """The record of a folder with its `schema`, None if there is none; raises DamagedFile with the folder, or
    LaterVersion.
    """
    try:
        fields = read_checked_json(os.path.join(folder, RECORD), SCHEMA, UNCHECKED)
    except DamagedFile as error:
        raise DamagedFile(folder, f"{RECORD}: {error.reason}") from error
    if fields is not None and fields.get("schema") not in (UNCHECKED, SCHEMA):
        raise DamagedFile(folder, f"{RECORD}: its content is not what harness writes")
    return fields


def arrays_in(folder: Path | str) -> dict[str, StoredArray] | None:
    """The arrays that the record of a folder names, None if there is none; raises DamagedFile or LaterVersion."""
    fields = read_record(folder)
    try:
        return None if fields is None else stored_arrays(fields.get("arrays"))
    except ValueError as error:
        raise DamagedFile(folder, f"{RECORD}: its content is not what harness writes") from error


def is_complete(folder: Path | str) -> bool:
    """Whether a folder has a record, and every array that it names; the content of arrays is not read."""
    try:
        arrays = arrays_in(folder)
    except DamagedFile:
        return False
    return arrays is not None and all(array.is_whole(folder) for array in arrays.values())


def commit(
    folder: Path,
    home: Path,
    arrays: Mapping[str, NDArray[Any]],
    fields: Mapping[str, Any],
    kept: Mapping[str, StoredArray] | None = None,
) -> None:
    """Write arrays, then the record that names them and the kept ones, then remove the arrays of the former record.

    Raises InfrastructureFault if it cannot be written, and LaterVersion if the record is of a later version.
    """
    with faults():
        former = _former_arrays(folder, home)
        folder.mkdir(parents=True, exist_ok=True)
        files = _write(folder, arrays, fields, kept)
        if not all(file.is_whole(folder) for file in files.values()) and arrays_in(folder) in (None, files):
            raise InfrastructureFault(f"the result in {folder} was removed by another process while it was written")
        _remove(folder, {array.file for array in former.values()})
        remove_leftovers(folder)


def create(folder: Path, home: Path, arrays: Mapping[str, NDArray[Any]], fields: Mapping[str, Any]) -> None:
    """Write a folder atomically; one that another process has written is kept. Raises as `commit` does."""
    with faults():
        found = identity_of(folder)
        if found is not None and (os.path.islink(folder) or not is_complete(folder)):
            set_aside(DamagedFile(folder, "it is not a complete folder of arrays"), home, "it is written again", found)
        with atomic_folder(folder, valid=is_complete) as draft:
            _write(draft, arrays, fields)


@contextmanager
def faults() -> Iterator[None]:
    """Errors of writing are those of this machine, and not of what is written."""
    try:
        yield
    except HomeUnusable as error:
        raise InfrastructureFault(f"the result cannot be written: {error}") from error
    except OSError as error:
        place = f" to {error.filename}" if error.filename else ""
        raise InfrastructureFault(
            f"the result cannot be written{place}: {error.strerror or error}; make room or mend it, then run it again"
        ) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what writers left in the folder that have ended; other files stay."""
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if OURS.fullmatch(name)]
        _remove(folder, {name for name in names if is_abandoned(name) or OF_EARLIER_VERSIONS.fullmatch(name)})


def _former_arrays(folder: Path, home: Path) -> dict[str, StoredArray]:
    """The arrays of the record that is there; a damaged folder, and what is no folder, are moved away."""
    if os.path.islink(folder) or (os.path.lexists(folder) and not folder.is_dir()):
        kind = "a symbolic link" if os.path.islink(folder) else "no folder"
        set_aside(DamagedFile(folder, f"it is {kind}"), home, "the result is written to a new folder")
    found = identity_of(folder)
    try:
        return arrays_in(folder) or {}
    except DamagedFile as error:
        set_aside(error, home, "it is written again", found)
        return {}


def _write(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    fields: Mapping[str, Any],
    kept: Mapping[str, StoredArray] | None = None,
) -> dict[str, StoredArray]:
    """Write arrays and the record that names them, and return these; if that fails, what was written is removed."""
    draft = draft_id()
    files: dict[str, StoredArray] = {}
    try:
        for name, stored in (kept or {}).items():
            files[name] = _own(folder, stored, f"{draft}-{name}.npy")
        for name, array in arrays.items():
            files[name] = write_array(folder, f"{draft}-{name}.npy", array)
        named = {name: file.to_json() for name, file in files.items()}
        # a folder that another process moved away meanwhile is not made again, without its arrays
        write_checked_json(folder / RECORD, {**fields, "arrays": named}, SCHEMA, make_folder=False)
    except BaseException:
        _remove(folder, {f"{draft}-{name}.npy" for name in (*arrays, *(kept or {}))})
        with suppress(OSError):  # there may be other files
            folder.rmdir()
        raise
    return files


def _own(folder: Path, stored: StoredArray, file: str) -> StoredArray:
    """An array under a name of this process, so that no other process removes it."""
    try:
        os.link(folder / stored.file, folder / file)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(folder / stored.file, folder / file)
    if stored.crc32 is not None:
        return StoredArray(file, stored.size, stored.crc32)
    return StoredArray(file, os.path.getsize(folder / file), checksum_of(folder / file))  # 0.2.0 wrote none


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files that the record does not name."""
    names = set(names)
    if not names:
        return
    try:
        named = {array.file for array in (arrays_in(folder) or {}).values()}
    except HarnessError:
        return
    for name in names - named:
        with suppress(OSError):
            os.unlink(folder / name)
