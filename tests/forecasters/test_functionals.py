"""The mean, the median and the quantiles of a forecast: what was given, and what stands for what was not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from harness.data.panel import Panel
from harness.errors import Failure, InvalidForecast, NotGiven
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Run, Status
from harness.forecasters.conforming import conformed
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import LocalForecaster, PartialFailure, predict_and_check
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

NINE = tuple(i / 10 for i in range(1, 10))
PANEL = Panel.of([np.arange(20.0) % 7, np.arange(20.0) % 5], season_length=4)
SHAPE = (4, 2, 1)  # of the windows of the task


def task_of(*levels: float) -> Task:
    return Task("trial", RollingOrigin(2, windows=2), quantile_levels=levels)


@dataclass
class Says:
    """Returns what a function makes of the number of windows."""

    result: Callable[[int], Any]

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Any:
        return self.result(len(contexts))


def normal_quantiles(windows: int, levels: tuple[float, ...], size: float = 1.0) -> Any:
    return 3 + size * np.tile(stats.norm.ppf(levels), (windows, 2, 1, 1))


def run_of(result: Callable[[int], Any], *levels: float) -> Run:
    return evaluate(Says(result), task_of(*levels), PANEL)


class TestSubstitutes:
    def test_a_number_for_everything_is_mean_and_median(self) -> None:
        forecast = Forecast.point(np.full(SHAPE, 2.0))

        assert forecast.mean is forecast.median
        assert (forecast.origins.mean, forecast.origins.median) == (("own",), ("own",))

    def test_what_is_given_is_kept(self) -> None:
        mean, median = np.full(SHAPE, 2.0), np.full(SHAPE, 1.0)

        forecast = Forecast(mean, (0.5,), np.full((*SHAPE, 1), 3.0), median)

        assert forecast.mean is mean
        assert forecast.median is median

    def test_the_quantile_of_level_one_half_is_the_median(self) -> None:
        forecast = Forecast(np.zeros(SHAPE), (0.1, 0.5), normal_quantiles(4, (0.1, 0.5)))

        np.testing.assert_array_equal(forecast.median, 3.0)
        assert forecast.origins.median == ("level",)

    def test_a_median_is_interpolated_between_the_levels_around_it(self) -> None:
        quantiles = np.broadcast_to([1.0, 2.0, 6.0], (*SHAPE, 3))

        forecast = Forecast(np.zeros(SHAPE), (0.1, 0.4, 0.8), quantiles)

        np.testing.assert_allclose(forecast.median, 3.0)
        assert forecast.origins.median == ("quantiles",)

    @pytest.mark.parametrize(("levels", "values"), [((), None), ((0.8, 0.9), [1.0, 2.0])])
    def test_the_mean_stands_for_a_median_that_nothing_tells(self, levels: Any, values: Any) -> None:
        mean = np.full(SHAPE, 2.0)

        forecast = Forecast(mean, levels, None if values is None else np.broadcast_to(values, (*SHAPE, 2)))

        assert forecast.median is mean
        assert forecast.origins.median == ("mean",)

    def test_the_median_stands_for_a_mean_that_nothing_tells(self) -> None:
        forecast = Forecast(median=np.full(SHAPE, 2.0))

        assert forecast.mean is forecast.median
        assert forecast.origins.mean == ("median",)

    @given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=9, unique=True), st.data())
    def test_a_mean_is_the_integral_of_the_quantile_function(self, levels: list[float], data: st.DataObject) -> None:
        levels = [0.005, *sorted(levels), 0.995]
        number = st.floats(-1e6, 1e6)
        values = sorted(data.draw(st.lists(number, min_size=len(levels), max_size=len(levels))))

        forecast = Forecast.quantiles_only(levels, np.broadcast_to(values, (*SHAPE, len(levels))))

        integral = integrate.trapezoid([values[0], *values, values[-1]], [0, *levels, 1])
        np.testing.assert_allclose(forecast.mean, integral, rtol=1e-9, atol=1e-6)
        assert forecast.origins.mean == ("quantiles",)

    def test_the_mean_of_many_quantiles_comes_near_that_of_the_distribution(self) -> None:
        levels = tuple((np.arange(2000) + 0.5) / 2000)
        quantiles = np.broadcast_to(stats.expon.ppf(levels), (*SHAPE, len(levels)))

        assert Forecast.quantiles_only(levels, quantiles).mean == pytest.approx(stats.expon.mean(), rel=1e-3)

    def test_one_level_in_the_tail_tells_neither(self) -> None:
        forecast = Forecast.quantiles_only((0.9,), np.ones((*SHAPE, 1)))

        assert (forecast.origins.mean, forecast.origins.median) == (("none",), ("none",))
        assert np.isnan(forecast.mean).all()
        assert forecast.finite().all()

    @pytest.mark.parametrize("levels", [(), (0.1, 0.9), (0.1, 0.5, 0.9)])
    def test_paths_have_a_median_of_their_own(self, levels: tuple[float, ...]) -> None:
        paths = np.random.default_rng(0).lognormal(size=(4, 99, 2, 1))

        forecast = Forecast.from_samples(paths, levels)

        np.testing.assert_allclose(forecast.mean, paths.mean(axis=1))
        np.testing.assert_allclose(forecast.median, np.median(paths, axis=1))
        assert (forecast.origins.mean, forecast.origins.median) == (("own",), ("own",))

    def test_a_normal_distribution_has_one_centre(self) -> None:
        forecast = Forecast.from_normal(np.full(SHAPE, 2.0), np.asarray(1.0), (0.1, 0.9))

        assert forecast.median is forecast.mean

    def test_nothing_is_no_forecast(self) -> None:
        with pytest.raises(InvalidForecast, match="needs a mean, a median or quantiles"):
            Forecast()

    def test_a_forecast_can_be_sent_to_another_process(self) -> None:
        sent = pickle.loads(pickle.dumps(Forecast(None, (0.1, 0.5), normal_quantiles(4, (0.1, 0.5)))))

        assert sent.origins.median == ("level",)
        np.testing.assert_array_equal(sent.median, 3.0)


class TestLevels:
    def test_nine_levels_serve_a_task_that_asks_for_three_of_them(self) -> None:
        run = run_of(lambda n: Forecast.quantiles_only(NINE, normal_quantiles(n, NINE)), 0.1, 0.5, 0.9)

        assert run.status is Status.COMPLETED
        assert run.results is not None
        assert run.results.forecast.quantile_levels == (0.1, 0.5, 0.9)
        np.testing.assert_allclose(run.results.forecast.quantiles[0, 0, 0], 3 + stats.norm.ppf([0.1, 0.5, 0.9]))
        assert not any("level" in note for note in run.notes)

    def test_a_task_without_levels_takes_the_mean_and_the_median(self) -> None:
        skewed = np.broadcast_to(stats.expon.ppf(NINE), (4, 2, 1, 9))

        run = run_of(lambda n: Forecast.quantiles_only(NINE, skewed[:n]))

        assert run.status is Status.COMPLETED
        assert run.results is not None
        assert run.results.forecast.quantiles is None
        assert run.results.forecast.median[0, 0, 0] == pytest.approx(np.log(2))
        assert run.results.forecast.mean[0, 0, 0] > run.results.forecast.median[0, 0, 0]

    def test_levels_between_those_given_are_interpolated_with_a_note(self) -> None:
        run = run_of(lambda n: Forecast.quantiles_only(NINE, normal_quantiles(n, NINE)), 0.25, 0.5)

        assert run.results is not None
        expected = 3 + (stats.norm.ppf(0.2) + stats.norm.ppf(0.3)) / 2
        np.testing.assert_allclose(run.results.forecast.quantile(0.25), expected)
        assert "quantiles of level 0.25 are interpolated between those that the forecaster gives" in run.notes

    def test_levels_outside_of_those_given_are_not_scored(self) -> None:
        levels = (0.2, 0.5, 0.8)

        run = run_of(lambda n: Forecast.quantiles_only(levels, normal_quantiles(n, levels)), 0.1, 0.5, 0.8)

        assert run.status is Status.COMPLETED
        assert "WQL" not in run.scores
        assert "coverage" not in run.scores
        assert {"MAE", "RMSE"} <= set(run.scores)
        reason = (
            "the forecaster gives levels 0.2 to 0.8 and the task asks for 0.1; "
            "return this level, or levels on both sides of it"
        )
        assert run.unsupported == dict.fromkeys(("WQL", "SQL", "MQL", "coverage", "MSIS"), reason)
        assert f"no score by WQL, SQL, MQL, coverage, MSIS: unsupported, {reason}" in run.notes

    def test_a_level_in_the_tail_alone_scores_no_centre(self) -> None:
        run = run_of(lambda n: Forecast.quantiles_only((0.8, 0.9), normal_quantiles(n, (0.8, 0.9))), 0.8, 0.9)

        assert run.status is Status.COMPLETED
        assert set(run.scores) == {"WQL", "SQL", "MQL", "coverage", "MSIS"}
        reason = "the forecaster gives neither a mean nor a median, nor quantiles around level 0.5; return one of them"
        assert set(run.unsupported.values()) == {reason}
        assert f"no score by {', '.join(run.unsupported)}: unsupported, {reason}" in run.notes
        assert {"MAE", "RMSE"} <= set(run.unsupported)

    def test_a_task_that_can_use_nothing_is_unsupported(self) -> None:
        run = run_of(lambda n: Forecast.quantiles_only((0.9,), np.ones((n, 2, 1, 1))))

        assert run.status is Status.UNSUPPORTED
        assert run.reason == (
            "it gives quantiles of level 0.9 only: neither a mean nor a median follows from them; "
            "return one of them, or quantiles around level 0.5"
        )

    def test_a_run_that_no_metric_can_score_is_unsupported(self) -> None:
        run = run_of(lambda n: Forecast.quantiles_only((0.9,), np.ones((n, 2, 1, 1))), 0.1, 0.5, 0.9)

        assert run.status is Status.UNSUPPORTED
        assert run.scores == {}
        assert run.reason.startswith("the forecaster gives neither a mean nor a median")

    @pytest.mark.parametrize("levels", [NINE, (0.025, 0.5, 0.95), (0.01, 1 / 3, 0.99)])
    @pytest.mark.parametrize(
        "convert",
        [
            lambda levels: np.array(levels, dtype=np.float32),
            lambda levels: np.array(levels, dtype=np.float16),
            lambda levels: list(np.array(levels, dtype=np.float32)),
            lambda levels: torch.tensor(levels),
            lambda levels: torch.tensor(levels).half(),
            lambda levels: list(torch.tensor(levels)),
            lambda levels: torch.tensor(levels).to(torch.bfloat16),
            lambda levels: list(torch.tensor(levels).to(torch.bfloat16)),
            lambda levels: pd.Index(levels, dtype="float32"),
        ],
        ids=[
            "float32",
            "float16",
            "list",
            "tensor",
            "half",
            "list of tensors",
            "bfloat16",
            "list of bfloat16",
            "pandas",
        ],
    )
    def test_levels_of_less_precise_types_are_those_of_the_task(
        self, convert: Callable[[Any], Any], levels: tuple[float, ...]
    ) -> None:
        if 1 / 3 in levels and convert(levels)[0].dtype in (np.float16, torch.half, torch.bfloat16):
            pytest.skip("the type holds no third")

        run = run_of(lambda n: Forecast.quantiles_only(convert(levels), normal_quantiles(n, levels)), *levels)

        assert run.results is not None
        assert run.results.forecast.quantile_levels == levels
        assert "WQL" in run.scores
        assert run.unsupported == {}
        assert not any("interpolated" in note for note in run.notes)

    @given(st.integers(1, 999))
    def test_a_level_of_three_decimals_survives_float16(self, thousandths: int) -> None:
        level = thousandths / 1000

        assert Forecast.quantiles_only(np.array([level], dtype=np.float16), np.ones((1, 1, 1, 1))).quantile_levels == (
            level,
        )

    def test_levels_that_become_equal_are_an_error(self) -> None:
        with pytest.raises(InvalidForecast, match="quantile levels must rise"):
            Forecast.quantiles_only(np.array([0.5, 0.50001], dtype=np.float16), np.ones((1, 1, 1, 2)))

    def test_a_quantile_that_was_not_given_is_told(self) -> None:
        with pytest.raises(NotGiven, match=r"the forecaster gives levels 0\.1 to 0\.5 and the task asks for 0\.9"):
            Forecast.quantiles_only((0.1, 0.5), normal_quantiles(4, (0.1, 0.5))).quantile(0.9)

    def test_reasons_say_where_only_some_windows_lack_something(self) -> None:
        run = evaluate(Differing(NINE, (0.8, 0.9)), task_of(0.1, 0.8), PANEL)

        assert run.status is Status.UNSUPPORTED
        assert run.unsupported["MAE"] == (
            "in some windows the forecaster gives neither a mean nor a median, nor quantiles around level 0.5; "
            "return one of them"
        )
        assert run.unsupported["WQL"].startswith(
            "in some windows the forecaster gives levels 0.8 to 0.9 and the task asks for 0.1; "
        )

    def test_no_level_in_common_and_no_centre_is_unsupported(self) -> None:
        run = evaluate(Differing((0.1,), (0.9,)), task_of(0.1, 0.5, 0.9), PANEL)

        assert run.status is Status.UNSUPPORTED
        assert run.reason == (
            "in some windows it gives quantiles of level 0.1 only: neither a mean nor a median follows from them; "
            "return one of them, or quantiles around level 0.5"
        )

    def test_windows_of_a_local_forecaster_may_differ_in_what_they_give(self) -> None:
        class Differs(LocalForecaster):
            def predict_series(self, context: Context) -> Any:
                levels = NINE if context.id == "0" else (0.1, 0.4, 0.9)
                if context.cutoff == 16:
                    return np.full((2, 1), 3.0)
                return Forecast.quantiles_only(levels, normal_quantiles(1, levels))

        run = evaluate(Differs(), task_of(0.1, 0.5, 0.9), PANEL)

        assert run.status is Status.COMPLETED
        assert run.window_failures == ()
        assert "WQL" in run.scores
        assert "point forecast, scored as degenerate quantiles" in run.notes
        assert any(
            note.endswith(
                "a number computed from the quantiles stands for the median, which the forecaster does not give"
            )
            for note in run.notes
        )

    def test_the_forecast_of_a_partial_failure_has_the_levels_of_the_task(self) -> None:
        class Fails:
            def fit(self, train: TrainingData) -> None:
                pass

            def predict(self, contexts: Contexts) -> Forecast:
                forecast = Forecast.quantiles_only(NINE, normal_quantiles(len(contexts), NINE))
                raise PartialFailure(forecast.without(np.array([1])), {1: Failure(ValueError("too short"))})

        run = evaluate(Fails(), task_of(0.1, 0.9), PANEL)

        assert [failure.window for failure in run.window_failures] == [1]
        assert run.results is not None
        assert run.results.forecast.quantile_levels == (0.1, 0.9)


@dataclass
class Differing(LocalForecaster):
    """Gives other levels for the first series than for the second."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    def predict_series(self, context: Context) -> Forecast:
        levels = self.first if context.id == "0" else self.second
        return Forecast.quantiles_only(levels, normal_quantiles(1, levels))


