"""Scores of a task's completed cells, with the terms of failed windows imputed.

A failed window gets the terms of another cell that completed it, and whose loss there is bounded by the baseline's or
by the median of those that are no worse than the baseline: so a failed window is never scored better than the
baseline's forecast, and no other forecaster decides alone what it costs.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.errors import DataUnavailable, InvalidMetric, NotGiven
from harness.evaluation.metrics import Metric
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell

if TYPE_CHECKING:
    from harness.arrays import Floats, Ints
    from harness.evaluation.outcomes import Actuals
    from harness.evaluation.scoring import Terms


@dataclass(frozen=True, eq=False)
class TaskScores:
    """The completed cells of one task under one metric, in the board's order."""

    task: str
    cells: tuple[StoredCell, ...]
    scores: tuple[float, ...]  # of each cell; NaN where it has none, or an infinite one
    terms: Terms | None  # with a leading axis: (cell, window, target); None where they are not available
    actuals: Actuals | None
    problem: str = ""  # why terms are not available
    invalid: Mapping[str, str] = field(default_factory=dict)  # by key of a cell: why the metric has no score of it
    unsupported: Mapping[str, str] = field(default_factory=dict)  # those of them whose forecast lacks what it needs
    applies: bool = True  # whether the task has the quantile levels, and the kind of targets, of the metric

    def select(self, forecasters: Container[str]) -> TaskScores:
        """The cells of these forecasters that have a score."""
        from harness.evaluation.scoring import Terms

        kept = [
            i
            for i, (cell, score) in enumerate(zip(self.cells, self.scores, strict=True))
            if not math.isnan(score) and cell.forecaster in forecasters
        ]
        if len(kept) == len(self.cells):
            return self
        terms = self.terms
        return replace(
            self,
            cells=tuple(self.cells[i] for i in kept),
            scores=tuple(self.scores[i] for i in kept),
            terms=None if terms is None else Terms(terms.numerators[kept], terms.denominators[kept]),
        )


def task_scores(task: str, results: BoardResults, metric: Metric, impute: bool) -> TaskScores:
    """The scores of one task.

    Where `impute`, a failed window is scored as `_donors` says, and so never better than the baseline's; otherwise it
    is ignored. A cell on whose forecasts the metric raises has no score, nor has one whose forecasts lack what the
    metric needs.
    """
    cells = tuple(cell for cell in results.plan.by_task[task] if results.completed(cell))
    if not cells:
        return TaskScores(task, (), (), None, None, "no cell completed")
    recorded = [_recorded_score(cell, results, metric) for cell in cells]
    if metric.overall is not None:
        return _overall_scores(task, cells, recorded, results, metric)
    invalid: dict[str, InvalidMetric | NotGiven] = {}
    terms_needed = any(score is None for score in recorded) or (impute and any(map(results.failures, cells)))
    try:
        actuals = results.actuals(cells[0])
        terms = [_terms(cell, results, metric, actuals, invalid) for cell in cells]
    except DataUnavailable as error:
        if terms_needed:
            raise
        return TaskScores(task, cells, tuple(map(_finite_or_nan, recorded)), None, None, str(error))
    if any(of_cell is None for of_cell in terms):
        return _not_applicable(task, cells, metric)
    known_terms = [of_cell for of_cell in terms if of_cell is not None]
    scores = _scores_from_terms(task, cells, recorded, known_terms, actuals, results, metric, impute)
    lacking = {key: str(error) for key, error in invalid.items() if isinstance(error, NotGiven)}
    lacking |= _recorded_reasons(scores, results, metric)
    return replace(scores, invalid={key: str(error) for key, error in invalid.items()} | lacking, unsupported=lacking)


def _overall_scores(
    task: str,
    cells: tuple[StoredCell, ...],
    recorded: Sequence[float | None],
    results: BoardResults,
    metric: Metric,
) -> TaskScores:
    """The scores by a metric of all windows together, which scores failed windows itself."""
    from harness.evaluation.metric_values import only_overall, overall_score
    from harness.evaluation.scoring import fits_targets

    scores, invalid = list(recorded), dict[str, str]()
    for i, cell in enumerate(cells):
        if scores[i] is not None:
            continue
        if not fits_targets(metric, results.actuals(cell)):
            return _not_applicable(task, cells, metric)
        try:
            scores[i] = overall_score(metric, results.outcomes(cell))
        except (InvalidMetric, NotGiven) as error:
            invalid[cell.key] = str(error)
    return TaskScores(task, cells, tuple(map(_finite_or_nan, scores)), None, None, only_overall(metric), invalid)


def _not_applicable(task: str, cells: tuple[StoredCell, ...], metric: Metric) -> TaskScores:
    """The scores of a task that is not one of the metric."""
    unknown = (math.nan,) * len(cells)
    return TaskScores(task, cells, unknown, None, None, f"{metric.name} does not apply", applies=False)


def _recorded_reasons(scores: TaskScores, results: BoardResults, metric: Metric) -> dict[str, str]:
    """By key, why cells without a score are unsupported, as their records say: results may be published."""
    reasons: dict[str, str] = {}
    for cell, score in zip(scores.cells, scores.scores, strict=True):
        run = results.runs[cell.key]
        if run is not None and math.isnan(score) and metric.name in run.unsupported:
            reasons[cell.key] = run.unsupported[metric.name]
    return reasons


