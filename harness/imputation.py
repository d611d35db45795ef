"""Scores of the cells of a task, where single windows failed: nobody gains by failing on the hard ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.campaign import PlannedCell
from harness.errors import DataUnavailable
from harness.journal import Journal
from harness.metrics import Metric
from harness.run import Run, Status

if TYPE_CHECKING:
    from harness.outcomes import Actuals
    from harness.scoring import Terms


def scores_of_task(
    cells: Sequence[PlannedCell], runs: Mapping[str, Run | None], metric: Metric, journal: Journal, impute: bool
) -> dict[str, float]:
    """The score of each completed cell of one task, by key.

    Where `impute`, a window that failed counts as the worst completed one of the other cells, and so never
    better than the baseline's; else it does not count.
    """
    done = {one.key: one for one in cells if _completed(runs[one.key])}
    if not impute or not any(_failures(runs[key]) for key in done):
        return {key: _plain_score(one, runs[key], metric, journal) for key, one in done.items()}
    from harness.scoring import score

    actuals = _actuals(next(iter(done.values())), journal)
    summed = {key: _terms(one, runs[key], metric, journal, actuals) for key, one in done.items()}
    worst = _worst(summed, {key: _failures(runs[key]) for key in done}, metric, actuals)
    return {key: score(metric, _filled(terms, _failures(runs[key]), worst), actuals) for key, terms in summed.items()}


def _completed(run: Run | None) -> bool:
    return run is not None and run.status is Status.COMPLETED


def _failures(run: Run | None) -> list[int]:
    return [] if run is None else [one.window for one in run.window_failures]


def _plain_score(planned: PlannedCell, run: Run | None, metric: Metric, journal: Journal) -> float:
    """The score in the record, or computed from the stored forecast if the record does not hold it yet."""
    if run is not None and metric.name in run.scores:
        return run.scores[metric.name]
    from harness.scoring import applies, score

    if not applies(metric, planned.cell.task.quantile_levels):
        return math.nan
    actuals = _actuals(planned, journal)
    return score(metric, _terms(planned, run, metric, journal, actuals), actuals)


def _terms(planned: PlannedCell, run: Run | None, metric: Metric, journal: Journal, actuals: Actuals) -> Terms:
    from harness.outcomes import Outcomes
    from harness.scoring import terms

    full = journal.read_with_results(planned.key)
    if run is None or full is None or full.results is None:
        raise DataUnavailable(f"the forecasts of cell {planned.key} are not in the journal; run it with --rerun")
    if metric.name in full.results.terms:
        return full.results.terms[metric.name]
    return terms(metric, Outcomes(actuals, full.results.forecast))


def _actuals(planned: PlannedCell, journal: Journal) -> Actuals:
    actuals = journal.read_actuals(planned.fingerprint, planned.cell.task)
    if actuals is None:
        raise DataUnavailable(f"the actuals of task {planned.task!r} are not in the journal; run it with --rerun")
    return actuals


def _worst(summed: Mapping[str, Terms], failures: Mapping[str, list[int]], metric: Metric, actuals: Actuals) -> Terms:
    """Of every window the terms of the cell that did worst in it."""
    import numpy as np

    from harness.scoring import Terms, by_window

    distances = np.full((len(summed), len(actuals)), -np.inf)
    for row, (key, terms) in enumerate(summed.items()):
        found = [metric.distance(one, actuals.quantile_levels) for one in by_window(metric, terms).tolist()]
        distances[row] = np.where(np.isnan(found), -np.inf, found)
        distances[row, failures[key]] = -np.inf
    chosen, windows = distances.argmax(axis=0), np.arange(len(actuals))
    numerators = np.stack([one.numerators for one in summed.values()])[chosen, windows]
    denominators = np.stack([one.denominators for one in summed.values()])[chosen, windows]
    return Terms(numerators, denominators)


def _filled(terms: Terms, failed: list[int], worst: Terms) -> Terms:
    from harness.scoring import Terms

    numerators, denominators = terms.numerators.copy(), terms.denominators.copy()
    numerators[failed], denominators[failed] = worst.numerators[failed], worst.denominators[failed]
    return Terms(numerators, denominators)
