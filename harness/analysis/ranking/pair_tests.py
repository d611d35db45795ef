"""Tests of pairs of forecasters on one task: the Diebold–Mariano test that suits its units."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from harness.analysis.ranking.deviations import by_series_and_cutoff, linearised_scores
from harness.analysis.ranking.error_table import TaskErrors
from harness.analysis.ranking.units import MAX_NUMBERS, Units, unit_sums
from harness.analysis.statistics.diebold_mariano import (
    DieboldMariano,
    cosine_diebold_mariano,
    diebold_mariano,
    panel_diebold_mariano,
)
from harness.arrays import Bools, Floats, Ints
from harness.evaluation.metrics import Metric
from harness.evaluation.scoring import Terms

MIN_PAIRED = 8  # units for a test of a pair, where none overlap; blocks for one of ranks
MIN_OVERLAPPING = 20  # times the overlap, where they do: with fewer it errs too often (docs/statistics.md)
MIN_COSINES = 50  # cutoffs, from so many on serial dependence is allowed for: with fewer the test has little power


def testable(units: int, overlap: int) -> bool:
    """Whether there are enough units to test a pair; `overlap` consecutive ones overlap."""
    return units >= (MIN_PAIRED if overlap == 1 else MIN_OVERLAPPING * overlap)


def difference_test(metric: Metric, terms: Terms, units: Units, second: Bools) -> DieboldMariano | None:
    """The test of one pair: of the mean over the `second` cells, (cell,), minus that over the others.

    Positive where the second is worse. None where there are too few units.
    """
    squared = replace(metric, root=False)
    if units.kind == "series and cutoffs":
        scores, deviations = linearised_scores(squared, terms, units)
        pair = [
            np.stack([values[..., group].mean(axis=-1) for group in (second, ~second)], axis=-1)
            for values in (scores, deviations)
        ]
        return _panel_test(pair[0], by_series_and_cutoff(pair[1], units), units)
    losses = unit_sums(squared, terms, units).losses()
    if not testable(len(losses), units.unit_overlap):
        return None
    differences = losses[:, second].mean(axis=1) - losses[:, ~second].mean(axis=1)
    return _test_in_time(differences[:, None], units)


def _test_in_time(differences: Floats, units: Units) -> DieboldMariano:
    if units.kind == "cutoffs" and len(differences) >= MIN_COSINES:
        return cosine_diebold_mariano(differences)
    return diebold_mariano(differences, units.unit_overlap)


def pair_test(task: TaskErrors, metric: Metric, order: Ints) -> Floats | None:
    """The p-value of each pair on a task, in the order of `np.triu_indices`; None where it has too few units."""
    if not _is_testable(task, metric):
        return None
    assert task.units is not None
    if task.units.kind == "series and cutoffs":
        return _panel_p_values(task, metric, order)
    return _p_values(task, order)


def second_opinion(task: TaskErrors, metric: Metric, order: Ints) -> Floats | None:
    """The p-values that allow for serial dependence, on a task whose p-values do not; None on others."""
    if not _is_testable(task, metric):
        return None
    assert task.units is not None
    if task.units.kind != "cutoffs" or len(task.losses) >= MIN_COSINES:
        return None
    return _p_values(task, order, cosines=True)


def _is_testable(task: TaskErrors, metric: Metric) -> bool:
    if metric.best != "lowest" or task.units is None or task.sums is None:
        return False
    if task.units.kind == "series and cutoffs":
        return True
    return testable(task.units.count, task.units.unit_overlap)


def _p_values(task: TaskErrors, order: Ints, cosines: bool = False) -> Floats:
    assert task.units is not None
    first, second = np.triu_indices(len(order), 1)
    losses, p_values = task.losses[:, order], np.full(len(first), np.nan)
    scored = ~np.isnan(task.distances[order])
    known = np.flatnonzero(scored[first] & scored[second])
    for pairs in np.array_split(known, math.ceil(len(known) * len(losses) / MAX_NUMBERS) or 1):
        differences = losses[:, first[pairs]] - losses[:, second[pairs]]
        test = cosine_diebold_mariano(differences) if cosines else _test_in_time(differences, task.units)
        p_values[pairs] = test.p_value
    return p_values


def _panel_p_values(task: TaskErrors, metric: Metric, order: Ints) -> Floats:
    assert task.units is not None
    p_values = np.full((len(order), len(order)), np.nan)
    scored = np.flatnonzero(~np.isnan(task.distances[order]))
    scores, deviations = task.linearised(replace(metric, root=False))  # under RMSE, squared errors are tested
    test = _panel_test(scores[order[scored]], deviations[..., order[scored]], task.units)
    first, second = np.triu_indices(len(scored), 1)
    p_values[scored[first], scored[second]] = test.p_value
    return p_values[np.triu_indices(len(order), 1)]


def _panel_test(scores: Floats, deviations: Floats, units: Units) -> DieboldMariano:
    differences = scores[:, None] - scores[None, :]
    return panel_diebold_mariano(deviations, differences, units.series_stratum, units.cutoff_stratum)
