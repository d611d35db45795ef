"""The sheet of a task: what its completed cells scored, where single windows failed too.

Nobody gains by failing on the hard windows: one that failed counts as the worst completed one.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.errors import DataUnavailable
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
    scores: tuple[float, ...]  # of each cell; NaN where it has none, an infinite one too
    terms: Terms | None  # sums with a leading axis: (cell, window, target); None where they are not known
    actuals: Actuals | None
    problem: str = ""  # why they are not known

    def scored(self, forecasters: Container[str]) -> TaskScores:
        """The same of the cells alone that have a score, of these forecasters."""
        from harness.evaluation.scoring import Terms

        known = [not math.isnan(one) for one in self.scores]
        places = [i for i, one in enumerate(self.cells) if known[i] and one.forecaster in forecasters]
        if len(places) == len(self.cells):
            return self
        terms = self.terms
        return replace(
            self,
            cells=tuple(self.cells[i] for i in places),
            scores=tuple(self.scores[i] for i in places),
            terms=None if terms is None else Terms(terms.numerators[places], terms.denominators[places]),
        )


def task_scores(task: str, results: BoardResults, metric: Metric, impute: bool) -> TaskScores:
    """The sheet of one task.

    Where `impute`, a window that failed counts as the worst completed one of the other cells, and so never
    better than the baseline's; else it does not count.
    """
    cells = tuple(one for one in results.plan.by_task[task] if results.completed(one))
    if not cells:
        return TaskScores(task, (), (), None, None, "no cell completed")
    failing = [cell for cell in cells if results.failures(cell)]
    known = [_recorded(cell, results, metric) for cell in cells]
    needed = (impute and bool(failing)) or any(score is None for score in known)
    try:
        actuals = results.actuals(cells[0])
        found = [results.terms(cell, metric) for cell in cells]
    except DataUnavailable as error:
        if needed:
            raise
        return TaskScores(task, cells, tuple(map(_number, known)), None, None, str(error))
    if any(one is None for one in found):
        return TaskScores(task, cells, (math.nan,) * len(cells), None, None, f"{metric.name} does not apply")
    return _whole(task, cells, known, [one for one in found if one is not None], actuals, results, metric, impute)


def _whole(
    task: str,
    cells: tuple[StoredCell, ...],
    known: Sequence[float | None],
    found: Sequence[Terms],
    actuals: Actuals,
    results: BoardResults,
    metric: Metric,
    impute: bool,
) -> TaskScores:
    import numpy as np

    from harness.evaluation.scoring import Terms, score

    summed = Terms(np.stack([one.numerators for one in found]), np.stack([one.denominators for one in found]))
    failures = [results.failures(cell) for cell in cells]
    if impute and any(failures):
        worst = _worst(summed, failures, metric, actuals)
        for i, failed in enumerate(failures):
            summed.numerators[i, failed] = worst.numerators[failed]
            summed.denominators[i, failed] = worst.denominators[failed]
        known = [None] * len(cells)
    scores = tuple(
        score(metric, Terms(summed.numerators[i], summed.denominators[i]), actuals) if one is None else one
        for i, one in enumerate(known)
    )
    return TaskScores(task, cells, tuple(map(_number, scores)), summed, actuals)


def _recorded(cell: StoredCell, results: BoardResults, metric: Metric) -> float | None:
    """The score in the record, None if it does not hold it yet."""
    run = results.runs[cell.key]
    return None if run is None else run.scores.get(metric.name)


def _number(score: float | None) -> float:
    return math.nan if score is None or math.isinf(score) else score


def _worst(summed: Terms, failures: Sequence[Sequence[int]], metric: Metric, actuals: Actuals) -> Terms:
    """Of every window the sums of the cell that did worst in it, (window, target)."""
    import numpy as np

    from harness.evaluation.scoring import Terms, by_window, distances

    apart: Floats = distances(metric, by_window(metric, summed), actuals.quantile_levels)
    apart = np.where(np.isfinite(apart), apart, -np.inf)  # an infinite loss is as good as missing
    for i, failed in enumerate(failures):
        apart[i, failed] = -np.inf
    chosen, windows = apart.argmax(axis=0), np.arange(len(actuals))
    return Terms(summed.numerators[chosen, windows], summed.denominators[chosen, windows])
