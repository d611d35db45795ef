"""New packages and boards: files that are rendered from templates."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog

KINDS = ("forecaster", "dataset", "metric", "board")
FOLDER = Path(__file__).parent / "templates"
MOST_LETTERS = 60  # of a name
TESTS = "tests"  # the folder of the tests of a package


def check_name(kind: str, name: str, catalog: Catalog) -> None:
    """Raise BadInput for a name that is not one of a package, or that is in use."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", name) or len(name) > MOST_LETTERS:
        raise BadInput(
            f"{name!r:.100} cannot be the name of a {kind}: use at most {MOST_LETTERS} letters, digits and hyphens, "
            "beginning with a letter, such as my-model"
        )
    registries: dict[str, Mapping[str, Any]] = {
        "forecaster": catalog.forecasters,
        "dataset": catalog.datasets,
        "metric": catalog.metrics,
        "board": {**catalog.boards, **catalog.collections},
    }
    if name in registries[kind]:
        raise BadInput(f"there is a {kind} called {name!r} already; choose another name")
    if kind == "board":
        return
    module = module_name(name)
    if keyword.iskeyword(module) or keyword.issoftkeyword(module):
        raise BadInput(f"{name!r} cannot be the name of a package: {module!r} is a keyword of Python")
    if kind == "forecaster" and _hides_a_name(class_name(name)):
        raise BadInput(
            f"{name!r} cannot be the name of a forecaster: its class would be {class_name(name)}, a name that "
            "Python or harness uses; choose another name"
        )
    if module == TESTS:
        raise BadInput(f"{name!r} cannot be the name of a package: its tests are in the folder {TESTS}")
    plugins = {plugin.replace("_", "-").lower() for plugin in catalog.plugins}
    if module in sys.stdlib_module_names or name.replace("_", "-").lower() in plugins or _is_importable(module):
        raise BadInput(f"there is a module or plugin called {module!r} already; choose another name")


def write_files(kind: str, name: str, into: Path) -> list[Path]:
    """Write a package or a board to the folder of its name in another folder; returns the files.

    Raises BadInput if there is something of this name.
    """
    folder = into / name
    if folder.exists() or folder.is_symlink():
        raise BadInput(f"{folder} exists already; choose another name, or another folder by --into")
    contents = dict(_rendered(kind, name))
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return [folder / path for path in sorted(contents)]


def module_name(name: str) -> str:
    """The module of a package."""
    return name.lower().replace("-", "_")


def class_name(name: str) -> str:
    """The class of a forecaster."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[-_]", name))


def _hides_a_name(name: str) -> bool:
    import harness

    return keyword.iskeyword(name) or name in harness.__all__ or hasattr(builtins, name)


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _rendered(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """The files, by their paths in the new folder."""
    from jinja2 import Environment, StrictUndefined

    import harness

    # other delimiters than the usual ones, which GitHub Actions and TOML use
    environment = Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    words = re.split(r"[-_]", name)
    values = {
        "kind": kind,
        "name": name,
        "module": module_name(name),
        "class": class_name(name),
        "title": " ".join(words).capitalize(),
        "version": re.match(r"\d+\.\d+", harness.__version__).group(),  # type: ignore[union-attr]
    }
    for folder in (FOLDER / kind, *([] if kind == "board" else [FOLDER / "package"])):
        for path in sorted(folder.rglob("*.jinja")):
            relative = path.relative_to(folder).as_posix().removesuffix(".jinja")
            relative = relative.replace("dot_", ".").replace("__module__", values["module"])  # that may have dot_ too
            yield relative, environment.from_string(path.read_text(encoding="utf-8")).render(values)
