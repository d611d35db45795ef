"""Contests: the tasks of a board in arrays over its forecasters, and the figures that come of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.analysis.aggregation import ranks, relative_errors, wins
from harness.analysis.ranking.units import Units, UnitSums
from harness.analysis.statistics.resampling import Stratum
from harness.arrays import Floats, Ints, mean_known
from harness.evaluation.metrics import Metric


@dataclass(frozen=True, eq=False)
class TaskErrors:
    """One task: how far each forecaster is from the best, and the units that it rests on."""

    task: str
    source: str  # the data set
    distances: Floats  # (forecaster,), mean over seeds; NaN where it has no score
    owners: Ints  # (cell,): the forecaster of each cell in the sums
    quantile_levels: tuple[float, ...]
    units: Units | None  # None where the terms are not known
    sums: UnitSums | None  # of the units in which anything counts

    def of_forecasters(self, values: Floats) -> Floats:
        """Means of (…, cell) values over seeds, (…, forecaster); NaN for who has no score."""
        order = np.argsort(self.owners, kind="stable")
        owners, starts, seeds = np.unique(self.owners[order], return_index=True, return_counts=True)
        means = np.full((*values.shape[:-1], len(self.distances)), np.nan)
        means[..., owners] = values[..., order] if seeds.max() == 1 else _sums(values[..., order], starts) / seeds
        means[..., np.isnan(self.distances)] = np.nan
        return means

    @cached_property
    def losses(self) -> Floats:
        """The loss of each forecaster in each unit, (unit, forecaster); NaN for who has no score."""
        assert self.sums is not None
        return self.of_forecasters(self.sums.losses())

    @property
    def stratum(self) -> Stratum | None:
        """How its units are drawn again; None where there are fewer than two, or none is known."""
        if self.units is None or self.sums is None or len(self.sums) < 2:
            return None
        return self.units.stratum(len(self.sums))


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """The tasks that count, over the board's forecasters."""

    tasks: tuple[TaskErrors, ...]
    baseline: int
    clip: tuple[float, float]
    metric: Metric
    impute: bool = True

    @cached_property
    def errors(self) -> Floats:
        """Relative errors as they came out, (task, forecaster), imputed and not clipped."""
        return self.imputed(np.stack([one.distances for one in self.tasks]))

    @cached_property
    def least(self) -> Floats:
        """What a missing error of each forecaster is at least: the baseline's, and its own worst on other tasks."""
        errors = relative_errors(np.stack([one.distances for one in self.tasks]), self.baseline, clip=None)
        worst: Floats = np.fmax(np.fmax.reduce(errors, axis=0), 1.0)
        return worst

    def imputed(self, apart: Floats) -> Floats:
        """Distances → errors relative to the baseline; what is missing is the worst of the task, and no less than
        `least`."""
        errors = relative_errors(apart, self.baseline, clip=None)
        unknown = np.isnan(errors)
        if not self.impute or not unknown.any():
            return errors
        worst = np.fmax.reduce(errors, axis=-1, keepdims=True)
        return np.where(unknown, np.fmax(worst, self.least), errors)

    def logs(self, errors: Floats) -> Floats:
        """Logarithms of errors, clipped."""
        return np.log(np.clip(errors, *self.clip))


@dataclass(frozen=True, eq=False)
class Aggregates:
    """The numbers of a board by forecaster; with draws each has a leading axis (sample,)."""

    logs: Floats  # mean logarithm of the relative errors
    win_rates: Floats
    mean_ranks: Floats
    medians: Floats  # of relative errors

    @classmethod
    def of(cls, table: ErrorTable, errors: Floats, weights: Floats | None = None) -> Aggregates:
        """From (…, task, forecaster) errors; `weights`, (sample, task), says how often each task counts."""
        ranked = ranks(errors)
        won = wins(ranked)
        clipped = np.clip(errors, *table.clip)
        if weights is None:
            return cls(
                mean_known(np.log(clipped), axis=-2),
                mean_known(won, axis=-2),
                mean_known(ranked, axis=-2),
                _medians(clipped),
            )
        share = weights / weights.sum(axis=1, keepdims=True)
        return cls(share @ np.log(clipped), share @ won, share @ ranked, _weighted_medians(clipped, weights))


def _sums(values: Floats, starts: Ints) -> Floats:
    sums: Floats = np.add.reduceat(values, starts, axis=-1)
    return sums


def _medians(values: Floats) -> Floats:
    """Medians over the tasks of (…, task, forecaster) values of what is known; NaN where nothing is."""
    known = (~np.isnan(values)).sum(axis=-2, keepdims=True)
    ordered = np.sort(values, axis=-2)  # what is not known comes last
    lower, upper = (np.take_along_axis(ordered, np.maximum(known - i, 0) // 2, axis=-2) for i in (1, 0))
    middle: Floats = np.squeeze((lower + upper) / 2, axis=-2)
    return middle


def _weighted_medians(values: Floats, weights: Floats) -> Floats:
    """Medians of (task, forecaster) values in which each task counts as often as (sample, task) weights say."""
    medians = np.empty((len(weights), values.shape[1]))
    for i, column in enumerate(values.T):
        order = np.argsort(column, kind="stable")
        running = np.cumsum(weights[:, order], axis=1)
        half = running[:, -1:] / 2
        lower, upper = (running < half).sum(axis=1), (running <= half).sum(axis=1)
        medians[:, i] = (column[order][lower] + column[order][upper]) / 2
    return medians
