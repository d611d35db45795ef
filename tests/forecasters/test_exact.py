"""Forecasts of other types become forecasts of exact types, which have no methods of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from harness.arrays import Bools, Floats
from harness.data.panel import Panel
from harness.errors import Failure, InvalidForecast
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Status
from harness.forecasters.exact import exact_forecast
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import LocalForecaster, PartialFailure
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

PANEL = Panel.of(list(np.random.default_rng(0).normal(10, 3, (3, 40))), season_length=4)
TASK = Task("trial", RollingOrigin(3, windows=4))


class IsAlwaysFinite(Forecast):
    def finite(self) -> Bools:
        return np.ones(len(self.mean), dtype=np.bool_)

    def check_shape(self, windows: int, horizon: int, targets: int) -> None:
        """Accepts anything."""


class Perfect(np.ndarray):  # type: ignore[type-arg]
    """An array that equals whatever it is compared with."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **arguments: Any) -> Any:
        arrays = [np.asarray(each) for each in inputs]
        return np.zeros_like(arrays[0]) if ufunc is np.subtract else getattr(ufunc, method)(*arrays, **arguments)

    @property
    def shape(self) -> Any:
        return (12, 3, 1)


@dataclass
class Gives:
    kind: str

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        mean = np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)
        if self.kind == "subclass":
            mean[: len(mean) // 2] = np.nan
            return IsAlwaysFinite(mean)
        if self.kind == "array":
            forecast = Forecast.point(mean)
            object.__setattr__(forecast, "mean", mean.view(Perfect))
            object.__setattr__(forecast, "median", forecast.mean)
            return forecast
        return Forecast.point(mean)


def test_windows_that_a_subclass_hides_are_failures():
    run = evaluate(Gives("subclass"), TASK, PANEL)

    assert len(run.window_failures) == run.windows // 2
    assert run.results is not None
    assert type(run.results.forecast) is Forecast


def test_an_array_of_a_subclass_is_scored_by_its_numbers():
    honest, cheat = evaluate(Gives("honest"), TASK, PANEL), evaluate(Gives("array"), TASK, PANEL)

    assert cheat.status is Status.COMPLETED
    assert cheat.scores == honest.scores


def test_arrays_of_a_subclass_in_a_local_forecaster_are_scored_by_their_numbers():
    class Local(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            return np.full((context.horizon, 1), context.target[-1, 0]).view(Perfect)

    run = evaluate(Local(), TASK, PANEL)

    assert run.scores.get("MAE") != 0


def test_an_exact_forecast_is_returned_as_it_is():
    forecast = Forecast(np.zeros((2, 3, 1)), (0.1, 0.9), np.zeros((2, 3, 1, 2)))

    assert exact_forecast(forecast) is forecast


def test_what_is_no_array_is_refused():
    forecast = Forecast.point(np.zeros((2, 3, 1)))
    object.__setattr__(forecast, "mean", "numbers")

    with pytest.raises(InvalidForecast, match="must be an array of floats"):
        exact_forecast(forecast)


@pytest.mark.parametrize("failures", [{99: Failure(ValueError("no"))}, {0: "no"}, {"0": Failure(ValueError("no"))}])
def test_failures_of_other_windows_or_types_are_invalid(failures: Any):
    class Claims(Gives):
        def predict(self, contexts: Contexts) -> Forecast:
            raise PartialFailure(super().predict(contexts), failures)

    run = evaluate(Claims("honest"), TASK, PANEL)

    assert run.status is Status.INVALID
    assert "must be Failures by windows from 0 to 11" in run.reason


def test_a_window_that_is_said_to_fail_has_no_forecast():
    class Claims(Gives):
        def predict(self, contexts: Contexts) -> Forecast:
            raise PartialFailure(super().predict(contexts), {3: Failure(ValueError("no"))})

    run = evaluate(Claims("honest"), TASK, PANEL)

    assert [(failure.window, failure.reason) for failure in run.window_failures] == [(3, "ValueError: no")]
    assert run.results is not None
    assert np.isnan(run.results.forecast.mean[3]).all()
