"""A metric's terms aggregated within slices, with the terms of failed windows imputed."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
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
class Segments:
    """The intersections of a task's slices with the groups over which a metric divides its sums."""

    index: Ints  # (window,) or (window × horizon,): the segment of each
    slices: Ints  # (segment,): the slice of each
    slice_count: int

    @classmethod
    def of(cls, metric: Metric, grouping: Grouping, actuals: Actuals) -> Segments:
        """The segments of a grouping, by the metric's own aggregation."""
        groups: Ints = {
            "pooled": np.zeros(len(actuals), dtype=np.int64),
            "series": actuals.series,
            "cutoff": actuals.cutoff_index,
            "window": np.arange(len(actuals)),
        }[metric.aggregation]
        group_index = groups if grouping.index.ndim == 1 else groups[:, None]
        group_count = int(groups.max()) + 1
        present, index = np.unique((grouping.index * group_count + group_index).ravel(), return_inverse=True)
        return cls(index.ravel(), present // group_count, len(grouping.names))

    def scores(self, metric: Metric, terms: Terms) -> Floats:
        """The score in each slice, (slice,): that of `scoring.score` over the slice alone."""
        numerators, denominators = (self._sums(values, metric) for values in (terms.numerators, terms.denominators))
        ratios = ratio(numerators, denominators)
        means = mean_known(np.sqrt(ratios) if metric.root else ratios, axis=1)
        scores = means_by_group(means, self.slices, self.slice_count)
        return np.where(np.isinf(scores), np.nan, scores)  # as in the standings

    def _sums(self, values: Floats, metric: Metric) -> Floats:
        """Sums over each segment, (segment, target); over all targets where the metric pools."""
        columns = values.reshape(-1, values.shape[-1])
        if metric.aggregation == "pooled":
            columns = columns.sum(axis=1, keepdims=True)
        return sums_by_group(columns, self.index, len(self.slices))


@dataclass(frozen=True, eq=False)
class Imputation:
    """The failed windows of a cell, and the donor of each: the cell whose terms are imputed."""

    windows: Ints
    donors: Ints  # positions of cells


def imputations(results: BoardResults, raw: TaskScores, imputed: TaskScores) -> dict[int, Imputation]:
    """The imputation of each cell with failed windows, by its position; from scores before and after."""
    assert raw.terms is not None
    assert imputed.terms is not None
    found = {}
    for i, cell in enumerate(raw.cells):
        failed = np.array(results.failures(cell), dtype=np.int64)
        if len(failed):
            same = (raw.terms.numerators[:, failed] == imputed.terms.numerators[i, failed]).all(axis=2)
            same &= (raw.terms.denominators[:, failed] == imputed.terms.denominators[i, failed]).all(axis=2)
            found[i] = Imputation(failed, same.argmax(axis=0))
    return found


def imputed_terms_by_step(
    cells: Sequence[StoredCell],
    imputations: Mapping[int, Imputation],
    results: BoardResults,
    metric: Metric,
    invalid: Container[str] = (),
) -> Iterator[Terms]:
    """The terms by step of each cell, those of its failed windows imputed; zeros for cells that are `invalid`."""
    for i, cell in enumerate(cells):
        if cell.key in invalid:
            zeros = np.zeros(results.actuals(cell).values.shape)
            yield Terms(zeros, zeros)
            continue
        terms = terms_by_step(metric, results.outcomes(cell))
        if i in imputations:
            _impute(terms, imputations[i], cells, results, metric)
        yield terms


def _impute(
    terms: Terms, imputation: Imputation, cells: Sequence[StoredCell], results: BoardResults, metric: Metric
) -> None:
    for donor in np.unique(imputation.donors):
        windows = imputation.windows[imputation.donors == donor]
        donated = terms_by_step(metric, results.outcomes(cells[donor]))
        terms.numerators[windows] = donated.numerators[windows]
        terms.denominators[windows] = donated.denominators[windows]
