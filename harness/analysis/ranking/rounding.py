"""Errors that are no more than rounding: below them, all forecasters are equal."""

from __future__ import annotations

from functools import partial

import numpy as np

from harness.arrays import Floats
from harness.errors import Failure, attempt
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scoring import Terms, score, terms
from harness.forecasters.forecast import Forecast

# Relative to the largest actual of a window. A number has sixteen digits, of which a free run of a thousand steps can
# lose six: rounding grows with each step, and with the condition of what was estimated.
ROUNDING = 1e-10


def without_rounding(metric: Metric, known: Terms, actuals: Actuals, scores: Floats) -> tuple[Terms, Floats]:
    """Terms, (cell, window, target), and scores, (forecaster,), of which none is below that of rounding.

    Those below it are equal to it, so that they have the same rank and do not differ in tests. Terms and scores are
    unchanged where no score is below it, where the actuals are unknown, and where the lowest score is not the best.
    """
    if metric.best != "lowest" or not np.isfinite(actuals.values).any():
        return known, scores
    floor = attempt(partial(_rounding_terms, metric, actuals))
    if isinstance(floor, Failure):  # a metric that fails on exact forecasts
        return known, scores
    least = score(metric, floor, actuals)
    if not (scores < least).any():
        return known, scores
    numerators = np.where(known.denominators != 0, np.fmax(known.numerators, floor.numerators), known.numerators)
    return Terms(numerators, known.denominators), np.where(scores < least, least, scores)


def _rounding_terms(metric: Metric, actuals: Actuals) -> Terms:
    """The terms, (window, target), of forecasts that differ from the actuals by rounding."""
    size = np.nan_to_num(np.abs(actuals.values)).max(axis=1, keepdims=True)
    return terms(metric, Outcomes(actuals, Forecast.point(actuals.values + ROUNDING * size)))
