"""The slices of a board that was run or published."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.lookup import find_metric, find_results, find_standings, stale_notes
from harness.analysis.slicing.compute import compute_slices
from harness.analysis.slicing.slices import SliceRequest, Slices
from harness.boards.workspace import Workspace
from harness.data.files import load
from harness.errors import DataUnavailable, Failure, attempt
from harness.results.stored_plan import StoredCell
from harness.tasks.task import Task


def find_slices(board: str, request: SliceRequest, workspace: Workspace) -> Slices:
    """The requested slices of a board; raises BadInput where it has no such slices."""
    results = find_results(board, workspace, published=request.published, pools=request.pools)
    metric = find_metric(request.metric or results.plan.metric, results, workspace.catalog)
    standings = find_standings(
        board,
        workspace,
        request.metric,
        completed_only=request.completed_only,
        published=request.published,
        pools=request.pools,
    )

    def season_length(cell: StoredCell, task: Task) -> int:
        """The dataset's own, for journals that do not hold it yet."""
        panel = attempt(lambda: load(workspace.catalog.datasets[task.dataset].spec, workspace.home))
        if isinstance(panel, Failure) or panel.fingerprint() != cell.fingerprint:
            why = panel if isinstance(panel, Failure) else "its data has changed since"
            raise DataUnavailable(f"the season length of task {cell.task!r} is not in the journal: {why}")
        return panel.season_length

    slices = compute_slices(results, metric, request, standings, season_length)
    notes = [] if request.published else stale_notes(board, results.plan.forecasters, workspace)
    return replace(slices, notes=(*slices.notes, *notes)) if notes else slices
