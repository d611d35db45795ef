"""Report formats: how the standings of a board are written as text. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.fields.references import import_object

if TYPE_CHECKING:
    from harness.evaluation.run import Run
    from harness.plugins.catalog import Catalog
    from harness.results.standings import Standings

    Render = Callable[[Standings, "ReportContext"], str]


@dataclass(frozen=True, eq=False)
class ReportContext:
    """What report formats are given besides the standings."""

    board: str  # its name, or the path of its file
    home: Path  # the folder that holds the journal
    catalog: Catalog
    read_runs: Callable[[], list[Run | None]] = field(default=list, repr=False)

    def runs(self) -> list[Run | None]:
        """The run of each cell, without arrays; None where the cell was not run."""
        return self.read_runs()


@dataclass(frozen=True)
class ReportFormat:
    """A format in which `harness show --format` writes the standings of a board.

    `render` is a function, or "package.module:function" as text, so that listing the format imports nothing.

        ReportFormat("json", "JSON", lambda standings, context: json.dumps(standings.to_json()), ".json")
    """

    name: str
    description: str
    render: Render | str
    suffix: str  # of files: ".json"

    def load(self) -> Render:
        """The function itself, imported now."""
        return cast("Render", import_object(self.render))


BUILT_IN = (
    ReportFormat("csv", "every column of the standings", "harness.report.formats:csv_report", ".csv"),
    ReportFormat("markdown", "the README of a board", "harness.report.formats:markdown_report", ".md"),
    ReportFormat("html", "a page with charts, in one file", "harness.report.formats:html_report", ".html"),
)
