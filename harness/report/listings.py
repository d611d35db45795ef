"""Lists of names and what they are, as plain text that starts at once and pipes well."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.plugins.catalog import Catalog


def listing(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A title over columns; the second one is wrapped to what the terminal leaves."""
    cells = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    others = sum(widths) - widths[1] + 2 * len(widths)
    widths[1] = max(min(widths[1], shutil.get_terminal_size((100, 24)).columns - others), 20)
    lines = [title.upper()]
    for row in cells:
        wrapped = textwrap.wrap(row[1], widths[1], break_on_hyphens=False) or [""]
        for number, part in enumerate(wrapped):
            texts = [text if number == 0 else "" for text in row]
            texts[1] = part
            lines.append(
                "  " + "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()
            )
    return "\n".join([*lines, ""])


def inventory(catalog: Catalog, kind: str) -> str:
    """Everything of one kind: forecasters, datasets, boards, metrics or plugins."""
    if kind == "plugins":
        rows = [
            (plugin.name, plugin.problem or plugin.module, f"{plugin.distribution} {plugin.version}")
            for plugin in catalog.plugins.values()
        ]
        return listing(kind, ("name", "module", "distribution"), rows)
    if kind == "boards":
        boards = [(name, _title(one.spec), str(one.plugin)) for name, one in catalog.boards.items()]
        return listing(kind, ("name", "what it is", "plugin"), boards)
    if kind == "forecasters":
        rows = [(name, one.spec.summary, str(one.plugin)) for name, one in catalog.forecasters.items()]
    elif kind == "datasets":
        rows = [(name, one.spec.description, str(one.plugin)) for name, one in catalog.datasets.items()]
    else:
        rows = [(name, one.spec.description, str(one.plugin)) for name, one in catalog.metrics.items()]
    return listing(kind, ("name", "what it is", "plugin"), rows)


def data_inventory(workspace: Workspace) -> str:
    """Which datasets are here, from where, and under which licence; what several share is said of the first."""
    from harness.data.files import available

    rows, first = [], dict[str, str]()
    for name, dataset in workspace.catalog.datasets.items():
        said = f"{dataset.spec.source} · {dataset.spec.licence}"
        other = first.setdefault(said, name)
        state = "here" if available(dataset.spec, workspace.home) else "to be fetched"
        rows.append((name, said if other == name else f"as {other}", state))
    return listing("data", ("name", "source and licence", "state"), rows)


def _title(path: Path) -> str:
    """The title of a board file, or why it cannot be read."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        head = text.partition("\n[[")[0]  # its title comes before its tables, whose parsing takes ten times as long
        try:
            fields = tomllib.loads(head)
        except ValueError:
            fields = tomllib.loads(text)
        return str(fields.get("title", "without a title"))
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
