"""Combinations: a forecaster that calls others is not scored by their forecasts where some of these fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from harness import (
    Context,
    Contexts,
    Floats,
    Forecast,
    LocalForecaster,
    Panel,
    PartialFailure,
    RollingOrigin,
    Status,
    Task,
    TrainingData,
    Unsupported,
)
from harness.evaluation.evaluate import evaluate

PANEL = Panel.of([np.arange(1.0, 31.0), 100 + np.arange(30.0)])
TASK = Task("ramps", RollingOrigin(2, windows=3))


@dataclass
class FailsOnLarge(LocalForecaster):
    """Repeats the last value, and fails on the second series."""

    unsupported: bool = False

    def predict_series(self, context: Context) -> Floats:
        if context.id == "1":
            raise Unsupported("values above 100") if self.unsupported else ValueError("too large")
        return np.tile(context.target[-1], (context.horizon, 1))


@dataclass
class Doubled:
    """Twice the forecast of a component."""

    component: FailsOnLarge
    catches: bool = False

    def fit(self, train: TrainingData) -> None:
        self.component.fit(train)

    def predict(self, contexts: Contexts) -> Forecast:
        if not self.catches:
            return Forecast.point(2 * self.component.predict(contexts).mean)
        try:
            forecast = self.component.predict(contexts)
        except PartialFailure as error:
            forecast = error.forecast
        return Forecast.point(2 * forecast.mean)


@pytest.mark.parametrize(("unsupported", "status"), [(False, Status.FAILED), (True, Status.UNSUPPORTED)])
def test_the_forecast_of_a_component_is_not_scored_as_that_of_the_combination(unsupported, status) -> None:
    run = evaluate(Doubled(FailsOnLarge(unsupported)), TASK, PANEL)

    assert (run.status, run.scores) == (status, {})
    assert "its component FailsOnLarge failed on 3 of 6 windows, the first: " in run.reason
    assert "catch harness.PartialFailure, whose forecast has NaN there" in run.reason


def test_a_combination_that_catches_the_failure_is_scored_on_the_other_windows() -> None:
    run = evaluate(Doubled(FailsOnLarge(), catches=True), TASK, PANEL)

    assert run.status is Status.COMPLETED
    assert [failure.window for failure in run.window_failures] == [3, 4, 5]
    assert run.results is not None
    np.testing.assert_array_equal(run.results.forecast.mean[:3, 0, 0], [48, 52, 56])


def test_a_local_forecaster_itself_fails_only_where_it_does() -> None:
    run = evaluate(FailsOnLarge(), TASK, PANEL)

    assert (run.status, len(run.window_failures)) == (Status.COMPLETED, 3)
