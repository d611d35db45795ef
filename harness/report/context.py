"""What report formats are given besides the standings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.evaluation.run import Run
    from harness.plugins.catalog import Catalog


@dataclass(frozen=True, eq=False)
class ReportContext:
    """Where the results behind standings are."""

    board: str  # its name, or the path of its file
    home: Path
    catalog: Catalog
    published: bool = False  # whether the results are those published with the board

    def runs(self) -> list[Run | None]:
        """The run of each cell, without arrays; None where the cell was not run."""
        from harness.analysis.lookup import find_results

        return list(find_results(self.board, self.home, lambda: self.catalog, published=self.published).runs.values())
