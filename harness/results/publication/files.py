"""The files of published results, in the folder of a board.

<folder>/README.md       the standings as Markdown
<folder>/results.json    the plan, and the record of each cell without traceback and curves
<folder>/terms.parquet   the terms of metrics in each window; neither forecasts nor actuals

Terms from which single values could be derived are withheld (see `writing`); the standings are then in results.json.
Files are checked when they are read: a score that does not follow from its terms is refused.
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import BadInput

SCHEMA = 1
README, RESULTS, TERMS = "README.md", "results.json", "terms.parquet"
POSITION_COLUMNS = ("task", "cell", "series", "cutoff", "number", "window", "target")  # the first columns of terms


class Damaged(BadInput):
    """A published file that is not valid, or contradicts another."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}; publish the board again, or restore the file")


def is_published(folder: Path) -> bool:
    """Whether results were published in a folder."""
    return (folder / RESULTS).is_file()
