"""Report formats: how the standings of a board are written as text. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from harness.fields.references import import_object

if TYPE_CHECKING:
    from harness.report.context import ReportContext
    from harness.results.standings import Standings

    Render = Callable[[Standings, ReportContext], str]


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
