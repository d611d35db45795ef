"""Limits of what a cell may use; not part of its key."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

SECONDS = 3600.0  # of a cell, where nothing else is stated
OUTPUT = 100 << 20  # bytes printed
FILES = 4096  # open at the same time
TASKS = 1024  # threads and processes


@dataclass(frozen=True)
class Limits:
    """The limits of a cell; None: not set by this source, so that of the next one, or none."""

    seconds: float | None = None  # from the start of its process to the end of its audit
    memory: int | None = None  # bytes, resident, of its process and their children
    output: int | None = None  # bytes printed
    files: int | None = None  # open at the same time
    tasks: int | None = None  # threads and processes

    def over(self, others: Limits) -> Limits:
        """These limits, and the others where they are not set."""
        given: dict[str, Any] = {
            each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None
        }
        return replace(others, **given)


DEFAULTS = Limits(SECONDS, None, OUTPUT, FILES, TASKS)


def size_text(size: int) -> str:
    """A number of bytes as text, such as 4 GB or 512 MB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"
