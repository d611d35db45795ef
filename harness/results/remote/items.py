"""What of a home is stored, such as cells and their parts, actuals and plans, each as one item with a name.

An item is a main file, and for cells, parts and actuals the arrays that it names. It is complete when its main file
exists.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.data.damage import identity_of
from harness.data.storage import atomic_file, checked_fields, read_file
from harness.errors import DamagedFile
from harness.results import selections
from harness.results.folders import RECORD, SCHEMA, UNCHECKED
from harness.results.stored_arrays import stored_arrays
from harness.results.stored_parts import PLAN as PARTS_PLAN
from harness.results.stored_parts import parts_folder
from harness.results.stored_plan import PLAN

CELLS, PARTS, ACTUALS, BOARDS, BENCH, PLANS = "cells", "parts", "actuals", "boards", "bench", "plans"
SELECTIONS = selections.FOLDER
KINDS = {
    CELLS: 1,
    PARTS: 2,
    ACTUALS: 1,
    BOARDS: 1,
    BENCH: 2,
    PLANS: 1,
    SELECTIONS: 2,
}  # and how many names follow
OF_PARTS = "plan"  # the last name of the item that tells which parts a cell has
ARRAY = re.compile(r"[\w][\w.-]*\.npy")
TRIES = 3  # to write an item whose files another process removes


def is_item(name: str) -> bool:
    """Whether a name, such as one in a store, is that of an item; others could lead out of the home."""
    kind, *parts = name.split("/")
    plain = all(part and not part.startswith(".") and "\\" not in part and "\0" not in part for part in parts)
    return plain and KINDS.get(kind) == len(parts)


def part_item(key: str, name: str = OF_PARTS) -> str:
    """The item of a part of a cell, or of the plan of its parts."""
    return f"{PARTS}/{key}/{name}"


def is_wanted(item: str, cells: Collection[str]) -> bool:
    """Whether an item is one that all commands read, or a part of one of these cells."""
    kind, key, *rest = item.split("/")
    return kind != PARTS or rest == [OF_PARTS] or key in cells


def push_order(item: str) -> int:
    """Which items are stored first: a plan after what was asked for of its board, and a cell after its actuals."""
    kind = item.partition("/")[0]
    return 0 if kind == SELECTIONS else 2 if kind == CELLS else 1


def latest(listed: Collection[str]) -> dict[str, int]:
    """The items of a listing with the number of the object that counts, the highest."""
    numbers: dict[str, int] = {}
    for name in listed:
        item, _, number = name.rpartition("/")
        if number.isascii() and number.isdigit() and len(number) < 10 and is_item(item):
            numbers[item] = max(numbers.get(item, 0), int(number))
    return numbers


def main_file(home: Path, item: str) -> str:
    """The file without which the item is not there."""
    kind, _, rest = item.partition("/")
    if kind in (CELLS, ACTUALS):
        return os.path.join(home, "journal", kind, rest, RECORD)
    if kind == PARTS:
        key, _, name = rest.partition("/")
        return os.path.join(parts_folder(home), key, PARTS_PLAN if name == OF_PARTS else os.path.join(name, RECORD))
    if kind == BOARDS:
        return os.path.join(home, BOARDS, rest, PLAN)
    if kind == SELECTIONS:
        board, _, name = rest.partition("/")
        return os.path.join(home, BOARDS, board, SELECTIONS, f"{name}.json")
    return os.path.join(home, kind, f"{rest}.json")


def local_items(home: Path) -> Iterator[str]:
    """The items that are in the home, without parts of cells, which are only stored while their cells are run."""
    for kind, folder in ((CELLS, "journal/cells"), (ACTUALS, "journal/actuals"), (BOARDS, BOARDS)):
        for name in _listed(home / folder):
            if not name.startswith(".") and os.path.isfile(main_file(home, f"{kind}/{name}")):
                yield f"{kind}/{name}"
    for machine in _listed(home / BENCH):
        if not machine.startswith(".") and machine != "pytest-benchmark":
            for name in _json_files(home / BENCH / machine):
                yield f"{BENCH}/{machine}/{name}"
    for name in _json_files(home / PLANS):
        yield f"{PLANS}/{name}"
    for board in _listed(home / BOARDS):
        for name in _json_files(home / BOARDS / board / SELECTIONS):
            yield f"{SELECTIONS}/{board}/{name}"


def _json_files(folder: Path) -> list[str]:
    """The names of the JSON files in a folder, without their ends."""
    files = [name for name in _listed(folder) if name.endswith(".json") and not name.startswith(".")]
    return [name.removesuffix(".json") for name in files]


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def state_of_item(home: Path, item: str) -> str:
    """What tells the main file from one that replaces it; empty if it is not there."""
    found = identity_of(main_file(home, item))
    return "" if found is None else "-".join(map(str, found[1:4]))  # inode, size, time


def digest_of(content: bytes) -> str:
    """What identifies a main file: a hash of its content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def read_item(home: Path, item: str) -> dict[str, bytes]:
    """The files of an item, the main one first; empty if it is not there.

    Raises DamagedFile, with the folder, if one of them does not match its checksum, and LaterVersion.
    """
    return read_files(Path(main_file(home, item)))


