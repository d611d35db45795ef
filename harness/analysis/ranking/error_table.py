"""Errors of a board's forecasters on its tasks, in arrays, and the aggregates of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.analysis.aggregation import mean_over_tasks, ranks, relative_errors, win_rates_of_ranks
from harness.analysis.ranking.deviations import by_series_and_cutoff, linearised_scores
from harness.analysis.ranking.units import Units, UnitSums
from harness.arrays import Bools, Floats, Ints, mean_known
from harness.evaluation.metrics import Metric
from harness.evaluation.scoring import Terms

ROUNDING = 1e-9  # of mean logarithms: those closer than this are equal


@dataclass(frozen=True, eq=False)
class TaskErrors:
    """The errors of all forecasters on one task, and its resampling units."""

    task: str
    source: str  # the dataset
    distances: Floats  # (forecaster,) distance of the score from the best, mean over seeds; NaN without a score
    owners: Ints  # (cell,): the forecaster of each cell in the sums
    quantile_levels: tuple[float, ...]
    units: Units | None  # of the windows with any defined loss; None where terms are not available
    sums: UnitSums | None  # in each unit
    terms: Terms | None = None  # of these windows, (cell, window, target); needed where series and cutoffs are units

    def of_forecasters(self, values: Floats) -> Floats:
        """Means of (…, cell) values over seeds, (…, forecaster); NaN for a forecaster without a score."""
        order = np.argsort(self.owners, kind="stable")
        owners, starts, seeds = np.unique(self.owners[order], return_index=True, return_counts=True)
        means = np.full((*values.shape[:-1], len(self.distances)), np.nan)
        means[..., owners] = values[..., order] if seeds.max() == 1 else _sums(values[..., order], starts) / seeds
        means[..., np.isnan(self.distances)] = np.nan
        return means

    @cached_property
    def losses(self) -> Floats:
        """The loss of each forecaster in each unit, (unit, forecaster); NaN for a forecaster without a score."""
        assert self.sums is not None
        return self.of_forecasters(self.sums.losses())

    def linearised(self, metric: Metric) -> tuple[Floats, Floats]:
        """Scores, (forecaster,), and their deviations, (series, cutoff, forecaster), as `linearised_scores`."""
        assert self.units is not None
        assert self.terms is not None
        scores, deviations = linearised_scores(metric, self.terms, self.units)
        return self.of_forecasters(scores), by_series_and_cutoff(self.of_forecasters(deviations), self.units)

    @property
    def resampled(self) -> bool:
        """Whether its units can be resampled: there are at least two."""
        return self.units is not None and all(stratum.units > 1 for stratum in self.units.strata)

    def shares_units(self, other: TaskErrors) -> bool:
        """Whether both tasks are on the same windows of one dataset, so that their units are the same."""
        if self.units is None or other.units is None or self.source != other.source:
            return False
        return self.units.equal(other.units)


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """The ranked tasks of a board, over its ranked forecasters."""

    tasks: tuple[TaskErrors, ...]
    baseline: int  # index of the forecaster
    clip: tuple[float, float]
    metric: Metric
    impute: bool = True

    @property
    def forecasters(self) -> int:
        """The number of ranked forecasters."""
        return len(self.tasks[0].distances) if self.tasks else 0

    @cached_property
    def errors(self) -> Floats:
        """Relative errors, (task, forecaster), imputed and not clipped."""
        return self.relative_errors(np.stack([task.distances for task in self.tasks]))

    @cached_property
    def groups(self) -> list[list[int]]:
        """The positions of the tasks, those with the same units together."""
        groups: list[list[int]] = []
        for i, task in enumerate(self.tasks):
            alike = next((group for group in groups if self.tasks[group[0]].shares_units(task)), None)
            if alike is None:
                groups.append([i])
            else:
                alike.append(i)
        return groups

    @cached_property
    def donors(self) -> Ints:
        """The forecasters whose errors may be imputed: those that are no worse on the board than the baseline.

        That is, whose mean logarithmic error, of the tasks on which they have a score, is no larger.
        """
        errors = relative_errors(np.stack([task.distances for task in self.tasks]), self.baseline, clip=None)
        levels = mean_known(np.log(np.maximum(errors, self.clip[0])), axis=0)
        return np.flatnonzero(levels <= levels[self.baseline] + ROUNDING)

    @cached_property
    def without_score(self) -> Bools:
        """Whether a forecaster has no score on any task, (forecaster,)."""
        missing = np.isnan(np.stack([task.distances for task in self.tasks]))
        return np.logical_and.reduce(missing, axis=0, dtype=np.bool_)  # type: ignore[no-any-return]

    def donor(self, task: int, forecaster: int) -> int:
        """The forecaster whose error on a task is imputed to a forecaster, unless its lower bound is larger."""
        distances = self.tasks[task].distances[self.donors]
        if self.without_score[forecaster]:
            return int(np.nanargmax(np.where(np.isnan(self.tasks[task].distances), np.nan, self.errors[task])))
        known = self.donors[~np.isnan(distances)]
        return int(known[np.argsort(self.errors[task, known], kind="stable")[(len(known) - 1) // 2]])

    @cached_property
    def lower_bounds(self) -> Floats:
        """Lower bounds for imputed errors: the larger of the baseline's error and the forecaster's own worst."""
        distances = np.stack([task.distances for task in self.tasks])
        errors = relative_errors(distances, self.baseline, clip=None)
        worst: Floats = np.fmax(np.fmax.reduce(errors, axis=0), 1.0)
        return worst

    def relative_errors(self, distances: Floats) -> Floats:
        """Distances → errors relative to the baseline; a missing one is imputed.

        The imputed error is the median of its task, of the donors, and no less than the forecaster's lower bound: no
        other forecaster decides alone what a failed cell costs. A forecaster without any score, which is ranked last,
        has the worst errors.
        """
        errors = relative_errors(distances, self.baseline, clip=None)
        unknown = np.isnan(errors)
        if not self.impute or not unknown.any():
            return errors
        ascending = np.sort(errors[..., self.donors], axis=-1)  # NaN is last
        known = (~np.isnan(ascending)).sum(axis=-1, keepdims=True)
        medians = np.take_along_axis(ascending, np.maximum(known - 1, 0) // 2, axis=-1)
        worst = np.fmax.reduce(errors, axis=-1, keepdims=True)
        return np.where(unknown, np.fmax(np.where(self.without_score, worst, medians), self.lower_bounds), errors)

    def logs(self, errors: Floats) -> Floats:
        """Logarithms of errors, clipped."""
        return np.log(np.clip(errors, *self.clip))


@dataclass(frozen=True, eq=False)
class Aggregates:
    """The aggregate scores of each forecaster, (forecaster,); of bootstrap replicates (sample, forecaster)."""

    logs: Floats  # mean logarithm of the relative errors
    win_rates: Floats
    mean_ranks: Floats
    medians: Floats  # of relative errors

    @classmethod
    def of(cls, table: ErrorTable, errors: Floats, weights: Floats | None = None) -> Aggregates:
        """From (…, task, forecaster) errors; `weights`, (sample, task), is how often each task is resampled."""
        task_ranks, clipped = ranks(errors), np.clip(errors, *table.clip)
        return cls(
            mean_over_tasks(np.log(clipped), weights),
            win_rates_of_ranks(task_ranks, weights),
            mean_over_tasks(task_ranks, weights),
            _medians(clipped) if weights is None else _weighted_medians(clipped, weights),
        )


def _sums(values: Floats, starts: Ints) -> Floats:
    sums: Floats = np.add.reduceat(values, starts, axis=-1)
    return sums


def _medians(values: Floats) -> Floats:
    """Medians of (…, task, forecaster) values over tasks, NaN ignored; NaN where all are."""
    known = (~np.isnan(values)).sum(axis=-2, keepdims=True)
    ordered = np.sort(values, axis=-2)  # NaN comes last
    lower, upper = (np.take_along_axis(ordered, np.maximum(known - i, 0) // 2, axis=-2) for i in (1, 0))
    middle: Floats = np.squeeze((lower + upper) / 2, axis=-2)
    return middle


def _weighted_medians(values: Floats, weights: Floats) -> Floats:
    """Medians of (task, forecaster) values over tasks repeated as often as (sample, task) weights say."""
    medians = np.empty((len(weights), values.shape[1]))
    for i, column in enumerate(values.T):
        order = np.argsort(column, kind="stable")
        running = np.cumsum(weights[:, order], axis=1)
        half = running[:, -1:] / 2
        lower, upper = (running < half).sum(axis=1), (running <= half).sum(axis=1)
        medians[:, i] = (column[order][lower] + column[order][upper]) / 2
    return medians
