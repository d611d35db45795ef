"""Evidence → slices: what each forecaster scored in each part of each task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from harness.analysis.slicing.aggregation import Places, StandIns, stand_ins, step_terms_of
from harness.analysis.slicing.groups import CUTS, Grouping
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

SeasonLength = Callable[[StoredCell, Task], int]  # of a task whose stored actuals do not say it
BY_STEP = ("step", "season")  # these tell the steps of a window apart, and so need its forecasts


def compute_slices(
    results: BoardResults, metric: Metric, asked: SliceRequest, standings: Standings, season_length: SeasonLength
) -> Slices:
    """A board in slices; its forecasters are in the order of the standings.

    A window that failed counts as in the standings: as the worst completed one, or with `completed_only` not
    at all. Raises BadInput where no task has such slices, DataUnavailable where forecasts are needed and lost.
    """
    tasks = _tasks(asked, results)
    slicer = Slicer(results, metric, asked, _forecasters(results, standings), season_length)
    found = {task: slicer.sliced(task) for task in tasks}
    parts = {task: one for task, one in found.items() if isinstance(one, TaskSlices)}
    reasons = [one for one in found.values() if isinstance(one, str)]
    if not parts:
        raise BadInput("; ".join(reasons))
    return Slices(
        standings.board,
        standings.title,
        metric.name,
        asked.by,
        standings.baseline,
        slicer.forecasters,
        parts,
        (*reasons, *(note for task in parts for note in slicer.failures(task))),
        standings.logarithmic and metric.best == "lowest",
    )


def _tasks(asked: SliceRequest, results: BoardResults) -> tuple[str, ...]:
    if asked.by not in SLICE_KINDS:
        raise BadInput(f"slices are by {', '.join(SLICE_KINDS[:-1])} or {SLICE_KINDS[-1]}, not {asked.by!r}")
    if asked.task is None:
        return results.plan.tasks
    if asked.task in results.plan.unavailable:
        raise DataUnavailable(f"task {asked.task!r} was left out: {results.plan.unavailable[asked.task]}")
    if asked.task not in results.plan.tasks:
        raise UnknownName("task", asked.task, results.plan.tasks)
    return (asked.task,)


def _forecasters(results: BoardResults, standings: Standings) -> tuple[str, ...]:
    """Best first; those of the plan that the standings do not know yet come last."""
    return tuple(dict.fromkeys([*(row.forecaster for row in standings.rows), *results.plan.forecasters]))


@dataclass(frozen=True, eq=False)
class Slicer:
    """What all tasks of a board have in common when they are sliced."""

    results: BoardResults
    metric: Metric
    asked: SliceRequest
    forecasters: tuple[str, ...]
    season_length: SeasonLength

    def sliced(self, task: str) -> TaskSlices | str:
        """The slices of a task, or why it has none."""
        done = [cell for cell in self.results.plan.by_task[task] if self.results.completed(cell)]
        if not done:
            return f"no cell of task {task!r} completed"
        run = self._run(done[0])
        if not applies(self.metric, run.cell.task.quantile_levels):
            return f"{self.metric.name} does not apply to task {task!r}, which asks for no quantile levels"
        if self.asked.by in BY_STEP:
            self.results.outcomes(done[0])  # raises where forecasts are not known at all
        sheet = task_scores(task, self.results, self.metric, self.impute)
        if self.asked.by == "task":
            windows = np.array([run.windows])
            scores = np.array(sheet.scores)[:, None]
            return self._over_seeds(sheet, scores, (task,), windows, windows * run.cell.task.horizon)
        if sheet.terms is None or sheet.actuals is None:
            return f"task {task!r}: {sheet.problem}"
        cut = self._cut(sheet, run)
        if isinstance(cut, str):
            return cut
        places = Places.made(self.metric, cut, sheet.actuals)
        summed = self._step_terms(sheet) if self.asked.by in BY_STEP else _cells_of(sheet.terms)
        scores = np.stack([places.scores(self.metric, one) for one in summed])
        return self._over_seeds(sheet, scores, cut.names, cut.windows(), cut.steps(run.cell.task.horizon))

    @property
    def impute(self) -> bool:
        """Whether a window that failed counts as the worst completed one."""
        return not self.asked.completed_only

    def failures(self, task: str) -> list[str]:
        """Which forecasters failed on windows of a task, and how these count."""
        lost: dict[str, int] = {}
        for cell in self.results.plan.by_task[task]:
            if self.results.completed(cell) and self.results.failures(cell):
                lost[cell.forecaster] = lost.get(cell.forecaster, 0) + len(self.results.failures(cell))
        how = "count as the worst completed ones" if self.impute else "do not count"
        return [f"{name} on {task}: {count} windows failed and {how}" for name, count in lost.items()]

    def _run(self, cell: StoredCell) -> Run:
        run = self.results.runs[cell.key]
        assert run is not None
        return run

    def _step_terms(self, sheet: TaskScores) -> Iterable[Terms]:
        """The terms by step of each cell of a sheet, imputed as it is."""
        others: dict[int, StandIns] = {}
        if self.impute and any(self.results.failures(cell) for cell in sheet.cells):
            others = stand_ins(self.results, task_scores(sheet.task, self.results, self.metric, impute=False), sheet)
        return step_terms_of(sheet.cells, others, self.results, self.metric)

    def _cut(self, sheet: TaskScores, run: Run) -> Grouping | str:
        """The task's windows or steps by slice, or why it has none."""
        assert sheet.actuals is not None
        task = run.cell.task
        if self.asked.by != "season":
            cut = CUTS[self.asked.by](sheet.actuals)
        else:
            season = task.season_length or sheet.actuals.season_length or self.season_length(sheet.cells[0], task)
            if season == 1:
                return f"task {sheet.task!r} has no season: its season length is 1"
            cut = by_season(sheet.actuals, task.gap, season)
        return (
            cut if self.asked.max_slices is None or self.asked.by not in BY_STEP else cut.at_most(self.asked.max_slices)
        )

    def _over_seeds(
        self, sheet: TaskScores, scores: Floats, names: tuple[str, ...], windows: Ints, steps: Ints
    ) -> TaskSlices:
        """Means of (cell, slice) scores; who lacks a seed has no value, as in the standings."""
        levels = self._run(sheet.cells[0]).cell.task.quantile_levels
        apart = distances(self.metric, scores, levels)
        row = {cell.key: i for i, cell in enumerate(sheet.cells)}
        values = np.full((len(names), len(self.forecasters)), np.nan)
        away = values.copy()
        for i, forecaster in enumerate(self.forecasters):
            mine = [cell for cell in self.results.plan.by_task[sheet.task] if cell.forecaster == forecaster]
            if mine and all(cell.key in row for cell in mine):
                rows = [row[cell.key] for cell in mine]
                values[:, i], away[:, i] = scores[rows].mean(axis=0), apart[rows].mean(axis=0)
        return TaskSlices(names, windows, steps, values, away)


def _cells_of(summed: Terms) -> Iterable[Terms]:
    return (Terms(*both) for both in zip(summed.numerators, summed.denominators, strict=True))
