"""Listings of what the plugins provide, as plain text without colours or boxes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.forecasters.libraries import library_of
from harness.plugins.installation import is_fetch_command, not_installed
from harness.report.catalog.capabilities import LEGEND, capability_letters
from harness.report.text import output_width, visible

NARROW = "[\x00-\u02ff\u2010-\u2027\u2030-\u205e\u2070-\u20cf\u2190-\u22ff]*"  # as wide as a letter

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.plugins.catalog import Catalog
    from harness.plugins.discovery import Plugin
    from harness.plugins.registry import Registered


def listing(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A title over columns, of which the second is wrapped to the width of the terminal."""
    cells = [list(map(visible, row)) for row in (headings, *rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    other_columns = sum(widths) - widths[1] + 2 * len(widths)
    widths[1] = max(min(widths[1], output_width() - other_columns), 20)
    lines = [title.upper()]
    for row in cells:
        wrapped = textwrap.wrap(row[1], widths[1], break_on_hyphens=False) or [""]
        for i, line in enumerate(wrapped):
            texts = [text if i == 0 else "" for text in row]
            texts[1] = line
            padded = (text + " " * (width - _width(text)) for text, width in zip(texts, widths, strict=True))
            lines.append("  " + "  ".join(padded).rstrip())
    return "\n".join([*lines, ""])


def inventory(catalog: Catalog, kind: str) -> str:
    """All forecasters, datasets, boards, metrics, protocols, formats or plugins, and the plugin that provides each."""
    if kind == "plugins":
        rows = [
            (plugin.name, _state(plugin), plugin.source)
            for plugin in (*catalog.plugins.values(), *catalog.environment_plugins)
        ]
        return listing(kind, ("name", "module", "distribution"), rows)
    if kind == "forecasters":
        headings = ("name", "description", "can", "pool", "provided by")
        missing = not_installed(catalog.forecasters, catalog.forecasters)
        legend = "\n".join([*_folded(LEGEND), ""])
        return (
            listing(kind, headings, _forecasters(catalog, missing))
            + legend
            + _libraries(catalog, missing)
            + _not_installed(kind, missing)
        )
    if kind == "datasets":
        entries = catalog.datasets.items()
        missing = {name: command for name, entry in entries if (command := entry.spec.install_command)}
        rows = [(name, entry.spec.description, str(entry.plugin)) for name, entry in entries if name not in missing]
        return listing(kind, ("name", "description", "provided by"), rows) + _not_installed(kind, missing)
    if kind == "metrics":
        return listing(kind, ("name", "description", "functional", "provided by"), _metrics(catalog))
    names = ("name", "description", "provided by")
    text = listing(kind, names, _descriptions(catalog, kind))
    if kind == "boards" and catalog.collections:
        return f"{text}\n{listing('collections of boards', names, _descriptions(catalog, 'collections'))}"
    return text


def _state(plugin: Plugin) -> str:
    """The module of a plugin, or why it is not in use."""
    return "left out by --plugins or HARNESS_PLUGINS" if plugin.left_out else plugin.problem or plugin.module


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, output_width() - 2, initial_indent="  ", subsequent_indent="  ")


def _not_installed(kind: str, commands: Mapping[str, str]) -> str:
    """The names that are not installed or lack weights, by the command for it; empty if there are none."""
    names: dict[str, list[str]] = {}
    for name, command in commands.items():
        names.setdefault(command, []).append(name)
    installed = {command: group for command, group in names.items() if not is_fetch_command(command)}
    fetched = [(command, ", ".join(group)) for command, group in names.items() if is_fetch_command(command)]
    tables = {
        f"{kind} that are not installed": _rows_by_command(installed),
        f"{kind} whose weights are not fetched": fetched,
    }
    headings = ("command", "name")
    return "".join(f"\n{listing(title, headings, rows)}" for title, rows in tables.items() if rows)


def _rows_by_command(names: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """A command and the names that it makes usable; of the models of a library, the command of most of them."""
    models = [each for group in names.values() for each in group if library_of(each)]
    most: dict[str, str] = {}  # by library
    for command in sorted(names, key=lambda each: -len(names[each])):
        for library in _by_library(names[command]):
            most.setdefault(library, command)
    rows = []
    for command, group in names.items():
        shown = [name for name in group if not library_of(name) or most[library_of(name)] == command]
        if not shown:
            continue
        others = sum(library_of(name) in _by_library(shown) and name not in shown for name in models)
        more = f"; {others} more need other packages: `harness list forecasters --card NAME` says which"
        rows.append((command, _summary(shown) + (more if others else "")))
    return rows


def _summary(names: Iterable[str]) -> str:
    """Names between commas; of the models of a library, their number and the first one."""
    groups = _by_library(names).items()
    parts = [
        f"{len(group)} models such as {group[0]}" if library and len(group) > 1 else ", ".join(group)
        for library, group in groups
    ]
    return ", ".join(parts)


def _forecasters(catalog: Catalog, without: Container[str]) -> list[tuple[str, ...]]:
    """The name, the description, the capabilities, the pool and the plugin of each; no pool that needs an import."""
    from harness.boards.pools import known_pool

    return [
        (name, entry.spec.summary, capability_letters(entry.spec), known_pool(entry.spec) or "", str(entry.plugin))
        for name, entry in catalog.forecasters.items()
        if name not in without and not library_of(name)
    ]


def _libraries(catalog: Catalog, without: Container[str]) -> str:
    """The models of other libraries that are installed, a paragraph for each library; empty if there are none."""
    models = _by_library(name for name in catalog.forecasters if name not in without)
    sentences = [
        f"{library}: {len(names)} models, each named as {names[0]}: "
        + ", ".join(name.partition(":")[2] for name in names)
        for library, names in models.items()
        if library
    ]
    return "".join("\n".join(["", *_folded(sentence), ""]) for sentence in sentences)


def _by_library(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of forecasters by the library whose models they are; by an empty text, those of none."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(library_of(name), []).append(name)
    return found


def _metrics(catalog: Catalog) -> list[tuple[str, str, str, str]]:
    """The name, the description, the functional and the plugin of each."""
    return [
        (name, entry.spec.summary, entry.spec.functional, str(entry.plugin)) for name, entry in catalog.metrics.items()
    ]


def _descriptions(catalog: Catalog, kind: str) -> list[tuple[str, str, str]]:
    """The name, the description and the plugin of each."""
    if kind in ("boards", "collections"):
        files: Mapping[str, Registered[Path]] = getattr(catalog, kind)
        return [(name, _title(file.spec), str(file.plugin)) for name, file in files.items()]
    if kind == "formats":
        formats = catalog.formats.items()
        return [(name, f"{entry.spec.description} ({entry.spec.suffix})", str(entry.plugin)) for name, entry in formats]
    if kind == "protocols":
        protocols = catalog.protocols.items()
        return [(name, (entry.spec.__doc__ or "").partition("\n")[0], str(entry.plugin)) for name, entry in protocols]
    registry: Mapping[str, Registered[Any]] = getattr(catalog, kind)
    return [(name, entry.spec.description, str(entry.plugin)) for name, entry in registry.items()]


def data_inventory(workspace: Workspace) -> str:
    """All datasets, their sources and licences, and whether they are available or the command that installs them.

    A dataset with the source and the licence of an earlier one refers to that.
    """
    from harness.data.files import available

    rows, first = [], dict[str, str]()
    for name, dataset in workspace.catalog.datasets.items():
        origin = f"{dataset.spec.source} · {dataset.spec.licence}"
        earlier = first.setdefault(origin, name)
        if command := dataset.spec.install_command:
            state = f"not installed: {command}"
        else:
            state = "available" if available(dataset.spec, workspace.home) else "not downloaded"
        rows.append((name, origin if earlier == name else f"as {earlier}", state))
    return listing("data", ("name", "source and licence", "state"), rows)


def _title(path: Path) -> str:
    """The title of a board file, or why it cannot be read."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8").removeprefix("\ufeff")
        head = text.partition("\n[[")[0]  # without tables, whose parsing takes ten times as long
        try:
            fields = tomllib.loads(head)
        except ValueError:
            fields = tomllib.loads(text)
        return str(fields.get("title", "without a title"))
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"


def _width(text: str) -> int:
    """The columns of a terminal that a text takes."""
    if text.isascii() or re.fullmatch(NARROW, text):
        return len(text)
    from rich.cells import cell_len  # an import that most listings do not need

    return cell_len(text)
