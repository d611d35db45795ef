"""A board that was run or published, in slices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.analysis.lookup import find_results, find_standings
from harness.analysis.slicing.compute import compute_slices
from harness.analysis.slicing.slices import SliceRequest, Slices
from harness.attempt import Failure, attempt
from harness.data.files import load
from harness.errors import DataUnavailable
from harness.plugins.catalog import Catalog
from harness.results.publication.published_results import PublishedResults
from harness.results.stored_plan import StoredCell
from harness.tasks.task import Task


def find_slices(board: str, asked: SliceRequest, home: Path, catalog: Callable[[], Catalog]) -> Slices:
    """What is asked of a board; raises BadInput where it has no such slices."""
    results = find_results(board, home, catalog, published=asked.published)
    name = asked.metric or results.plan.metric
    known = results.metrics if isinstance(results, PublishedResults) else {}
    metric = known[name] if name in known else catalog().metrics[name].spec
    standings = find_standings(board, asked.metric, asked.completed_only, home, catalog, published=asked.published)

    def season_length(cell: StoredCell, task: Task) -> int:
        """The dataset's own, where an older journal does not hold it."""
        panel = attempt(lambda: load(catalog().datasets[task.dataset].spec, home))
        if isinstance(panel, Failure) or panel.fingerprint() != cell.fingerprint:
            why = panel if isinstance(panel, Failure) else "its data has changed since"
            raise DataUnavailable(f"the season length of task {cell.task!r} is not in the journal: {why}")
        return panel.season_length

    return compute_slices(results, metric, asked, standings, season_length)
