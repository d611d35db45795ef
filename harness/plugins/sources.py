"""The source of a plugin as a hash, which the keys of results contain.

The files of a plugin are those of

- the packages and modules of its distribution, including packages without `__init__.py`,
- the modules outside of the installed packages that these import or name as "module:object", such as those on
  PYTHONPATH, of an editable installation, or included in harness,
- the required distributions that were installed from a folder,

except bytecode and hidden files. The hash of a whole plugin covers all of them. The hash for a forecaster covers the
import closure of its factory among them, and all files other than Python source of the packages that the closure is in
or names; of Python source it covers the code without docstrings and comments. Where the factory is not found in a
module of the plugin, it is the hash of the whole plugin.

Both cover the versions of the required distributions that harness itself does not require. The versions of all others
are in the provenance of a run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath

from harness.plugins.import_closure import ImportGraph, Module
from harness.plugins.module_files import (
    FileState,
    content_of,
    file_states,
    files_in,
    is_local,
    locations_of,
    top_level,
)
from harness.plugins.python_files import python_file


@dataclass(frozen=True)
class PluginFiles:
    """Where the files of a plugin are, and the versions of what it requires."""

    module: str  # of the plugin's hooks
    locations: Mapping[str, tuple[Path, ...]]  # by top-level name: folders of a package, or the file of a module
    versions: tuple[str, ...] = ()

    @property
    def source(self) -> str | None:
        """The hash of the whole plugin; None without files."""
        states = file_states(location for name in sorted(self.locations) for location in self.locations[name])
        return _digest(tuple(states), self.versions) if states else None

    def source_of(self, module: str) -> str | None:
        """The hash of the closure of a module, or else of the whole plugin; None without files."""
        closure = self.closure(module)
        if not closure:
            return self.source
        states = self._states_around(closure)
        code = [f"{found.name}:{found.is_package}:{python_file(found.path).code}" for found in closure]
        others = tuple(state for state in states if not state[1].endswith(".py"))
        return _digest(others, (*sorted(code), *self.versions))

    def file_hashes(self, module: str | None) -> dict[str, str]:
        """A hash of each file that `source_of` a module covers, or `source` without one, by its path in its package.

        Of files other than Python source it is one of the size and the time of the last change.
        """
        closure = frozenset() if module is None else self.closure(module)
        states = (
            self._states_around(closure)
            if closure
            else file_states(location for paths in self.locations.values() for location in paths)
        )
        covered = {str(found.path) for found in closure}
        hashes = {}
        for name, path, size, changed in states:
            if path in covered or not closure:
                is_code = path.endswith(".py")
                hashes[name] = str(python_file(Path(path)).code) if is_code else f"{size} {changed}"
            elif not path.endswith(".py"):
                hashes[name] = f"{size} {changed}"
        return hashes

    def _states_around(self, closure: Iterable[Module]) -> list[FileState]:
        """The states of all files of the packages that some modules are in or name."""
        packages = {top_level(found.name) for found in closure}
        packages.update(*(python_file(found.path).words & self.locations.keys() for found in closure))
        return file_states(location for name in packages for location in self.locations[name])

    def closure(self, module: str) -> frozenset[Module]:
        """The modules of the plugin whose code can affect a module of it; none where it is not in the plugin."""
        return self._imports.closure(module, [self.module])

    @cached_property
    def _imports(self) -> ImportGraph:
        return ImportGraph(self.locations)


def own_files(module: str) -> PluginFiles:
    """The files of a plugin that is included in harness.

    Included plugins are independent of each other, and `EVALUATION_VERSION` stands for harness itself.
    """
    return PluginFiles(module, {top_level(module): locations_of(top_level(module))})


def files_of(module: str, package: Distribution | None, included: frozenset[str] = frozenset()) -> PluginFiles:
    """The files of any other plugin. `included` are the top-level modules of the plugins that are in harness."""
    names = [top_level(module), *_modules_of(package)]
    versions: list[str] = []
    for required in _required(package):
        versions.append(f"{required.name}=={required.version}")
        if _is_from_folder(required):
            names += _modules_of(required)
    found: dict[str, tuple[Path, ...]] = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = locations_of(name)
            imported = set() if name in included else _imported(found[name])
            names += [other for other in imported if other in included or is_local(other)]
    return PluginFiles(module, found, tuple(versions))


@lru_cache(maxsize=256)
def _digest(states: tuple[FileState, ...], texts: tuple[str, ...]) -> str:
    """The hash of files, of which sizes and times are parameters so that changed files are read again, and of texts."""
    digest = hashlib.sha256()
    for name, path, _, _ in states:
        digest.update(name.encode(errors="surrogateescape"))
        digest.update(content_of(path))
    for text in texts:
        digest.update(text.encode())
    return digest.hexdigest()[:32]


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
    """The top-level modules that the Python files at some places import, or name as "module:object"."""
    paths = (path for location in locations for path in files_in(location) if path.suffix == ".py")
    imports = (found for path in paths for found in python_file(path).imports)
    return {top_level(found.module) for found in imports if not found.level and found.certain}