@dataclass
class Wrapper:
    """Changes the forecasts of a local forecaster, which is asked for levels of its own."""

    component: LocalForecaster
    levels: tuple[float, ...]
    change: Callable[[Forecast], Forecast]

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return self.change(self.component.predict(replace(contexts, quantile_levels=self.levels)))


class TestWrappers:
    def test_the_levels_of_a_component_become_those_of_the_task(self) -> None:
        wrapper = Wrapper(Differing(NINE, NINE), (0.2, 0.4, 0.6, 0.8), lambda forecast: forecast)

        run = evaluate(wrapper, task_of(0.1, 0.5, 0.6), PANEL)

        assert run.results is not None
        forecast = run.results.forecast
        assert forecast.quantile_levels == (0.5, 0.6)
        np.testing.assert_allclose(forecast.quantile(0.5), 3.0)
        assert "quantiles of level 0.5 are interpolated between those that the forecaster gives" in run.notes
        assert run.unsupported["WQL"].startswith("the forecaster gives levels 0.2 to 0.8 and the task asks for 0.1; ")

    def test_quantiles_that_a_wrapper_reverses_are_refused(self) -> None:
        wrapper = Wrapper(Differing(NINE, NINE), NINE, lambda forecast: forecast.mapped(lambda values: -values))

        run = evaluate(wrapper, task_of(*NINE), PANEL)

        assert run.status is Status.INVALID
        assert "return them in the order of their levels" in run.reason

    def test_crossings_of_a_component_are_counted_once(self) -> None:
        class Crosses(LocalForecaster):
            def predict_series(self, context: Context) -> Forecast:
                quantiles = normal_quantiles(1, NINE)
                quantiles[0, 0, 0, [3, 4]] = quantiles[0, 0, 0, [4, 3]]
                return Forecast.quantiles_only(NINE, quantiles)

        direct = evaluate(Crosses(), task_of(*NINE), PANEL)
        wrapped = evaluate(Wrapper(Crosses(), NINE, lambda forecast: forecast), task_of(*NINE), PANEL)

        assert any(f"sorted: {100 / 16:.2g} % of" in note for note in direct.notes)
        assert wrapped.notes == direct.notes

    @given(st.integers(0, 2**32 - 1), st.sampled_from([(0.1, 0.5, 0.7), (0.5,), (0.05, 0.3, 0.9), (), (0.1, 0.9)]))
    def test_a_conformed_forecast_stays_the_same(self, seed: int, levels: tuple[float, ...]) -> None:
        quantiles = np.random.default_rng(seed).normal(size=(5, 3, 2, 4))
        once, wrong = conformed(Forecast.quantiles_only((0.1, 0.3, 0.5, 0.8), quantiles), levels)

        twice, none = conformed(once.without(np.array(sorted(wrong), dtype=int)), levels)

        assert none == {}
        assert (twice.origins, twice.quantile_levels) == (once.origins, once.quantile_levels)
        kept = [i for i in range(5) if i not in wrong]
        for name in ("mean", "median"):
            np.testing.assert_array_equal(getattr(twice, name)[kept], getattr(once, name)[kept])
        if once.quantiles is not None:
            np.testing.assert_array_equal(twice.quantiles[kept], once.quantiles[kept])