def _terms(
    cell: StoredCell,
    results: BoardResults,
    metric: Metric,
    actuals: Actuals,
    invalid: dict[str, InvalidMetric | NotGiven],
) -> Terms | None:
    """The terms of a cell; zeros where the metric raises, so that it is ignored, with the error in `invalid`."""
    import numpy as np

    from harness.evaluation.scoring import Terms

    try:
        return results.terms(cell, metric)
    except (InvalidMetric, NotGiven) as error:
        invalid[cell.key] = error
        zeros = np.zeros((len(actuals), actuals.values.shape[-1]))
        return Terms(zeros, zeros)


def _scores_from_terms(
    task: str,
    cells: tuple[StoredCell, ...],
    recorded: Sequence[float | None],
    terms: Sequence[Terms],
    actuals: Actuals,
    results: BoardResults,
    metric: Metric,
    impute: bool,
) -> TaskScores:
    import numpy as np

    from harness.evaluation.scoring import Terms

    stacked = Terms(
        np.stack([of_cell.numerators for of_cell in terms]), np.stack([of_cell.denominators for of_cell in terms])
    )
    failures = [results.failures(cell) for cell in cells]
    if impute and any(failures):
        own = _scores(stacked, recorded, metric, actuals)
        of_baseline = [i for i, cell in enumerate(cells) if cell.forecaster == results.plan.baseline]
        for i, donors in _donors(stacked, failures, own, of_baseline, metric, actuals).items():
            stacked.numerators[i, failures[i]] = stacked.numerators[donors, failures[i]]
            stacked.denominators[i, failures[i]] = stacked.denominators[donors, failures[i]]
        recorded = [None] * len(cells)
    scores = _scores(stacked, recorded, metric, actuals)
    return TaskScores(task, cells, tuple(map(_finite_or_nan, scores)), stacked, actuals)


def _scores(terms: Terms, recorded: Sequence[float | None], metric: Metric, actuals: Actuals) -> list[float]:
    """The score of each cell: the one recorded, or that of its terms."""
    from harness.evaluation.scoring import Terms, score

    return [
        score(metric, Terms(terms.numerators[i], terms.denominators[i]), actuals) if known is None else known
        for i, known in enumerate(recorded)
    ]


def _recorded_score(cell: StoredCell, results: BoardResults, metric: Metric) -> float | None:
    """The score in the cell's record; None if it has none by this metric yet."""
    run = results.runs[cell.key]
    return None if run is None else run.scores.get(metric.name)


def _finite_or_nan(score: float | None) -> float:
    return math.nan if score is None or math.isinf(score) else score


def _donors(
    terms: Terms,
    failures: Sequence[Sequence[int]],
    scores: Sequence[float],
    of_baseline: Sequence[int],
    metric: Metric,
    actuals: Actuals,
) -> dict[int, Ints]:
    """By cell with failed windows: the cell whose terms each of these windows gets, (failed window,).

    Sound cells are those whose score on the task, of the windows that they completed, is no worse than the baseline's;
    where none of them completed the window, the best of those that did. The donor is the worst in the window of the
    cells that are sound, or no worse than the cell itself, of those whose loss there is within the bound: the larger of
    the baseline's loss and the median of the sound ones. For a cell that is worse than the baseline, the bound is at
    least its own worst loss.
    """
    import numpy as np

    from harness.evaluation.scoring import by_window, distances

    loss: Floats = distances(metric, by_window(metric, terms), actuals.quantile_levels)
    loss = np.where(np.isfinite(loss), loss, -np.inf)  # an infinite loss is treated as a failed window
    for i, failed in enumerate(failures):
        loss[i, failed] = -np.inf
    level = distances(metric, np.array(scores, dtype=np.float64), actuals.quantile_levels)
    level = np.where(np.isfinite(level), level, np.inf)
    base = max((level[i] for i in of_baseline), default=-np.inf)
    donors = {}
    for i, failed in enumerate(failures):
        if failed:
            losses = loss[:, failed]
            nearest = np.where(losses > -np.inf, level[:, None], np.inf).min(axis=0)
            limit = np.maximum(nearest, base)
            bound = _lower_medians(np.where(level[:, None] <= limit, losses, -np.inf))
            bound = np.maximum(bound, losses[list(of_baseline)].max(axis=0, initial=-np.inf))
            if base < level[i] < np.inf:
                bound, limit = np.maximum(bound, loss[i].max()), np.maximum(limit, level[i])
            donors[i] = np.where((level[:, None] <= limit) & (losses <= bound), losses, -np.inf).argmax(axis=0)
    return donors


def _lower_medians(losses: Floats) -> Floats:
    """The median of each column of (cell, window) losses, the lower one of two; −∞ is ignored unless all are."""
    import numpy as np

    known = (losses > -np.inf).sum(axis=0)
    ascending: Floats = np.sort(losses, axis=0)
    positions = len(losses) - known + np.maximum(known - 1, 0) // 2
    medians: Floats = np.take_along_axis(ascending, np.minimum(positions, len(losses) - 1)[None], axis=0)[0]
    return medians
