"""A plugin in a single file, without a package: beside a board that a command names by its path, or named itself.

The path is in the environment so that every process that a command starts imports the same file. The folder of the
file is the last one on the import path: the file can import its neighbours, which hide no installed package.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

from harness.errors import BadInput

VARIABLE = "HARNESS_PLUGIN_FILE"
FILE = "harness_plugin.py"  # beside a board

_imported: dict[str, ModuleType] = {}  # the modules of plugin files that this process imported, by their names


def plugin_file() -> Path | None:
    """The file that this process imports as a plugin; raises BadInput where it cannot be one."""
    text = os.environ.get(VARIABLE)
    return checked_plugin_file(Path(text)) if text else None


def checked_plugin_file(path: Path) -> Path:
    """The absolute path of a plugin file; raises BadInput if there is no such file, or its name is no module's."""
    path = path.resolve()
    if not path.is_file():
        raise BadInput(f"there is no plugin file {path}; name a Python file with hooks")
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise BadInput(f"the plugin file {path} must be named as a module, such as {FILE}; rename it")
    if path.stem in sys.stdlib_module_names or path.stem == "harness":
        raise BadInput(f"the plugin file {path} has the name of another module, {path.stem!r}; rename it")
    return path


def plugin_file_beside(boards: list[Path]) -> Path | None:
    """The plugin file beside these board files; raises BadInput if there are two, or None if there is none."""
    beside = (path.resolve().parent / FILE for path in boards)
    found = list(dict.fromkeys(path for path in beside if path.is_file()))
    if len(found) > 1:
        raise BadInput(
            f"{found[0]} and {found[1]} cannot be imported by one command, since modules of one name would be mixed "
            "up; run these boards one after the other"
        )
    return found[0] if found else None


def entry_point(path: Path) -> EntryPoint:
    """A plugin file as the entry point of a plugin, whose name is that of the module."""
    return EntryPoint(path.stem, path.stem, "harness")


def import_plugin_file(path: Path) -> ModuleType:
    """The module of a plugin file, imported under its own name; raises whatever the file raises."""
    known = sys.modules.get(path.stem)
    if known is not None and _is_from(known, path):
        _imported[path.stem] = known
        return known
    if known is not None and known is _imported.get(path.stem):
        _forget(known)
    elif other := _other_module(path, known):
        raise BadInput(f"another module is called {path.stem!r}: {other}; rename the plugin file")
    use_folder(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    _imported[path.stem] = module
    return module


def use_folder(path: Path) -> None:
    """Let this process find the modules in the folder of a plugin file, after all others."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))


def _is_from(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).resolve() == path


def _other_module(path: Path, known: ModuleType | None) -> str:
    """Where a module comes from that is not this file and has its name, as text; empty if there is none."""
    if known is not None:
        return str(getattr(known, "__file__", None) or "it is imported already")
    found = importlib.util.find_spec(path.stem)
    if found is None or not found.origin or Path(found.origin).resolve() == path:
        return ""
    return found.origin


def _forget(module: ModuleType) -> None:
    """Let another plugin file take the place of one that an earlier command in this process imported."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return
    folder = str(Path(file).resolve().parent)
    for name, other in list(sys.modules.items()):
        place = getattr(other, "__file__", None)
        if isinstance(place, str) and os.path.dirname(place) == folder:
            del sys.modules[name]
    if folder in sys.path:
        sys.path.remove(folder)
