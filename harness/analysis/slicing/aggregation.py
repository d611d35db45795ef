"""A metric's sums in slices: what is added up, and how sums become a score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.ranking.units import mean_known
from harness.analysis.slicing.groups import Grouping
from harness.analysis.task_scores import TaskScores
from harness.arrays import Floats, Ints
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scoring import Terms
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell


@dataclass(frozen=True, eq=False)
class Places:
    """Where each sum belongs: a place is a slice's part of a group over which the metric divides."""

    of: Ints  # (window,) or (window × horizon,)
    slices: Ints  # (place,)
    count: int  # of slices

    @classmethod
    def made(cls, metric: Metric, cut: Grouping, actuals: Actuals) -> Places:
        """The places of a cut, by the metric's own aggregation."""
        groups: Ints = {
            "pooled": np.zeros(len(actuals), dtype=np.int64),
            "series": actuals.series,
            "cutoff": actuals.cutoff_index,
            "window": np.arange(len(actuals)),
        }[metric.aggregation]
        group_of = groups if cut.of.ndim == 1 else groups[:, None]
        size = int(groups.max()) + 1
        present, of = np.unique((cut.of * size + group_of).ravel(), return_inverse=True)
        return cls(of.ravel(), present // size, len(cut.names))

    def scores(self, metric: Metric, summed: Terms) -> Floats:
        """The score in each slice, (slice,): what `scoring.score` says if nothing else was forecast."""
        numerators, denominators = (self._sums(one, metric) for one in (summed.numerators, summed.denominators))
        ratios = Outcomes.ratio(numerators, denominators)
        means = mean_known(np.sqrt(ratios) if metric.root else ratios, axis=1)
        known = ~np.isnan(means)
        totals = np.bincount(self.slices[known], weights=means[known], minlength=self.count)
        numbers = np.bincount(self.slices[known], minlength=self.count)
        scores = Outcomes.ratio(totals.astype(np.float64), numbers.astype(np.float64))
        return np.where(np.isinf(scores), np.nan, scores)  # as in the standings

    def _sums(self, values: Floats, metric: Metric) -> Floats:
        """Sums over each place, (place, target); over all targets where the metric pools."""
        columns = values.reshape(-1, values.shape[-1])
        if metric.aggregation == "pooled":
            columns = columns.sum(axis=1, keepdims=True)
        return np.stack([np.bincount(self.of, weights=one, minlength=len(self.slices)) for one in columns.T], axis=1)


@dataclass(frozen=True, eq=False)
class StandIns:
    """The windows in which a cell failed, and the position of the cell that counts in its stead in each."""

    windows: Ints
    cells: Ints


def terms_by_step(metric: Metric, outcomes: Outcomes) -> Terms:
    """The metric's numerators and denominators, (window, horizon, target); zero where a step counts for nothing."""
    losses = metric.losses(outcomes)
    if metric.scale is not None:
        losses = losses / metric.scale(outcomes)[:, None]
    counted = ~np.isnan(losses)
    weights = 1.0 if metric.weights is None else metric.weights(outcomes)
    return Terms(np.where(counted, losses, 0.0), np.where(counted, weights, 0.0))


def step_terms_of(
    cells: Sequence[StoredCell], stand_ins: Mapping[int, StandIns], results: BoardResults, metric: Metric
) -> Iterator[Terms]:
    """The terms by step of each cell, in windows that failed those of their stand-ins."""
    for i, cell in enumerate(cells):
        summed = terms_by_step(metric, results.outcomes(cell))
        mine = stand_ins.get(i)
        if mine is not None:
            for other in np.unique(mine.cells):
                there = mine.windows[mine.cells == other]
                worst = terms_by_step(metric, results.outcomes(cells[other]))
                summed.numerators[there] = worst.numerators[there]
                summed.denominators[there] = worst.denominators[there]
        yield summed


def stand_ins(results: BoardResults, sheet: TaskScores, imputed: TaskScores) -> dict[int, StandIns]:
    """Whose terms stand in an imputed sheet where windows failed, by the position of the cell that failed there."""
    assert sheet.terms is not None
    assert imputed.terms is not None
    raw, filled, found = sheet.terms, imputed.terms, {}
    for i, cell in enumerate(sheet.cells):
        lost = np.array(results.failures(cell), dtype=np.int64)
        if len(lost):
            same = (raw.numerators[:, lost] == filled.numerators[i, lost]).all(axis=2)
            same &= (raw.denominators[:, lost] == filled.denominators[i, lost]).all(axis=2)
            found[i] = StandIns(lost, same.argmax(axis=0))
    return found
