"""What forecasters return: converted once to arrays of floats, or refused; a bad window costs that window alone."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.data.panel import Panel
from harness.errors import BadData, BadInput, BadTask, InvalidForecast
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Run, Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import (
    FittedLocalForecaster,
    LocalForecaster,
    PartialFailure,
    predict_and_check,
)
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

NAN = math.nan
LEVELS = (0.1, 0.5, 0.9)
TASK = Task("trial", RollingOrigin(2, windows=3), quantile_levels=LEVELS)
PANEL = Panel.of([1000.0 + np.arange(12), 1000.0 + np.arange(10)], ids=["a", "b"])
ODD: list[Any] = [
    *(
        None,
        True,
        3,
        NAN,
        1j,
        "",
        "a",
        b"a",
        object(),
        int,
        {},
        {"a": 1},
        {1, 2},
        pd.NA,
        np.ma.masked,
        pd.Timestamp("2020"),
    ),
    *(
        [],
        [1.0],
        [[1.0], [2.0, 3.0]],
        [["a"]],
        np.array("a"),
        np.zeros(0),
        np.zeros((6, 2, 1), bool),
        decimal.Decimal(1),
    ),
    *(np.zeros((6, 2, 1), complex), np.zeros((6, 2, 1), "M8[ns]"), np.zeros((6, 2, 1), "m8[ns]"), np.zeros((6, 2))),
    *(np.full((6, 2, 1), None), np.full((6, 2, 1), "1"), np.full((6, 2, 1), b"1"), np.zeros((6, 2, 1), [("x", float)])),
    *(
        np.zeros((6, 2, 1), np.float16),
        np.zeros((6, 2, 1), ">f8"),
        np.zeros((6, 2, 1), int),
        np.zeros((6, 2, 1)).tolist(),
    ),
    *(
        np.ma.zeros((6, 2, 1)),
        torch.zeros((6, 2, 1)),
        torch.zeros((6, 2, 1), requires_grad=True),
        Forecast(np.zeros(3)),
    ),
    *(pd.DataFrame({"y": [1.0]}), pd.Series([1, None], dtype="Int64"), np.matrix([[1.0]]), (0.1, 0.5, 0.9), (0.5,)),
]


@dataclass
class Says:
    """Returns what it is told to, made of the contexts."""

    result: Callable[[Contexts], Any]

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Any:
        return self.result(contexts)


def normal(contexts: Contexts) -> tuple[Any, Any]:
    """The mean and quantiles of a good forecast."""
    mean = np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)
    return mean, mean[..., None] + np.array([-1.0, 0.0, 1.0])


def forecast_with(window: int, change: Callable[[Any], None]) -> Callable[[Contexts], Forecast]:
    """A good forecast but for the quantiles of the window at a cutoff of series b."""

    def result(contexts: Contexts) -> Forecast:
        mean, quantiles = normal(contexts)
        for i in np.flatnonzero((contexts.cutoffs == window) & (np.array(contexts.ids) == "b")):
            change(quantiles[i])
        return Forecast(mean, contexts.quantile_levels, quantiles)

    return result


def run_of(result: Callable[[Contexts], Any], task: Task = TASK) -> Run:
    return evaluate(Says(result), task, PANEL)


def refusal(action: Callable[[], Any]) -> str:
    with pytest.raises(InvalidForecast) as raised:
        action()
    assert "\n" not in str(raised.value)
    return str(raised.value)


class TestEveryValue:
    @pytest.mark.parametrize("argument", ["mean", "quantile_levels", "quantiles"])
    @pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
    def test_a_forecast_holds_floats_or_is_refused(self, argument: str, value: Any) -> None:
        arguments = {"mean": np.zeros((6, 2, 1)), "quantile_levels": LEVELS, "quantiles": np.zeros((6, 2, 1, 3))}
        forecast, refused = None, None
        try:
            forecast = Forecast(**{**arguments, argument: value})
        except InvalidForecast as error:
            refused = error

        if forecast is None:
            assert "\n" not in str(refused)
        else:
            assert forecast.mean.dtype == np.float64
            assert type(forecast.mean) is np.ndarray
            assert type(forecast.quantile_levels) is tuple
            assert forecast.quantiles is None or forecast.quantiles.dtype == np.float64

    @pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
    @pytest.mark.parametrize(
        "make",
        [
            lambda value: value,
            Forecast.point,
            lambda value: Forecast.from_normal(value, np.ones(1), LEVELS),
            lambda value: Forecast.from_normal(np.zeros((6, 2, 1)), value, LEVELS),
            lambda value: Forecast.from_normal(np.zeros((6, 2, 1)), np.ones(1), value),
            lambda value: Forecast.from_samples(value, LEVELS),
            lambda value: Forecast.from_samples(np.zeros((6, 4, 2, 1)), value),
        ],
    )
    def test_no_value_is_an_error_of_numpy(self, make: Callable[[Any], Any], value: Any) -> None:
        run = evaluate(Says(lambda contexts: make(value)), TASK, PANEL, audited_windows=0)

        assert run.status in (Status.COMPLETED, Status.INVALID)
        assert "\n" not in run.reason

    @pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
    def test_nor_is_it_in_a_base_class(self, value: Any) -> None:
        class Local(LocalForecaster):
            def predict_series(self, context: Context) -> Any:
                return value

        class Fitted(FittedLocalForecaster):
            def fit_series(self, context: Context) -> None:
                pass

            def predict_windows(self, state: None, contexts: Contexts) -> Any:
                return value

        for forecaster, method in ((Local(), "predict_series"), (Fitted(), "predict_windows")):
            run = evaluate(forecaster, TASK, PANEL)
            assert run.status is Status.INVALID
            assert "\n" not in run.reason
            assert method in run.reason or "shape" in run.reason


class TestConversion:
    @pytest.mark.parametrize(
        "convert",
        [
            lambda array: array.astype(np.float32),
            lambda array: array.astype(int),
            lambda array: array.tolist(),
            lambda array: np.ma.masked_array(array),
            lambda array: array.astype(object),
            torch.from_numpy,
            np.asfortranarray,
        ],
        ids=["float32", "int", "list", "masked", "object", "torch", "order"],
    )
    def test_numbers_of_every_kind_score_the_same(self, convert: Callable[[Any], Any]) -> None:
        def result(contexts: Contexts) -> Forecast:
            mean, quantiles = normal(contexts)
            return Forecast(convert(mean), list(contexts.quantile_levels), convert(quantiles))  # type: ignore[arg-type]

        assert run_of(result).scores == run_of(lambda contexts: Forecast(*_plain(contexts))).scores

    def test_masked_values_are_no_forecast(self) -> None:
        def result(contexts: Contexts) -> Forecast:
            mean = normal(contexts)[0]
            return Forecast(np.ma.masked_array(mean, mask=(contexts.cutoffs == 6)[:, None, None] & (mean > 0)))

        run = run_of(result)

        assert [(failure.window, failure.status) for failure in run.window_failures] == [
            (0, Status.INVALID),
            (4, Status.INVALID),
        ]
        assert all("at cutoff 6" in failure.reason for failure in run.window_failures)

    def test_masked_values_of_one_series_are_no_forecast(self) -> None:
        class Masks(LocalForecaster):
            def predict_series(self, context: Context) -> Any:
                return np.ma.masked_array(np.full((2, 1), -9999.0), mask=[[True], [False]])

        run = evaluate(Masks(), TASK, PANEL)

        assert run.reason == "every window: NaN or infinite values in series 'a' at cutoff 6"

    def test_levels_up_to_rounding_are_those_of_the_task(self) -> None:
        levels = tuple(float(level) for level in np.linspace(0.1, 0.9, 9))  # 0.30000000000000004
        task = Task("trial", RollingOrigin(2, windows=3), quantile_levels=tuple(i / 10 for i in range(1, 10)))

        run = run_of(lambda contexts: Forecast.from_normal(normal(contexts)[0], np.ones(1), levels), task)

        assert levels != task.quantile_levels
        assert run.status is Status.COMPLETED
        assert run.results is not None
        assert run.results.forecast.quantile_levels == task.quantile_levels

    @given(st.lists(st.floats(-1e300, 1e300) | st.just(NAN), min_size=2, max_size=2))
    def test_floats_stay_as_they_are(self, values: list[float]) -> None:
        array = np.array(values).reshape(1, 2, 1)

        assert Forecast(array).mean is array
        np.testing.assert_array_equal(Forecast(array.tolist()).mean, array)


def _plain(contexts: Contexts) -> tuple[Any, tuple[float, ...], Any]:
    mean, quantiles = normal(contexts)
    return mean, contexts.quantile_levels, quantiles


class TestOneWindow:
    @pytest.mark.parametrize("size", [1e-12, 1e-4])
    def test_rounding_is_no_crossing(self, size: float) -> None:
        def cross(quantiles: Any) -> None:
            quantiles[0, 0, 1] = quantiles[0, 0, 0] - size  # of 1,000

        run = run_of(forecast_with(6, cross))

        assert run.status is Status.COMPLETED
        assert run.window_failures == ()
        assert math.isfinite(run.scores["WQL"])

    def test_a_large_crossing_costs_its_window(self) -> None:
        def cross(quantiles: Any) -> None:
            quantiles[1, 0] = [1000.0, 997.0, 1002.0]

        run = run_of(forecast_with(6, cross))

        assert run.status is Status.COMPLETED
        (failure,) = run.window_failures
        assert (failure.window, failure.status) == (4, Status.INVALID)
        expected = "quantiles cross in series 'b' at cutoff 6, step 2: 1000 at level 0.1, 997 at level 0.5"
        expected += "; return them in the order of their levels"
        assert failure.reason == expected
        assert math.isfinite(run.scores["WQL"])

    @pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
    def test_so_does_a_value_that_is_no_number(self, value: float) -> None:
        def spoil(quantiles: Any) -> None:
            quantiles[1, 0, 2] = value

        run = run_of(forecast_with(6, spoil))

        assert run.status is Status.COMPLETED
        (failure,) = run.window_failures
        assert (failure.window, failure.status) == (4, Status.INVALID)
        assert "series 'b' at cutoff 6" in failure.reason

    def test_a_crossing_of_a_fitted_series_costs_its_window(self) -> None:
        class Crosses(FittedLocalForecaster):
            def fit_series(self, context: Context) -> None:
                pass

            def predict_windows(self, state: None, contexts: Contexts) -> Forecast:
                return forecast_with(6, lambda quantiles: np.copyto(quantiles, quantiles[..., ::-1].copy()))(contexts)

        run = evaluate(Crosses(), TASK, PANEL)

        assert [failure.window for failure in run.window_failures] == [4]
        assert run.status is Status.COMPLETED

    def test_a_crossing_of_one_series_names_it(self) -> None:
        class Crosses(LocalForecaster):
            def predict_series(self, context: Context) -> Forecast:
                mean = np.full((1, context.horizon, 1), 2.0)
                sign = -1.0 if (context.id, context.cutoff) == ("a", 8) else 1.0
                spread = np.array([-1.0, 0.0, 1.0]) * sign
                return Forecast(mean, context.quantile_levels, mean[..., None] + spread)

        run = evaluate(Crosses(), TASK, PANEL)

        assert [failure.reason for failure in run.window_failures] == [
            "quantiles cross in series 'a' at cutoff 8, step 1: 3 at level 0.1, 2 at level 0.5; "
            "return them in the order of their levels"
        ]

    def test_all_crossings_are_found_at_once(self) -> None:
        contexts = backtest(TASK, PANEL).windows.contexts

        with pytest.raises(PartialFailure) as raised:
            predict_and_check(Says(lambda given: Forecast(*_crossed(given))), contexts)

        assert sorted(raised.value.failures) == [0, 1, 2, 3, 4, 5]
        assert not raised.value.forecast.finite().any()


def _crossed(contexts: Contexts) -> tuple[Any, tuple[float, ...], Any]:
    mean, quantiles = normal(contexts)
    return mean, contexts.quantile_levels, quantiles[..., ::-1]


@dataclass
class Shaped(LocalForecaster):
    result: Any = None
    seen: list[Any] = field(default_factory=list)

    def predict_series(self, context: Context) -> Any:
        return self.result


class TestSentences:
    def test_predict_windows_is_named(self) -> None:
        class Array(FittedLocalForecaster):
            def fit_series(self, context: Context) -> float:
                return 1.0

            def predict_windows(self, state: float, contexts: Contexts) -> Any:
                return normal(contexts)[0]

        assert evaluate(Array(), TASK, PANEL).reason == (
            "every window: predict_windows must return a Forecast, not ndarray: "
            "return Forecast.point(mean), with a mean of the shape (window, horizon, target), or "
            "Forecast.quantiles_only(levels, quantiles), with quantiles of the shape (window, horizon, target, level)"
        )

    @pytest.mark.parametrize(
        ("result", "found"),
        [
            (None, "NoneType"),
            ("x", "str"),
            (np.zeros(2), "(2,); the axis of targets is missing, which array[..., np.newaxis] adds"),
            (
                np.zeros((1, 2)),
                "(1, 2); the axes of steps and targets are exchanged, which np.swapaxes(array, -1, -2) mends",
            ),
            (3.0, "()"),
            (np.zeros((1, 2, 1)), "(1, 2, 1)"),
        ],
    )
    def test_predict_series_is_named(self, result: Any, found: str) -> None:
        wanted = "predict_series must return a Forecast, or an array of the shape (horizon, target) = (2, 1)"

        assert evaluate(Shaped(result), TASK, PANEL).reason == f"every window: {wanted}, not {found}"

    def test_a_forecast_of_predict_series_is_of_one_window(self) -> None:
        assert evaluate(Shaped(Forecast.point(np.zeros((2, 1)))), TASK, PANEL).reason == (
            "every window: predict_series: the mean must have the shape (window, horizon, target) = (1, 2, 1), not "
            "(2, 1); the axis of windows is missing, which array[np.newaxis] adds; or return an array of the shape "
            "(horizon, target)"
        )

    def test_a_forecast_needs_something(self) -> None:
        message = refusal(Forecast)

        assert message == "a Forecast needs a mean, a median or quantiles: return Forecast.point(values)"

    def test_sample_paths_have_four_axes(self) -> None:
        message = refusal(lambda: Forecast.from_samples(np.zeros((6, 2, 1)), LEVELS))

        assert message == "paths must have the shape (window, path, horizon, target), not (6, 2, 1)"

    def test_a_deviation_fits_its_mean(self) -> None:
        message = refusal(lambda: Forecast.from_normal(np.zeros((6, 2, 1)), np.ones((5, 2, 1)), LEVELS))

        assert message == "sd of the shape (5, 2, 1) does not fit the mean, (6, 2, 1)"


class TestEvaluate:
    def test_a_class_is_no_forecaster(self) -> None:
        with pytest.raises(
            BadInput, match=r"^evaluate takes a forecaster object: pass Shaped\(\) instead of the class"
        ):
            harness.evaluate(Shaped, TASK, PANEL)  # type: ignore[arg-type]

    @pytest.mark.parametrize("forecaster", [None, 3, object(), lambda contexts: None])
    def test_nor_is_what_cannot_fit_and_predict(self, forecaster: Any) -> None:
        with pytest.raises(BadInput, match="with the methods fit and predict, not "):
            harness.evaluate(forecaster, TASK, PANEL)

    @pytest.mark.parametrize("panel", [np.zeros(9), [1.0, 2.0], "nile"])
    def test_an_array_is_no_panel(self, panel: Any) -> None:
        with pytest.raises(BadData, match=r"^the data must be a data frame .* make a Panel of arrays by Panel.of"):
            harness.evaluate("naive", TASK, panel)

    @pytest.mark.parametrize("task", ["nile", None, RollingOrigin(3), Task])
    def test_a_name_is_no_task(self, task: Any) -> None:
        with pytest.raises(BadTask, match=r"^task must be a Task such as Task"):
            harness.evaluate("naive", task, PANEL)

    def test_a_tolerance_out_of_range_is_refused(self) -> None:
        with pytest.raises(BadInput, match=r"tolerance must be a number from 0 to 0\.01, not 0\.5"):
            harness.evaluate("naive", TASK, PANEL, tolerance=0.5)

    def test_a_tolerance_is_noted(self) -> None:
        notes = harness.evaluate("naive", TASK, PANEL, tolerance=0.001).notes

        assert "forecasts repeat within 1e-3 (declared)" in notes

    def test_an_unknown_filling_is_refused_where_nothing_is_missing(self) -> None:
        with pytest.raises(BadInput, match="missing is one of native, ffill, interpolate, seasonal, not 'mean'"):
            harness.evaluate("naive", TASK, PANEL, missing="mean")  # type: ignore[arg-type]


class TestBoards:
    @pytest.mark.parametrize("value", [None, 3, ["classics"], b"classics", object()])
    @pytest.mark.parametrize(
        "read",
        [
            lambda value: harness.standings(value),
            lambda value: harness.standings("classics", metric=value or 3),
            lambda value: harness.standings("classics", home=value or 3),
            lambda value: harness.slices(value, "step"),
            lambda value: harness.slices("classics", value),
            lambda value: harness.slices("classics", "step", task=value or 3),
            lambda value: harness.board_page(value),
        ],
    )
    def test_names_are_texts(self, read: Callable[[Any], Any], value: Any) -> None:
        with pytest.raises(BadInput, match=r"^(board|metric|home|by|task) must be a text, not "):
            read(value)
