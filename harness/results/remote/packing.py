"""Several files as one object, whose damage is noticed.

An object begins with eight characters, the length of its header in hexadecimal digits. The header is a JSON object with
a checksum, as all JSON files of a home; it names each file with its size and CRC-32. The contents of the files follow.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.data.storage import checked_content, checked_fields
from harness.errors import DamagedFile

SCHEMA = 1
DIGITS = 8  # of the length of the header
START = 1 << 17  # bytes, in which the header of an object of a thousand files is


def pack(files: Mapping[str, bytes]) -> bytes:
    """An object with these files."""
    entries = [[name, len(content), zlib.crc32(content)] for name, content in files.items()]
    header = checked_content(json.dumps({"files": entries, "schema": SCHEMA}, separators=(",", ":")))
    return b"".join((f"{len(header):0{DIGITS}x}".encode(), header, *files.values()))


def unpack(content: bytes, name: str) -> dict[str, bytes]:
    """The files of an object; raises DamagedFile, with the name of the object, or LaterVersion."""
    view = memoryview(content)
    files, begin = {}, DIGITS + _header_size(content, name)
    for file, size, checksum in _entries(content, name):
        part = bytes(view[begin : begin + size])
        if len(part) != size or zlib.crc32(part) != checksum:
            raise DamagedFile(Path(name), f"{file}: its content does not match its checksum")
        files[file], begin = part, begin + size
    if begin != len(content):
        raise DamagedFile(Path(name), "it is longer than its header says")
    return files


def packed_names(start: bytes, name: str) -> list[str]:
    """The names of the files of an object, of which only the start was read; raises as `unpack` does."""
    return [file for file, _, _ in _entries(start, name)]


def _header_size(content: bytes, name: str) -> int:
    try:
        return int(content[:DIGITS], 16)
    except ValueError as error:
        raise DamagedFile(Path(name), "its content is not what harness writes") from error


def _entries(content: bytes, name: str) -> list[tuple[str, int, int]]:
    size = _header_size(content, name)
    fields: dict[str, Any] = checked_fields(content[DIGITS : DIGITS + size], name, SCHEMA)
    try:
        return [(str(file), int(length), int(checksum)) for file, length, checksum in fields["files"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(Path(name), "its content is not what harness writes") from error