class TestCrossings:
    def test_small_crossings_are_sorted_with_a_note(self) -> None:
        def result(windows: int) -> Forecast:
            quantiles = normal_quantiles(windows, NINE)
            quantiles[0, 0, 0, [3, 4]] = quantiles[0, 0, 0, [4, 3]]
            return Forecast.quantiles_only(NINE, quantiles)

        run = run_of(result, *NINE)

        assert run.status is Status.COMPLETED
        assert run.window_failures == ()
        assert run.results is not None
        np.testing.assert_allclose(run.results.forecast.quantiles[0, 0, 0], 3 + stats.norm.ppf(NINE))
        np.testing.assert_allclose(run.results.forecast.median, 3.0)
        (note,) = [note for note in run.notes if "crossed" in note]
        size = -stats.norm.ppf(0.4)
        assert note == (
            f"quantiles crossed and were sorted: {100 / 64:.2g} % of the pairs of neighbouring levels, "
            f"by at most {size:.3g}"
        )

    def test_the_rounding_of_float32_is_sorted_without_a_note(self) -> None:
        def result(windows: int) -> Forecast:
            quantiles = normal_quantiles(windows, NINE, size=0.0)
            quantiles[..., 4] -= 1e-7
            return Forecast.quantiles_only(NINE, quantiles)

        run = run_of(result, *NINE)

        assert run.window_failures == ()
        assert not any("crossed" in note for note in run.notes)

    def test_the_rounding_of_float16_costs_no_window(self) -> None:
        rng = np.random.default_rng(0)

        def result(windows: int) -> Forecast:
            noise = 1 + 4e-4 * rng.uniform(-1, 1, (windows, 2, 1, 9))
            return Forecast.quantiles_only(NINE, (1000 * noise).astype(np.float16))

        run = evaluate(Says(result), task_of(*NINE), PANEL, audited_windows=0)

        assert run.window_failures == ()

    @pytest.mark.parametrize(
        ("level", "levels"), [(0.0, NINE), (1e3, NINE), (1e6, NINE), (0.0, (0.1, 0.5, 0.9)), (1e3, (0.1, 0.5, 0.9))]
    )
    def test_levels_in_reverse_order_are_refused(self, level: float, levels: tuple[float, ...]) -> None:
        run = run_of(lambda n: Forecast.quantiles_only(levels, level + normal_quantiles(n, levels)[..., ::-1]), *levels)

        assert run.status is Status.INVALID
        assert "return them in the order of their levels" in run.reason

    def test_a_small_target_is_judged_by_its_own_size(self) -> None:
        """Reversed quantiles of a target of size 1 beside one of size a million are no rounding."""
        levels = (0.1, 0.5, 0.9)
        quantiles = np.empty((1, 2, 2, 3))
        quantiles[:, :, 0], quantiles[:, :, 1] = [1e6, 2e6, 3e6], [1.2, 1.0, 0.8]

        wrong = conformed(Forecast.quantiles_only(levels, quantiles), levels)[1]

        assert list(wrong) == [0]

    @given(st.integers(0, 2**32 - 1))
    def test_sorted_quantiles_never_cross(self, seed: int) -> None:
        quantiles = np.random.default_rng(seed).normal(size=(5, 3, 2, 4))

        forecast, wrong = conformed(Forecast.quantiles_only((0.1, 0.3, 0.5, 0.8), quantiles), (0.1, 0.5, 0.7))

        assert (np.diff(forecast.quantiles, axis=-1) >= 0).all()
        assert set(wrong) <= set(range(5))
        expected = np.sort(quantiles, axis=-1)
        np.testing.assert_array_equal(forecast.quantile(0.5), expected[..., 2])
        np.testing.assert_array_equal(forecast.median, expected[..., 2])


