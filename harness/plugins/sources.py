"""The source of a plugin as a hash, which the key of each of its results contains.

The hash covers all files, except bytecode and hidden files, of

- the packages and modules of the plugin's distribution, including packages without `__init__.py`,
- the modules outside of the installed packages that these import or name as "module:object", such as those on
  PYTHONPATH, of an editable installation, or included in harness,
- the required distributions that were installed from a folder,

and the versions of the required distributions that harness itself does not require. The versions of all others are in
the provenance of a run.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath

from harness.attempt import Failure, attempt

REFERENCE = re.compile(r"([A-Za-z_]\w*)(\.\w+)*:[A-Za-z_]\w*")  # "package.module:object"


def own_source(module: str) -> str | None:
    """The hash of one package, for a plugin that is included in harness; None without files.

    Included plugins are independent of each other, and `EVALUATION_VERSION` stands for harness itself.
    """
    return _hash_of(_locations(_top(module)))


def source_of(module: str, package: Distribution | None, included: frozenset[str] = frozenset()) -> str | None:
    """The hash of the source of any other plugin; None without files.

    `included` are the top-level modules of the plugins that are included in harness.
    """
    names = [_top(module), *_modules_of(package)]
    versions: list[str] = []
    for required in _required(package):
        versions.append(f"{required.name}=={required.version}")
        if _is_from_folder(required):
            names += _modules_of(required)
    found: dict[str, tuple[Path, ...]] = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = _locations(name)
            imported = set() if name in included else _imported(found[name])
            names += [other for other in imported if other in included or _is_local(other)]
    return _hash_of((location for name in sorted(found) for location in found[name]), versions)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _locations(name: str) -> tuple[Path, ...]:
    """The folders of a package, of which one without `__init__.py` may have several, or the file of a module."""
    import importlib.util

    spec = attempt(partial(importlib.util.find_spec, name))
    if spec is None or isinstance(spec, Failure):
        return ()
    found = spec.submodule_search_locations if spec.submodule_search_locations is not None else [spec.origin or ""]
    return tuple(sorted(path for path in map(Path, found) if path.is_file() or path.is_dir()))


def _hash_of(locations: Iterable[Path], versions: Iterable[str] = ()) -> str | None:
    """A hash of the names and contents of all files at some places, and of versions."""
    states = []
    for location in dict.fromkeys(locations):
        for path in _files(location):
            state = path.stat()
            name = str(path.relative_to(location.parent))
            states.append((name, str(path), state.st_size, state.st_mtime_ns))
    return _digest(tuple(sorted(states)), tuple(versions)) if states else None


@lru_cache(maxsize=256)
def _digest(states: tuple[tuple[str, str, int, int], ...], versions: tuple[str, ...]) -> str:
    """The hash of files, of which sizes and times are parameters so that changed files are read again."""
    digest = hashlib.sha256()
    for name, path, _, _ in states:
        digest.update(name.encode(errors="surrogateescape"))
        digest.update(_content(path))
    for version in versions:
        digest.update(version.encode())
    return digest.hexdigest()[:32]


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b"cannot be read"


def _files(location: Path) -> Iterator[Path]:
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


def _modules_of(package: Distribution | None) -> list[str]:
    """The top-level modules that a distribution lists among its files, or else declares."""
    if package is None:
        return []
    names = {_module_name(file) for file in package.files or ()}
    names |= set((package.read_text("top_level.txt") or "").split())
    return sorted(name for name in names if name.isidentifier())


def _module_name(file: PurePath) -> str:
    """The top-level module that an installed file belongs to; not an identifier if there is none."""
    first = file.parts[0]
    if len(file.parts) > 1:
        return first
    is_finder = first.startswith(("__editable__", "_editable_impl_"))
    return first.partition(".")[0] if file.suffix in (".py", ".so", ".pyd") and not is_finder else "."


def _required(package: Distribution | None) -> list[Distribution]:
    """The installed distributions that another one requires, without extras, and that harness does not require."""
    names = _requirements(package)
    if not names:
        return []
    known = {"forecast-harness", *_requirements(_distribution("forecast-harness"))}
    found = [_distribution(name) for name in sorted(names - known)]
    return [required for required in found if required is not None]


def _requirements(package: Distribution | None) -> set[str]:
    """The normalised names of what a distribution requires, without its extras."""
    lines = (package.requires or []) if package is not None else []
    names = (re.match(r"[\w.-]+", line.strip()) for line in lines if not re.search(r";.*\bextra\b", line))
    return {re.sub(r"[-_.]+", "-", name.group()).lower() for name in names if name is not None}


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _is_from_folder(package: Distribution) -> bool:
    """Whether a distribution was installed from a folder, so that its files may change while its version does not."""
    return '"dir_info"' in (package.read_text("direct_url.json") or "")


def _imported(locations: Iterable[Path]) -> set[str]:
    """The top-level modules that the Python files at some places import or refer to."""
    import ast

    names: set[str] = set()
    for location in locations:
        for path in _files(location):
            tree = attempt(partial(ast.parse, _content(str(path)))) if path.suffix == ".py" else None
            if isinstance(tree, ast.AST):
                names |= set(_imported_by(tree))
    return names


def _imported_by(tree: object) -> Iterator[str]:
    import ast

    assert isinstance(tree, ast.AST)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_top(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield _top(node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and REFERENCE.fullmatch(node.value):
            yield _top(node.value.partition(":")[0])


def _is_local(name: str) -> bool:
    """Whether a module is neither in the standard library, nor harness, nor among the installed packages."""
    if name in sys.stdlib_module_names or name == "harness":
        return False
    return any(not _is_installation(location.resolve().parent) for location in _locations(name))


@lru_cache(maxsize=256)
def _is_installation(folder: Path) -> bool:
    """Whether packages are installed into a folder."""
    return folder.name in ("site-packages", "dist-packages") or any(folder.glob("*.dist-info/RECORD"))
