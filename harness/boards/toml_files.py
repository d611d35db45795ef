"""Reading of TOML files that describe boards and collections; errors name the file and the line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import BadBoard
from harness.fields.errors import FieldError

T = TypeVar("T")


def read_toml(path: Path, kind: str, make: Callable[[Mapping[str, Any]], T]) -> T:
    """The value that `make` makes of the table of a file; `kind` is what the file is called in errors.

    Raises BadBoard, with the line of the key where `make` raises FieldError.
    """
    try:
        text = path.read_text(encoding="utf-8").removeprefix("\ufeff")  # a byte order mark, of some editors
    except OSError as error:
        raise BadBoard(f"the {kind} file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadBoard(f"the {kind} file {path} cannot be read: it is not UTF-8") from error
    except ValueError as error:
        raise BadBoard(f"the {kind} file {str(path)!r} cannot be read: {error}") from error
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of too many digits, a list too deeply nested
        raise BadBoard(f"{path}: {error}") from error
    try:
        return make(table)
    except FieldError as error:
        raise BadBoard(f"{path}, {_place(text, error.path, kind)}: {error}") from error


def _place(text: str, path: tuple[str, ...], kind: str) -> str:
    """The line of a key, or the nearest one that can be found, and the key's path."""
    lines = ["" if line.lstrip().startswith("#") else line for line in text.splitlines()]
    start = 0
    if len(path) > 1 and path[1].isdigit():
        headers = [i for i, line in enumerate(lines) if line.strip() == f"[[{path[0]}]]"]
        start = headers[int(path[1])] if int(path[1]) < len(headers) else 0
    for key in reversed([part for part in path if not part.isdigit()]):
        for number in range(start, len(lines)):
            if re.search(rf"(^|[\s{{,.\[\"]){re.escape(key)}[\s\"\]]*(=|\]|\.)", lines[number]):
                return f"line {number + 1} ({'.'.join(path)})"
    return f"line {start + 1} ({'.'.join(path)})" if path else f"the {kind}"
