"""The scores of each forecaster on each task, by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.task_scores import TaskScores
from harness.evaluation.metrics import Metric
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell

ForecasterTask = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of each forecaster on each task, by seed."""

    metric: Metric
    cells: Mapping[ForecasterTask, tuple[StoredCell, ...]]
    by_seed: Mapping[ForecasterTask, tuple[float, ...]]
    levels: Mapping[str, tuple[float, ...]]  # quantile levels by task

    def mean(self, forecaster: str, task: str) -> float:
        """The mean over seeds; NaN if one has no score."""
        return mean(self.by_seed.get((forecaster, task), ()))

    def std(self, forecaster: str, task: str) -> float:
        """The standard deviation over seeds."""
        return std(self.by_seed.get((forecaster, task), ()))

    def distances(self, forecaster: str, task: str) -> list[float]:
        """The distance of each seed's score from the best: biases of opposite sign must not cancel."""
        scores, levels = self.by_seed.get((forecaster, task), ()), self.levels[task]
        return [score if math.isnan(score) else self.metric.distance(score, levels) for score in scores]


def seed_scores(results: BoardResults, by_task: Mapping[str, TaskScores], metric: Metric) -> Scores:
    """The scores of all forecasters, from those of each task."""
    cells: dict[ForecasterTask, list[StoredCell]] = {}
    for cell in results.plan.cells:
        cells.setdefault((cell.forecaster, cell.task), []).append(cell)
    known = {cell.key: score for task in by_task.values() for cell, score in zip(task.cells, task.scores, strict=True)}
    by_seed = {key: tuple(known.get(cell.key, math.nan) for cell in seeds) for key, seeds in cells.items()}
    levels = {}
    for name, task in by_task.items():
        run = results.runs[task.cells[0].key] if task.cells else None
        levels[name] = () if run is None else run.cell.task.quantile_levels
    return Scores(metric, {key: tuple(seeds) for key, seeds in cells.items()}, by_seed, levels)


def mean(values: Sequence[float]) -> float:
    """The mean; infinite if any value is, NaN of none."""
    if any(math.isinf(value) for value in values):
        return math.inf
    return math.fsum(values) / len(values) if values else math.nan


def std(values: Sequence[float]) -> float:
    """The sample standard deviation; NaN of fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