def read_files(path: Path) -> dict[str, bytes]:
    """The files of an item whose main file is at this path; as `read_item`."""
    content = read_file(path)
    if content is None:
        return {}
    files = {path.name: content}
    for file, array in _arrays(files, path.parent).items():
        found = read_file(path.parent / file)
        if found is None or array.size not in (None, len(found)) or array.crc32 not in (None, _crc32(found)):
            raise DamagedFile(path.parent, f"{file}: it is lost, or does not match its checksum")
        files[file] = found
    return files


def write_item(home: Path, item: str, files: Mapping[str, bytes]) -> None:
    """Write the files of an item, the arrays first, and remove the arrays of the former one.

    They are not flushed to disk: they can be read from the store again.
    """
    path = Path(main_file(home, item))
    former = _named_arrays(path)
    arrays = {name: content for name, content in files.items() if name != path.name}
    for _ in range(TRIES):
        path.parent.mkdir(parents=True, exist_ok=True)
        for name, content in arrays.items():
            with open(path.parent / name, "wb") as file:
                file.write(content)
        with atomic_file(path, durable=False) as draft:
            draft.write_bytes(files[path.name])
        if all(os.path.isfile(path.parent / name) for name in arrays):
            break
    for name in former - set(arrays):
        with suppress(OSError):
            os.unlink(path.parent / name)


def check_item(item: str, files: Mapping[str, bytes], name: str) -> None:
    """Raise DamagedFile, with the name of the object, if these files are not those of the item, or LaterVersion."""
    main = os.path.basename(main_file(Path(), item))
    where = Path(name)
    if main not in files:
        raise DamagedFile(where, f"it has no {main}")
    arrays = _arrays(files, where)
    for file, array in arrays.items():
        content = files.get(file)
        if content is None or array.size not in (None, len(content)) or array.crc32 not in (None, _crc32(content)):
            raise DamagedFile(where, f"{file}: its content does not match its record")
    if set(files) != {main, *arrays} or not all(ARRAY.fullmatch(file) for file in arrays):
        raise DamagedFile(where, "it has other files than its record names")


def result_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What of a cell has to be equal whoever runs it: status, scores, forecasts. Costs, times and notes may differ."""
    fields = checked_fields(files[RECORD], RECORD, SCHEMA, UNCHECKED)
    arrays = {name: array.crc32 for name, array in stored_arrays(fields.get("arrays")).items()}
    return {"status": fields.get("status"), "scores": fields.get("scores"), "arrays": arrays}


def _arrays(files: Mapping[str, bytes], where: Path) -> dict[str, Any]:
    """The arrays that a record among the files names, by file."""
    if RECORD not in files:
        return {}
    fields = checked_fields(files[RECORD], where / RECORD, SCHEMA, UNCHECKED)
    try:
        return {array.file: array for array in stored_arrays(fields.get("arrays")).values()}
    except ValueError as error:
        raise DamagedFile(where, f"{RECORD}: its content is not what harness writes") from error


def _named_arrays(path: Path) -> set[str]:
    """The arrays of the record that is there; none if it is damaged."""
    from harness.errors import HarnessError

    try:
        content = read_file(path) if path.name == RECORD else None
        return set() if content is None else set(_arrays({RECORD: content}, path.parent))
    except HarnessError:
        return set()


def _crc32(content: bytes) -> str:
    return f"{zlib.crc32(content):08x}"
