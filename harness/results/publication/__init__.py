"""Published results: a board's standings for those who have neither its data nor its models.

<folder>/README.md       the standings, to be read
<folder>/results.json    the plan, and the record of each cell but tracebacks and curves
<folder>/terms.parquet   the metric's sums in each window; neither forecasts nor what came

Terms whose sums would tell single values are withheld (`publishing`); the standings that rest on them are
then in results.json. Whatever is read is checked: a score that does not follow from its terms is refused.
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import BadInput

SCHEMA = 1
README, RESULTS, TERMS = "README.md", "results.json", "terms.parquet"
PLACES = ("task", "cell", "series", "cutoff", "number", "window", "target")  # the first columns of terms


class Damaged(BadInput):
    """A published file that does not say what it must, or contradicts another."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}; publish the board again, or restore the file")


def is_published(folder: Path) -> bool:
    """Whether results were published in a folder."""
    return (folder / RESULTS).is_file()
