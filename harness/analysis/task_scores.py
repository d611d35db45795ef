"""Scores of a task's completed cells, with the terms of failed windows imputed.

A failed window gets the terms of the worst completed cell, so that failing on hard windows never improves a score.
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
    from harness.arrays import Floats
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

    Where `impute`, a failed window is scored as the worst completed one of the other cells, and so never better
    than the baseline's; otherwise it is ignored. A cell on whose forecasts the metric raises has no score, nor has one
    whose forecasts lack what the metric needs.
    """
    cells = tuple(cell for cell in results.plan.by_task[task] if results.completed(cell))
    if not cells:
        return TaskScores(task, (), (), None, None, "no cell completed")
    recorded = [_recorded_score(cell, results, metric) for cell in cells]
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
        return TaskScores(task, cells, (math.nan,) * len(cells), None, None, f"{metric.name} does not apply")
    known_terms = [of_cell for of_cell in terms if of_cell is not None]
    scores = _scores_from_terms(task, cells, recorded, known_terms, actuals, results, metric, impute)
    lacking = {key: str(error) for key, error in invalid.items() if isinstance(error, NotGiven)}
    lacking |= _recorded_reasons(scores, results, metric)
    return replace(scores, invalid={key: str(error) for key, error in invalid.items()} | lacking, unsupported=lacking)


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

    from harness.evaluation.scoring import Terms, score

    stacked = Terms(
        np.stack([of_cell.numerators for of_cell in terms]), np.stack([of_cell.denominators for of_cell in terms])
    )
    failures = [results.failures(cell) for cell in cells]
    if impute and any(failures):
        worst = _worst_terms(stacked, failures, metric, actuals)
        for i, failed in enumerate(failures):
            stacked.numerators[i, failed] = worst.numerators[failed]
            stacked.denominators[i, failed] = worst.denominators[failed]
        recorded = [None] * len(cells)
    scores = tuple(
        score(metric, Terms(stacked.numerators[i], stacked.denominators[i]), actuals) if known is None else known
        for i, known in enumerate(recorded)
    )
    return TaskScores(task, cells, tuple(map(_finite_or_nan, scores)), stacked, actuals)


def _recorded_score(cell: StoredCell, results: BoardResults, metric: Metric) -> float | None:
    """The score in the cell's record; None if it has none by this metric yet."""
    run = results.runs[cell.key]
    return None if run is None else run.scores.get(metric.name)


def _finite_or_nan(score: float | None) -> float:
    return math.nan if score is None or math.isinf(score) else score


def _worst_terms(terms: Terms, failures: Sequence[Sequence[int]], metric: Metric, actuals: Actuals) -> Terms:
    """The terms of the cell with the worst score in each window, (window, target)."""
    import numpy as np

    from harness.evaluation.scoring import Terms, by_window, distances

    distance: Floats = distances(metric, by_window(metric, terms), actuals.quantile_levels)
    distance = np.where(np.isfinite(distance), distance, -np.inf)  # an infinite loss is treated as a failed window
    for i, failed in enumerate(failures):
        distance[i, failed] = -np.inf
    worst, windows = distance.argmax(axis=0), np.arange(len(actuals))
    return Terms(terms.numerators[worst, windows], terms.denominators[worst, windows])
