"""Results of a board → its slices: each forecaster's score in each part of each task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from harness.analysis.slicing.aggregation import Imputation, Segments, imputations, imputed_terms_by_step
from harness.analysis.slicing.groups import GROUPINGS, Grouping
from harness.analysis.slicing.seasons import by_season
from harness.analysis.slicing.slices import SLICE_KINDS, SliceRequest, Slices, TaskSlices
from harness.analysis.task_scores import TaskScores, task_scores
from harness.arrays import Floats, Ints
from harness.errors import BadInput, DataUnavailable, UnknownName
from harness.evaluation.metrics import Metric
from harness.evaluation.run import Run
from harness.evaluation.scoring import Terms, applies, distances
from harness.results.board_results import BoardResults
from harness.results.standings import Standings
from harness.results.stored_plan import StoredCell
from harness.tasks.task import Task

SeasonLength = Callable[[StoredCell, Task], int]  # of a task whose stored actuals do not hold it
BY_STEP = ("step", "season")  # slices that separate the steps of a window, and so need its forecasts


def compute_slices(
    results: BoardResults, metric: Metric, request: SliceRequest, standings: Standings, season_length: SeasonLength
) -> Slices:
    """A board in slices; its forecasters are in the order of the standings.

    A failed window is scored as in the standings: as imputed, or with `completed_only` it is
    ignored. Raises BadInput where no task has such slices, DataUnavailable where forecasts are needed and lost.
    """
    slicer = Slicer(results, metric, request, _forecasters(results, standings), season_length)
    by_task = {task: slicer.task_slices(task) for task in _tasks(request, results)}
    slices = {task: part for task, part in by_task.items() if isinstance(part, TaskSlices)}
    reasons = [reason for reason in by_task.values() if isinstance(reason, str)]
    if not slices:
        raise BadInput("; ".join(reasons))
    return Slices(
        standings.board,
        standings.title,
        metric.name,
        request.by,
        standings.baseline,
        slicer.forecasters,
        slices,
        (*reasons, *(note for task in slices for note in slicer.failure_notes(task))),
        standings.logarithmic and metric.best == "lowest",
    )


def _tasks(request: SliceRequest, results: BoardResults) -> tuple[str, ...]:
    if request.by not in SLICE_KINDS:
        raise BadInput(f"slices are by {', '.join(SLICE_KINDS[:-1])} or {SLICE_KINDS[-1]}, not {request.by!r}")
    if request.task is None:
        return results.plan.tasks
    if request.task in results.plan.unavailable:
        raise DataUnavailable(f"task {request.task!r} was left out: {results.plan.unavailable[request.task]}")
    if request.task not in results.plan.tasks:
        raise UnknownName("task", request.task, results.plan.tasks)
    return (request.task,)


def _forecasters(results: BoardResults, standings: Standings) -> tuple[str, ...]:
    """Best first; forecasters of the plan that are not in the standings yet come last."""
    return tuple(dict.fromkeys([*(row.forecaster for row in standings.rows), *results.plan.forecasters]))


@dataclass(frozen=True, eq=False)
class Slicer:
    """Slices the tasks of a board, one by one."""

    results: BoardResults
    metric: Metric
    request: SliceRequest
    forecasters: tuple[str, ...]
    season_length: SeasonLength

    def task_slices(self, task: str) -> TaskSlices | str:
        """The slices of a task, or why it has none."""
        completed = [cell for cell in self.results.plan.by_task[task] if self.results.completed(cell)]
        if not completed:
            return f"no cell of task {task!r} completed"
        run = self._run(completed[0])
        if not applies(self.metric, run.cell.task.quantile_levels):
            levels = "only one quantile level" if run.cell.task.quantile_levels else "no quantile levels"
            return f"{self.metric.name} does not apply to task {task!r}, which asks for {levels}"
        if self.request.by in BY_STEP:
            self.results.outcomes(completed[0])  # raises where no forecasts are stored at all
        scores = task_scores(task, self.results, self.metric, self.impute)
        if self.request.by == "task":
            windows = np.array([run.windows])
            by_cell = np.array(scores.scores)[:, None]
            return self._mean_over_seeds(scores, by_cell, (task,), windows, windows * run.cell.task.horizon)
        if scores.terms is None or scores.actuals is None:
            return f"task {task!r}: {scores.problem}"
        grouping = self._grouping(scores, run)
        if isinstance(grouping, str):
            return grouping
        segments = Segments.of(self.metric, grouping, scores.actuals)
        terms = self._terms_by_step(scores) if self.request.by in BY_STEP else _terms_by_cell(scores.terms)
        by_cell = np.stack([segments.scores(self.metric, cell_terms) for cell_terms in terms])
        steps = grouping.steps(run.cell.task.horizon)
        return self._mean_over_seeds(scores, by_cell, grouping.names, grouping.windows(), steps)

    @property
    def impute(self) -> bool:
        """Whether a failed window is scored as imputed."""
        return not self.request.completed_only

    def failure_notes(self, task: str) -> list[str]:
        """Which forecasters failed on windows of a task, and how these are scored."""
        failed: dict[str, int] = {}
        for cell in self.results.plan.by_task[task]:
            if self.results.completed(cell) and self.results.failures(cell):
                failed[cell.forecaster] = failed.get(cell.forecaster, 0) + len(self.results.failures(cell))
        how = "scored as imputed" if self.impute else "ignored"
        return [f"{name} on {task}: {count} windows failed and are {how}" for name, count in failed.items()]

    def _run(self, cell: StoredCell) -> Run:
        run = self.results.runs[cell.key]
        assert run is not None
        return run

    def _terms_by_step(self, scores: TaskScores) -> Iterable[Terms]:
        """The terms by step of each cell, imputed as in `scores`."""
        donors: dict[int, Imputation] = {}
        if self.impute and any(self.results.failures(cell) for cell in scores.cells):
            raw = task_scores(scores.task, self.results, self.metric, impute=False)
            donors = imputations(self.results, raw, scores)
        return imputed_terms_by_step(scores.cells, donors, self.results, self.metric, scores.invalid)

    def _grouping(self, scores: TaskScores, run: Run) -> Grouping | str:
        """The task's windows or steps by slice, or why it has no such slices."""
        assert scores.actuals is not None
        task, limit = run.cell.task, self.request.max_slices
        if self.request.by in GROUPINGS:
            grouping = GROUPINGS[self.request.by](scores.actuals)
        else:
            season = task.season_length or scores.actuals.season_length or self.season_length(scores.cells[0], task)
            if season == 1:
                return f"task {scores.task!r} has no season: its season length is 1"
            grouping = by_season(scores.actuals, task.gap, season)
        return grouping.at_most(limit) if limit is not None and self.request.by in BY_STEP else grouping

    def _mean_over_seeds(
        self, scores: TaskScores, by_cell: Floats, names: tuple[str, ...], windows: Ints, steps: Ints
    ) -> TaskSlices:
        """Means of (cell, slice) scores over seeds; as in the standings, NaN where a seed is missing."""
        levels = self._run(scores.cells[0]).cell.task.quantile_levels
        distance = distances(self.metric, by_cell, levels)
        positions = {cell.key: i for i, cell in enumerate(scores.cells)}
        values = np.full((len(names), len(self.forecasters)), np.nan)
        mean_distances = values.copy()
        for i, forecaster in enumerate(self.forecasters):
            cells = [cell for cell in self.results.plan.by_task[scores.task] if cell.forecaster == forecaster]
            if cells and all(cell.key in positions for cell in cells):
                rows = [positions[cell.key] for cell in cells]
                values[:, i], mean_distances[:, i] = by_cell[rows].mean(axis=0), distance[rows].mean(axis=0)
        return TaskSlices(names, windows, steps, values, mean_distances)


def _terms_by_cell(terms: Terms) -> Iterable[Terms]:
    return (Terms(*pair) for pair in zip(terms.numerators, terms.denominators, strict=True))