class TestTypes:
    @pytest.mark.parametrize(
        "convert",
        [
            lambda array: torch.from_numpy(array).requires_grad_(),
            lambda array: torch.from_numpy(array).to(torch.bfloat16),
            lambda array: torch.from_numpy(array).half(),
            lambda array: array.astype(np.float16),
            lambda array: array.astype(int),
            lambda array: array.tolist(),
        ],
        ids=["with gradient", "bfloat16", "half", "float16", "int", "list"],
    )
    def test_numbers_of_models_are_converted(self, convert: Callable[[Any], Any]) -> None:
        values = np.broadcast_to([1.0, 2.0, 4.0], (*SHAPE, 3)).copy()

        forecast = Forecast(convert(values[..., 0]), (0.1, 0.5, 0.9), convert(values), convert(values[..., 1]))

        np.testing.assert_array_equal(forecast.quantiles, values)
        np.testing.assert_array_equal(forecast.mean, 1.0)
        np.testing.assert_array_equal(forecast.median, 2.0)

    @pytest.mark.parametrize(
        "convert",
        [
            lambda array: torch.from_numpy(array).requires_grad_(),
            lambda array: torch.from_numpy(array).to(torch.bfloat16),
            pd.DataFrame,
            lambda array: pd.DataFrame(array).astype("Float64"),
            lambda array: pytest.importorskip("polars").DataFrame(array),
            lambda array: pytest.importorskip("pyarrow").table({"y": array[:, 0]}),
        ],
        ids=["with gradient", "bfloat16", "pandas", "nullable", "polars", "arrow"],
    )
    def test_a_series_may_be_forecast_by_a_tensor_or_a_table(self, convert: Callable[[Any], Any]) -> None:
        class Converts(LocalForecaster):
            def predict_series(self, context: Context) -> Any:
                return convert(np.array([[1.0], [2.0]]))

        forecast = predict_and_check(Converts(), backtest(task_of(), PANEL).windows.contexts)

        assert forecast.mean[:, :, 0].tolist() == 4 * [[1.0, 2.0]]

    def test_anything_else_is_named(self) -> None:
        with pytest.raises(InvalidForecast, match="the mean must be an array of floats, not generator"):
            Forecast.point(value for value in (1.0, 2.0))  # type: ignore[arg-type]
