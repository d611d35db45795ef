"""A board that was run or published, in slices."""

from __future__ import annotations

from harness.analysis.lookup import find_metric, find_results, find_standings
from harness.analysis.slicing import SliceRequest, Slices
from harness.analysis.slicing.scores import slices_of
from harness.attempt import Failure, attempt
from harness.boards.workspace import Workspace
from harness.data.files import load
from harness.errors import DataUnavailable
from harness.results.stored_plan import StoredCell
from harness.tasks.task import Task


def sliced(board: str, asked: SliceRequest, workspace: Workspace) -> Slices:
    """What is asked of a board; raises BadInput where it has no such slices."""
    results = find_results(board, workspace, published=asked.published)
    metric = find_metric(asked.metric or results.plan.metric, results, workspace.catalog)
    standings = find_standings(
        board, workspace, asked.metric, completed_only=asked.completed_only, published=asked.published
    )

    def season_length(cell: StoredCell, task: Task) -> int:
        """The dataset's own, where an older journal does not hold it."""
        panel = attempt(lambda: load(workspace.catalog.datasets[task.dataset].spec, workspace.home))
        if isinstance(panel, Failure) or panel.fingerprint() != cell.fingerprint:
            why = panel if isinstance(panel, Failure) else "its data has changed since"
            raise DataUnavailable(f"the season length of task {cell.task!r} is not in the journal: {why}")
        return panel.season_length

    return slices_of(results, metric, asked, standings, season_length)
