"""What report formats are given besides the standings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.evaluation.run import Run


@dataclass(frozen=True, eq=False)
class ReportContext:
    """The results behind standings."""

    board: str  # its name, or the path of its file
    workspace: Workspace
    published: bool = False  # whether the standings are of the results published with the board

    @property
    def home(self) -> Path:
        """The folder that holds the journal."""
        return self.workspace.home

    def runs(self) -> list[Run | None]:
        """The run of each cell, without arrays; None where the cell was not run."""
        from harness.analysis.lookup import find_results

        return list(find_results(self.board, self.workspace, published=self.published).runs.values())
