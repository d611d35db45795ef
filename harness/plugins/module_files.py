"""The files of modules: where they are, and what they contain. Nothing is imported."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path

from harness.errors import Failure, attempt

FileState = tuple[str, str, int, int]  # name below the folder of its module, path, size, time of the last change in ns


def top_level(module: str) -> str:
    """The top-level package or module that a dotted name begins with."""
    return module.partition(".")[0]


def locations_of(name: str) -> tuple[Path, ...]:
    """The folders of a top-level package, several if it has no `__init__.py`, or the file of a module."""
    import importlib.util

    spec = attempt(partial(importlib.util.find_spec, name))
    if spec is None or isinstance(spec, Failure):
        return ()
    found = spec.submodule_search_locations if spec.submodule_search_locations is not None else [spec.origin or ""]
    return tuple(sorted(path for path in map(Path, found) if path.is_file() or path.is_dir()))


def files_in(location: Path) -> Iterator[Path]:
    """A file, or all files below a folder, without bytecode and hidden files."""
    if location.is_file():
        yield location
        return
    seen: set[str] = set()  # of links
    for folder, subfolders, files in os.walk(location, followlinks=True):
        real = os.path.realpath(folder)
        subfolders[:] = [name for name in subfolders if not _is_generated(name)] if real not in seen else []
        for name in files if real not in seen else ():
            path = Path(folder, name)
            if not _is_generated(name) and path.is_file():
                yield path
        seen.add(real)


def _is_generated(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__" or name.endswith((".pyc", ".pyo"))


def file_states(locations: Iterable[Path]) -> list[FileState]:
    """The states of all files at some places, sorted."""
    states = []
    for location in dict.fromkeys(locations):
        for path in files_in(location):
            found = path.stat()
            states.append((str(path.relative_to(location.parent)), str(path), found.st_size, found.st_mtime_ns))
    return sorted(states)


def state_of(files: Iterable[str]) -> str:
    """A hash of the sizes and the times of files, by which a change of one of them is noticed."""
    states = []
    for file in files:
        try:
            found = os.stat(file)
        except OSError:
            return "a file is gone"
        states.append(f"{found.st_size} {found.st_mtime_ns}")
    return hashlib.sha256("\n".join(states).encode()).hexdigest()


def content_of(path: str) -> bytes:
    """The content of a file, or a text that stands for one that cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b"cannot be read"


def is_local(name: str) -> bool:
    """Whether a module is neither in the standard library, nor harness, nor among the installed packages."""
    if name in sys.stdlib_module_names or name == "harness":
        return False
    return any(not _is_installation(location.resolve().parent) for location in locations_of(name))


@lru_cache(maxsize=256)
def _is_installation(folder: Path) -> bool:
    """Whether packages are installed into a folder."""
    return folder.name in ("site-packages", "dist-packages") or any(folder.glob("*.dist-info/RECORD"))
