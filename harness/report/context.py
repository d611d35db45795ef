"""The context of a report, from a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.plugins.formats import ReportContext

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.evaluation.run import Run


def report_context(board: str, workspace: Workspace, *, published: bool = False) -> ReportContext:
    """The context of a board's report, of its published results if `published`."""

    def read_runs() -> list[Run | None]:
        from harness.analysis.lookup import find_results

        return list(find_results(board, workspace, published=published).runs.values())

    return ReportContext(board, workspace.home, workspace.catalog, read_runs)
