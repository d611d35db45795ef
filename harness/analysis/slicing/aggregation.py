"""A metric's sums in slices: what is added up, and how sums become a score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.slicing.groups import Grouping
from harness.analysis.task_scores import TaskScores
from harness.arrays import Floats, Ints, mean_known, means_by_group, ratio, sums_by_group
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.scoring import Terms, terms_by_step
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
        ratios = ratio(numerators, denominators)
        means = mean_known(np.sqrt(ratios) if metric.root else ratios, axis=1)
        scores = means_by_group(means, self.slices, self.count)
        return np.where(np.isinf(scores), np.nan, scores)  # as in the standings

    def _sums(self, values: Floats, metric: Metric) -> Floats:
        """Sums over each place, (place, target); over all targets where the metric pools."""
        columns = values.reshape(-1, values.shape[-1])
        if metric.aggregation == "pooled":
            columns = columns.sum(axis=1, keepdims=True)
        return sums_by_group(columns, self.of, len(self.slices))


@dataclass(frozen=True, eq=False)
class StandIns:
    """The windows in which a cell failed, and the position of the cell that counts in its stead in each."""

    windows: Ints
    cells: Ints


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
