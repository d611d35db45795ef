"""Errors below rounding: forecasters that are exact but for it are equal."""

from __future__ import annotations

import numpy as np
import pytest

from harness import Forecast
from harness.analysis.ranking.rounding import ROUNDING, without_rounding
from harness.arrays import Floats
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scoring import Terms, score, terms

from ...numeric_metrics import METRICS

METRIC = {metric.name: metric for metric in METRICS}
LOWEST = [metric for metric in METRICS if metric.best == "lowest"]
VALUES = 5 + 3 * np.sin(np.arange(240.0)).reshape(4, 60, 1)


def actuals(size: float = 1.0) -> Actuals:
    windows = np.arange(4)
    scales = {power: np.full((4, 1), size**power) for power in (1, 2)}
    return Actuals(("s",), windows * 0, windows, windows, size * VALUES, (0.1, 0.5, 0.9), ("y",), _scales=scales)


def results(metric: Metric, relative: Floats, size: float = 1.0) -> tuple[Terms, Floats, Actuals]:
    """The terms and scores of forecasts with these errors relative to the size of the actuals."""
    observed = actuals(size)
    cells = [terms(metric, Outcomes(observed, Forecast.point(size * (VALUES + error)))) for error in relative]
    known = Terms(np.stack([cell.numerators for cell in cells]), np.stack([cell.denominators for cell in cells]))
    return known, np.array([score(metric, cell, observed) for cell in cells]), observed


@pytest.mark.parametrize("metric", LOWEST, ids=lambda metric: metric.name)
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e9])
def test_errors_of_rounding_are_equal_at_any_size(metric, size) -> None:
    known, scores, observed = results(metric, np.array([1e-12, 1.6e-12, 1e-3]), size)

    found, equal = without_rounding(metric, known, observed, scores)

    assert equal[0] == equal[1] < equal[2] == scores[2]
    np.testing.assert_array_equal(found.numerators[0], found.numerators[1])
    np.testing.assert_array_equal(found.numerators[2], known.numerators[2])


@pytest.mark.parametrize("metric", LOWEST, ids=lambda metric: metric.name)
def test_others_are_unchanged(metric) -> None:
    known, scores, observed = results(metric, np.array([1e-6, 2e-6]))

    found, equal = without_rounding(metric, known, observed, scores)

    assert found is known
    assert equal is scores


def test_rounding_of_a_squared_error_is_the_mean_square_of_that_of_each_window() -> None:
    known, scores, observed = results(METRIC["MSE"], np.array([0.0]))

    _, equal = without_rounding(METRIC["MSE"], known, observed, scores)

    largest = np.abs(VALUES).max(axis=1)
    assert equal[0] == pytest.approx((ROUNDING**2 * largest**2).mean(), rel=1e-5)


def test_a_metric_that_fails_on_exact_forecasts_is_left_alone() -> None:
    def fails(outcomes: Outcomes) -> Floats:
        if (outcomes.absolute_error < 1e-6).any():
            raise ValueError("logarithm of zero")
        return outcomes.absolute_error

    known, scores, observed = results(METRIC["MAE"], np.array([0.0, 1.0]))

    assert without_rounding(Metric("FAILS", fails), known, observed, scores)[1] is scores


def test_unknown_actuals_are_left_alone() -> None:
    known, scores, _ = results(METRIC["MAE"], np.array([0.0, 1.0]))
    windows = np.arange(4)
    unknown = Actuals(("s",), windows * 0, windows, windows, np.full((4, 60, 1), np.nan))

    assert without_rounding(METRIC["MAE"], known, unknown, scores)[1] is scores
