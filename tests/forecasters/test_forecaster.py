"""The two bases of local models: what they are given, what they keep, and how their parts are joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.panel import Channel, Panel
from harness.errors import InvalidForecast
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import (
    FittedLocalForecaster,
    Forecaster,
    LocalForecaster,
    PartialFailure,
    predict_and_check,
)
from harness.tasks.folds import backtest
from harness.tasks.protocols import Generation, RollingOrigin
from harness.tasks.splits import SeriesSplit, TimeSplit
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

LEVELS = (0.1, 0.9)


def panel_of(*lengths: int) -> Panel:
    """Series that count: series 0 from 0, series 1 from 100, …"""
    return Panel.of([100.0 * i + np.arange(length) for i, length in enumerate(lengths)], season_length=4)


def contexts_of(panel: Panel, protocol: RollingOrigin, levels: tuple[float, ...] = ()) -> Contexts:
    return backtest(Task("trial", protocol, quantile_levels=levels), panel).windows.contexts


@dataclass
class Last(LocalForecaster):
    """The last value, as an array."""

    def predict_series(self, context: Context) -> Floats | Forecast:
        return np.full((context.horizon, 1), context.target[-1, 0])


# LocalForecaster


def test_each_window_is_forecast_from_its_own_past():
    contexts = contexts_of(panel_of(10, 12), RollingOrigin(2, windows=2))

    forecast = Last().predict(contexts)

    assert forecast.mean[:, :, 0].tolist() == [[5, 5], [7, 7], [107, 107], [109, 109]]


def test_windows_may_come_in_any_order():
    contexts = contexts_of(panel_of(10, 12), RollingOrigin(2, windows=2)).take(np.array([3, 0, 2]))

    forecast = Last().predict(contexts)

    assert forecast.mean[:, 0, 0].tolist() == [109, 5, 107]


def test_a_local_forecaster_sees_its_whole_context():
    seen: list[Context] = []

    class Watches(Last):
        def predict_series(self, context: Context) -> Floats:
            seen.append(context)
            return np.zeros((context.horizon, 1))

    channels = (Channel("y"), Channel("known", "known covariate"))
    values = np.stack([np.arange(8.0), 10 + np.arange(8.0)], axis=1)
    panel = Panel.of([values], ids=["a"], season_length=4, channels=channels, static={"kind": ["x"]})

    Watches().predict(contexts_of(panel, RollingOrigin(2, windows=1, gap=1, max_context=3), LEVELS))

    (context,) = seen
    assert (context.id, context.cutoff, context.start, context.static) == ("a", 5, 2, {"kind": "x"})
    assert context.target[:, 0].tolist() == [2, 3, 4]
    assert context.known_past[:, 0].tolist() == [12, 13, 14]
    assert context.known[:, 0].tolist() == [15, 16, 17]
    assert (context.horizon, context.gap, context.quantile_levels, context.season_length) == (2, 1, LEVELS, 4)


def test_what_a_local_forecaster_sees_cannot_be_written_to():
    class Writes(Last):
        def predict_series(self, context: Context) -> Floats:
            context.values[0] = 1.0
            return np.zeros((context.horizon, 1))

    with pytest.raises(PartialFailure, match="read-only"):
        Writes().predict(contexts_of(panel_of(10), RollingOrigin(2, windows=1)))


def test_forecasts_with_quantiles_keep_them():
    class Spread(Last):
        def predict_series(self, context: Context) -> Forecast:
            mean = np.full((1, context.horizon, 1), context.target[-1, 0])
            return Forecast(mean, context.quantile_levels, np.stack([mean - 1, mean + 1], axis=-1))

    forecast = Spread().predict(contexts_of(panel_of(10), RollingOrigin(2, windows=2), LEVELS))

    assert forecast.quantile_levels == LEVELS
    assert forecast.quantiles is not None
    assert forecast.quantiles[:, 0, 0].tolist() == [[4, 6], [6, 8]]


def test_a_point_forecast_among_quantiles_is_one_without_width():
    class SometimesSpread(Last):
        def predict_series(self, context: Context) -> Floats | Forecast:
            mean = np.zeros((1, context.horizon, 1))
            levels = context.quantile_levels
            return mean[0] if context.cutoff == 8 else Forecast.from_normal(mean, np.asarray(1.0), levels)

    forecast = SometimesSpread().predict(contexts_of(panel_of(10), RollingOrigin(2, windows=2), LEVELS))

    assert forecast.quantiles is not None
    widths = np.ptp(forecast.quantiles, axis=-1).max(axis=(1, 2))
    assert (widths == 0).tolist() == [False, True]


def test_whole_numbers_are_a_forecast():
    class Whole(Last):
        def predict_series(self, context: Context) -> Floats:
            return np.full((context.horizon, 1), 3)

    forecast = Whole().predict(contexts_of(panel_of(10), RollingOrigin(2, windows=1)))

    assert forecast.mean.dtype == np.float64


WRONG = {
    "no axis of targets": np.zeros(2),
    "a longer horizon": np.zeros((3, 1)),
    "two targets": np.zeros((2, 2)),
    "two windows": Forecast.point(np.zeros((2, 2, 1))),
}


@pytest.mark.parametrize("result", WRONG.values(), ids=WRONG)
def test_a_forecast_of_a_wrong_shape_is_that_windows_failure(result: Floats | Forecast):
    class Wrong(Last):
        def predict_series(self, context: Context) -> Floats | Forecast:
            return result if context.cutoff == 8 else super().predict_series(context)

    with pytest.raises(PartialFailure) as raised:
        Wrong().predict(contexts_of(panel_of(10), RollingOrigin(2, windows=2)))

    assert list(raised.value.failures) == [1]
    assert isinstance(raised.value.failures[1].error, InvalidForecast)
    assert raised.value.forecast.finite().tolist() == [True, False]


def test_who_failed_in_part_says_how_many_and_why():
    class Fails(Last):
        def predict_series(self, context: Context) -> Floats | Forecast:
            if context.id == "1":
                raise ValueError("too short")
            return super().predict_series(context)

    with pytest.raises(PartialFailure) as raised:
        Fails().predict(contexts_of(panel_of(10, 10), RollingOrigin(2, windows=2)))

    assert str(raised.value) == "2 of 4 windows failed; the first: ValueError: too short"
    assert sorted(raised.value.failures) == [2, 3]
    assert raised.value.forecast.mean[:2, 0, 0].tolist() == [5, 7]


# FittedLocalForecaster


@dataclass
class Remembers(FittedLocalForecaster):
    """Its parameters are the length and the last value of what it was fitted to."""

    fitted: list[tuple[str, int]] = field(default_factory=list)
    asked: list[tuple[str, list[int]]] = field(default_factory=list)

    def fit_series(self, context: Context) -> float:
        self.fitted.append((context.id, len(context.values)))
        return float(context.target[-1, 0])

    def predict_windows(self, state: float, contexts: Contexts) -> Forecast:
        self.asked.append((contexts.ids[0], contexts.cutoffs.tolist()))
        return Forecast.point(np.full((len(contexts), contexts.horizon, 1), state))


def test_each_series_is_fitted_once_to_its_training_data():
    fold = next(backtest(Task("trial", RollingOrigin(2, windows=3)), panel_of(10, 12)).folds())
    forecaster = Remembers()

    forecaster.fit(fold.train)
    forecaster.fit_contexts(fold.windows.contexts)
    forecast = forecaster.predict(fold.windows.contexts)

    assert forecaster.fitted == [("0", 4), ("1", 6)]
    assert forecast.mean[:, 0, 0].tolist() == [3, 3, 3, 105, 105, 105]


def test_fitting_alone_does_nothing_until_series_are_asked_for():
    fold = next(backtest(Task("trial", RollingOrigin(2, windows=3)), panel_of(10, 12)).folds())
    forecaster = Remembers()

    forecaster.fit(fold.train)

    assert forecaster.fitted == []


def test_parameters_are_kept_until_the_next_fit():
    folds = list(backtest(Task("trial", RollingOrigin(2, windows=3, refit=2)), panel_of(10)).folds())
    forecaster = Remembers()

    means = []
    for fold in folds:
        forecaster.fit(fold.train)
        forecaster.fit_contexts(fold.windows.contexts)
        means += [forecaster.predict(fold.windows.contexts).mean[:, 0, 0].tolist() for _ in range(2)]

    assert forecaster.fitted == [("0", 4), ("0", 8)]
    assert means == [[3, 3], [3, 3], [7], [7]]


def test_a_series_asked_for_again_is_not_fitted_again():
    contexts = contexts_of(panel_of(10, 10), RollingOrigin(2, windows=2))
    forecaster = Remembers()
    forecaster.fit(TrainingData(panel_of(4, 4), None, 2))

    forecaster.fit_contexts(contexts.take(np.array([0])))
    forecaster.fit_contexts(contexts)

    assert forecaster.fitted == [("0", 4), ("1", 4)]


def test_all_windows_of_a_series_come_in_one_call_by_rising_cutoff():
    contexts = contexts_of(panel_of(10, 10), RollingOrigin(2, windows=2)).take(np.array([1, 2, 0, 3]))
    forecaster = Remembers()
    forecaster.fit(TrainingData(panel_of(4, 4), None, 2))

    forecast = forecaster.predict(contexts)

    assert forecaster.asked == [("0", [6, 8]), ("1", [6, 8])]
    assert forecast.mean[:, 0, 0].tolist() == [3, 103, 3, 103]


def test_a_series_unseen_in_training_is_fitted_at_its_first_context():
    task = Task("trial", RollingOrigin(2, first_cutoff=6), SeriesSplit(1))
    fold = next(backtest(task, panel_of(12, 12)).folds())
    forecaster = Remembers()
    forecaster.fit(fold.train)

    forecaster.fit_contexts(fold.windows.contexts.take(np.array([2, 0, 1])))

    assert forecaster.fitted == [("1", 6)]
    assert forecaster.predict(fold.windows.contexts).mean[:, 0, 0].tolist() == [105] * 3


def test_a_held_out_series_is_fitted_to_its_warm_up():
    fold = next(backtest(Task("trial", Generation(5, 7), SeriesSplit(1)), panel_of(12, 12)).folds())
    forecaster = Remembers()
    forecaster.fit(fold.train)

    forecaster.fit_contexts(fold.windows.contexts)

    assert forecaster.fitted == [("1", 5)]


def test_validation_rows_are_not_fitted_to():
    task = Task("trial", RollingOrigin(2), TimeSplit(5, 3))
    fold = next(backtest(task, panel_of(12)).folds())
    forecaster = Remembers()
    forecaster.fit(fold.train)

    forecaster.fit_contexts(fold.windows.contexts)

    assert forecaster.fitted == [("0", 5)]


def test_the_context_of_a_fit_knows_what_is_asked():
    seen: list[Context] = []

    class Watches(Remembers):
        def fit_series(self, context: Context) -> float:
            seen.append(context)
            return 0.0

    task = Task("trial", RollingOrigin(2, windows=1, gap=3), season_length=7, quantile_levels=LEVELS)
    fold = next(backtest(task, panel_of(20)).folds())
    forecaster = Watches()
    forecaster.fit(fold.train)

    forecaster.fit_contexts(fold.windows.contexts)

    (context,) = seen
    assert (context.horizon, context.gap, context.quantile_levels, context.season_length) == (2, 3, LEVELS, 7)
    assert (len(context.values), context.cutoff) == (15, 15)


def test_parameters_may_be_none():
    class Parameterless(Remembers):
        def fit_series(self, context: Context) -> None:
            self.fitted.append((context.id, len(context.values)))

        def predict_windows(self, state: None, contexts: Contexts) -> Forecast:
            return Forecast.point(np.zeros((len(contexts), contexts.horizon, 1)))

    contexts = contexts_of(panel_of(10), RollingOrigin(2, windows=2))
    forecaster = Parameterless()
    forecaster.fit(TrainingData(panel_of(4), None, 2))
    forecaster.fit_contexts(contexts)

    forecaster.predict(contexts)

    assert forecaster.fitted == [("0", 4)]


def test_a_series_not_asked_for_before_is_fitted_when_it_is_forecast():
    forecaster = Remembers()
    forecaster.fit(TrainingData(panel_of(4), None, 2))

    forecast = forecaster.predict(contexts_of(panel_of(10), RollingOrigin(2, windows=2)))

    assert forecast.mean[:, 0, 0].tolist() == [3, 3]
    assert forecaster.states_ == {}


@pytest.mark.parametrize("phase", ["fit_series", "predict_windows"])
def test_a_series_that_fails_loses_its_own_windows_alone(phase: str):
    class Fails(Remembers):
        def fit_series(self, context: Context) -> float:
            return self.unless(context.id, phase == "fit_series", super().fit_series(context))

        def predict_windows(self, state: float, contexts: Contexts) -> Forecast:
            return self.unless(contexts.ids[0], phase == "predict_windows", super().predict_windows(state, contexts))

        def unless(self, name: str, fails: bool, result: Any) -> Any:
            if fails and name == "1":
                raise ValueError(f"no {phase}")
            return result

    contexts = contexts_of(panel_of(10, 10, 10), RollingOrigin(2, windows=2))
    forecaster = Fails()
    forecaster.fit(TrainingData(panel_of(4, 4, 4), None, 2))
    forecaster.fit_contexts(contexts)

    with pytest.raises(PartialFailure) as raised:
        forecaster.predict(contexts)

    assert {window: str(failure) for window, failure in raised.value.failures.items()} == {
        2: f"ValueError: no {phase}",
        3: f"ValueError: no {phase}",
    }
    assert raised.value.forecast.finite().tolist() == [True, True, False, False, True, True]


def test_a_wrong_shape_fails_the_series_that_said_it():
    class Wrong(Remembers):
        def predict_windows(self, state: float, contexts: Contexts) -> Forecast:
            return Forecast.point(np.zeros((1, contexts.horizon, 1)))

    forecaster = Wrong()
    forecaster.fit(TrainingData(panel_of(4), None, 2))

    with pytest.raises(PartialFailure, match=r"\(2, 2, 1\), not \(1, 2, 1\)"):
        forecaster.predict(contexts_of(panel_of(10), RollingOrigin(2, windows=2)))


# Forecaster


def test_both_bases_are_forecasters():
    assert isinstance(Last(), Forecaster)
    assert isinstance(Remembers(), Forecaster)
    assert not isinstance(object(), Forecaster)


def test_a_forecast_is_checked_against_its_windows():
    contexts = contexts_of(panel_of(10), RollingOrigin(2, windows=2))

    forecast = predict_and_check(Last(), contexts)

    assert len(forecast) == 2
    with pytest.raises(InvalidForecast, match="predict must return a Forecast, not ndarray"):
        predict_and_check(type("Array", (Last,), {"predict": lambda self, contexts: np.zeros(2)})(), contexts)
