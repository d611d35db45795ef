"""The import closure of a module: the modules whose code can affect it.

Beginning at a module, imports are followed within the given packages: absolute and relative ones, those inside of
functions, and texts such as "package.module:object" and "package.module". Blocks for type checkers are not followed.

- `from package import name` leads to the submodule of that name. It leads to the package's `__init__.py` where that
  binds the name, and to all modules of the package where neither does.
- A package that is itself given a name leads to its `__init__.py` and to the submodules that the file uses as
  attributes; to all of its modules where it is used as a value.
- A star, and a text such as "package." to which something is appended, lead to all modules of a package.
- A module that imports others by a name which only running it tells, or that cannot be parsed, leads to all modules of
  its top-level package.
- Importing a submodule does not lead to the `__init__.py` of its packages, unless importing one of these runs a module
  that does more than import, define, and assign to names. Such modules belong to the closure: a call at top level, an
  assignment to an attribute, and a decorator of the package itself can affect any other module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.plugins.module_files import files_in, top_level
from harness.plugins.python_files import EVERYTHING, Import, PythonFile, python_file


@dataclass(frozen=True)
class Module:
    """A module in a file; that of a package is its `__init__.py`."""

    name: str
    path: Path

    @property
    def is_package(self) -> bool:
        """Whether the module is the `__init__.py` of a package."""
        return self.path.name == "__init__.py"

    @property
    def packages(self) -> Iterator[str]:
        """The names of the packages that contain the module."""
        parts = self.name.split(".")
        return (".".join(parts[:length]) for length in range(1, len(parts)))


class ImportGraph:
    """Where the imports of modules lead; files that change meanwhile are not read again."""

    def __init__(self, locations: Mapping[str, tuple[Path, ...]]) -> None:
        self.locations = locations  # of the packages and modules that are followed, by top-level name
        self._modules: dict[str, Module | None] = {}
        self._leads_to: dict[Path, tuple[Module, ...]] = {}

    def closure(self, module: str, also_run: Iterable[str] = ()) -> frozenset[Module]:
        """The closure of a module; empty if the module is not found.

        `also_run` are modules that are imported in every case. Of these, and of what importing them runs, only the
        modules that do more than define are part of the closure.
        """
        start = self.nearest(module)
        if start is None:
            return frozenset()
        found: dict[Path, Module] = {}
        run: dict[Path, Module] = {}
        pending = [start, *self.acting(filter(None, map(self.module, also_run)), run)]
        while pending:
            reached = pending.pop()
            if reached.path not in found:
                found[reached.path] = reached
                pending += self.targets(reached)
                pending += self.acting(self.packages_of(reached), run)
        return frozenset(found.values())

    def module(self, name: str) -> Module | None:
        """The module of that name; None for a package without `__init__.py`, and where there is none."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def _find(self, name: str) -> Module | None:
        top, *rest = name.split(".")
        for location in self.locations.get(top, ()):
            if location.is_file():
                if not rest and location.suffix == ".py":
                    return Module(name, location)
                continue
            candidates = [location.joinpath(*rest, "__init__.py")]
            if rest:
                candidates.append(location.joinpath(*rest[:-1], f"{rest[-1]}.py"))
            for path in candidates:
                if path.is_file():
                    return Module(name, path)
        return None

    def nearest(self, name: str) -> Module | None:
        """The module of that name, or else the nearest one whose name it begins with."""
        while name and self.module(name) is None:
            name = name.rpartition(".")[0]
        return self.module(name) if name else None

    def below(self, package: str) -> Iterator[Module]:
        """All modules of a package, or the module of that name."""
        module = self.module(package)
        if module is not None and not module.is_package:
            yield module
        for folder in self._folders(package):
            for path in sorted(files_in(folder)):
                if path.suffix == ".py":
                    yield Module(_dotted(package, path.relative_to(folder)), path)

    def packages_of(self, module: Module) -> Iterator[Module]:
        """The `__init__.py` of each package that contains a module."""
        return (package for package in map(self.module, module.packages) if package is not None)

    def acting(self, modules: Iterable[Module], run: dict[Path, Module]) -> Iterator[Module]:
        """Among modules that are run, and those that they run, the ones that do more than define.

        Those in `run` were looked at before; the others are added.
        """
        pending = list(modules)
        while pending:
            module = pending.pop()
            if module.path in run:
                continue
            run[module.path] = module
            file = python_file(module.path)
            if file.acts or self._decorates(file):
                yield module
            pending += self.packages_of(module)
            for found in file.imports:
                if found.runs:
                    pending += self._target(module, file, found)

    def targets(self, module: Module) -> tuple[Module, ...]:
        """The modules that a module leads to."""
        if module.path not in self._leads_to:
            self._leads_to[module.path] = tuple(dict.fromkeys(self._targets(module)))
        return self._leads_to[module.path]

    def _targets(self, module: Module) -> Iterator[Module]:
        file = python_file(module.path)
        if file.dynamic:
            yield from self.below(top_level(module.name))
        for found in file.imports:
            yield from self._target(module, file, found)

    def _target(self, module: Module, file: PythonFile, found: Import) -> Iterator[Module]:
        name = _absolute(found, module)
        if top_level(name) not in self.locations:
            return
        if not found.name:
            yield from self._named(name, file, "" if found.bound == top_level(name) != name else found.bound)
            if found.bound == top_level(name) != name:
                yield from self._named(found.bound, file, found.bound)
        elif found.name == EVERYTHING:
            yield from self.below(name)
        elif self._is_package(name):
            yield from self._from_package(name, file, found)
        elif (nearest := self.nearest(name)) is not None:
            yield nearest

    def _from_package(self, package: str, file: PythonFile, found: Import) -> Iterator[Module]:
        """Where `from package import name` leads."""
        name, init = f"{package}.{found.name}", self.module(package)
        bound = frozenset[str]() if init is None else python_file(init.path).bound
        if self.module(name) is not None or self._is_package(name):
            yield from self._named(name, file, found.bound)
            if init is not None and found.name in bound and not self._only_imports(init, found.name, name):
                yield init
            return
        if init is not None:
            yield init
        if bound.isdisjoint({found.name, EVERYTHING, "__getattr__"}) and not self._is_compiled(package, found.name):
            yield from self.below(package)

    def _only_imports(self, init: Module, bound: str, submodule: str) -> bool:
        """Whether an `__init__.py` gives a name to the submodule of that name only."""
        imports = [found for found in python_file(init.path).imports if found.bound == bound]
        names = {f"{_absolute(found, init)}.{found.name}" if found.name else found.module for found in imports}
        return names == {submodule}

    def _named(self, name: str, file: PythonFile, bound: str) -> Iterator[Module]:
        """Where a module leads that a file gives a name to; without a name only to itself."""
        module = self.module(name) or (None if self._is_package(name) else self.nearest(name))
        if module is not None:
            yield module
        if not self._is_package(name) or not bound:
            return
        if bound in file.values:
            yield from self.below(name)
        for attribute in file.attributes.difference(name.split(".")):  # a link may lead to a folder above it
            submodule = f"{name}.{attribute}"
            if self.module(submodule) is not None or self._is_package(submodule):
                yield from self._named(submodule, file, attribute)

    def _decorates(self, file: PythonFile) -> bool:
        """Whether importing a file calls decorators of the packages that are followed, which may register something."""
        foreign = {
            found.bound for found in file.imports if not found.level and top_level(found.module) not in self.locations
        }
        return bool(file.decorators & file.bound - foreign)

    def _is_package(self, name: str) -> bool:
        return bool(self._folders(name))

    def _folders(self, name: str) -> list[Path]:
        top, *rest = name.split(".")
        folders = (location.joinpath(*rest) for location in self.locations.get(top, ()) if location.is_dir())
        return [folder for folder in folders if folder.is_dir()]

    def _is_compiled(self, package: str, name: str) -> bool:
        """Whether a submodule is a file other than Python source; all of these are part of a hash anyway."""
        return any(path.suffix != ".py" for folder in self._folders(package) for path in folder.glob(f"{name}.*"))


def _absolute(found: Import, module: Module) -> str:
    """The absolute name of the module of an import."""
    if not found.level:
        return found.module
    parts = module.name.split(".")
    package = parts[: len(parts) - found.level + module.is_package]
    return ".".join([*package, *([found.module] if found.module else [])])


def _dotted(package: str, path: Path) -> str:
    """The name of the module in a file, whose path is relative to the folder of a package."""
    parts = [*path.parts[:-1], *([] if path.name == "__init__.py" else [path.stem])]
    return ".".join([package, *parts])
