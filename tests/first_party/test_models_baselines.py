"""Dynamic optimised theta, Comb, MSTL and the median ensemble, against other implementations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from statsmodels.tsa.api import ETSModel
from statsmodels.tsa.seasonal import MSTL, seasonal_decompose

from harness import Floats, Forecast, Panel, PartialFailure, RollingOrigin, Task
from harness.tasks.folds import Fold, backtest
from harness_models.comb import Comb
from harness_models.dynamic_theta import DynamicOptimizedTheta
from harness_models.ensemble import MedianEnsemble
from harness_models.ets import Ets
from harness_models.ets_estimation import EtsForm, estimates
from harness_models.mstl import Mstl
from harness_models.naive import Drift, Naive, SeasonalNaive

LEVELS = (0.1, 0.5, 0.9)


def fold_of(values: Floats, horizon: int, season_length: int = 1, windows: int = 1) -> Fold:
    protocol = RollingOrigin(horizon=horizon, windows=windows)
    panel = Panel.of([values], season_length=season_length)
    return next(backtest(Task("series", protocol, quantile_levels=LEVELS), panel).folds())


def run(forecaster: Any, fold: Fold) -> Forecast:
    forecaster.fit(fold.train)
    if hasattr(forecaster, "fit_contexts"):
        forecaster.fit_contexts(fold.windows.contexts)
    forecast: Forecast = forecaster.predict(fold.windows.contexts)
    return forecast


def growth(length: int = 40) -> Floats:
    rng = np.random.default_rng(3)
    return 50 + np.arange(length) ** 1.3 + rng.normal(scale=4, size=length)


def hours(days: int = 28) -> Floats:
    rng, time = np.random.default_rng(2), np.arange(24 * days)
    week = 3 * np.sin(2 * np.pi * time / 168)
    return 100 + 10 * np.sin(2 * np.pi * time / 24) + week + rng.normal(scale=0.5, size=len(time))


def theta_recursion(parameters: Floats, y: Floats, horizon: int) -> tuple[float, list[float]]:
    """Equations 5 and 6 of Fiorucci et al. 2016, step by step: the squared errors from the fourth on, and forecasts."""
    level, alpha, theta = parameters
    weight, values = 1 - 1 / theta, list(y)
    level, mean, intercept, slope = alpha * y[0] + (1 - alpha) * level, y[0], y[0], 0.0
    squares, ahead = 0.0, []
    for t in range(2, len(y) + horizon + 1):
        expected = level + weight * ((1 - alpha) ** (t - 1) * intercept + (1 - (1 - alpha) ** t) / alpha * slope)
        if t <= len(y):
            value = values[t - 1]
            squares += (value - expected) ** 2 if t > 3 else 0.0
        else:
            value = expected
            ahead.append(expected)
        level = alpha * value + (1 - alpha) * level
        slope = ((t - 2) * slope + 6 * (value - mean) / t) / (t + 1)
        mean = ((t - 1) * mean + value) / t
        intercept = mean - (t + 1) / 2 * slope
    return float(squares), ahead


class TestDynamicOptimizedTheta:
    def test_forecasts_are_those_of_the_recursion_of_the_paper(self) -> None:
        fold = fold_of(growth(46), 6)
        forecaster = DynamicOptimizedTheta()

        forecast = run(forecaster, fold)

        (state,) = forecaster.states_["0"]
        parameters = np.array([state.initial_level, state.alpha, 1 / (1 - state.weight)])
        squares, ahead = theta_recursion(parameters, growth(46)[:40], 6)
        np.testing.assert_allclose(forecast.mean[0, :, 0], ahead, rtol=1e-9)
        assert state.variance == pytest.approx(squares / 37)

    def test_no_other_parameters_have_smaller_errors(self) -> None:
        y = growth()
        forecaster = DynamicOptimizedTheta()

        run(forecaster, fold_of(np.append(y, np.zeros(6)), 6))

        (state,) = forecaster.states_["0"]
        starts = [(y[0] / 2, 0.5, 2.0), (y[0], 0.2, 5.0), (y[0], 0.9, 1.2)]
        bounds = [(-1e4, 1e4), (0.1, 0.99), (1.0, 1e4)]
        others = [
            minimize(lambda x: theta_recursion(x, y, 0)[0], start, bounds=bounds, method="Nelder-Mead").fun
            for start in starts
        ]
        assert state.variance * 37 <= min(others) * (1 + 1e-6)

    def test_the_variance_is_that_of_simulated_paths(self) -> None:
        y = growth()
        forecaster = DynamicOptimizedTheta()
        run(forecaster, fold_of(np.append(y, np.zeros(6)), 6))
        (state,) = forecaster.states_["0"]
        states = state.states(y[None], np.array([state.initial_level]))
        at_end = {
            name: np.full(20_000, getattr(states, name)[0, -1]) for name in ("level", "mean", "intercept", "slope")
        }
        simulated = type(states)(np.full(20_000, len(y)), **at_end)
        rng, sd = np.random.default_rng(1), np.sqrt(state.variance)

        paths = []
        for _ in range(6):
            paths.append(simulated.expected(state.alpha, state.weight) + rng.normal(scale=sd, size=20_000))
            simulated = simulated.after(paths[-1], state.alpha)

        ratio = state.variance_growth(np.array([len(y)]), np.arange(1, 7))[0]
        np.testing.assert_allclose(np.var(paths, axis=1) / state.variance, ratio, rtol=0.05)


def test_comb_is_the_mean_of_three_models_of_statsmodels() -> None:
    y = growth(46)
    forms = [{"trend": None}, {"trend": "add"}, {"trend": "add", "damped_trend": True}]

    forecast = run(Comb(), fold_of(y, 6))

    scale = y[:40].std()
    fits = [ETSModel(y[:40] / scale, error="add", **form).fit(disp=False, maxiter=10_000) for form in forms]
    expected = scale * np.mean([fit.forecast(6) for fit in fits], axis=0)
    np.testing.assert_allclose(forecast.mean[0, :, 0], expected, rtol=0.02)
    assert (np.diff(forecast.quantiles[0, :, 0], axis=-1) > 0).all()  # type: ignore[index]


class TestMstl:
    @pytest.mark.parametrize("rest", ["dynamic-optimized-theta", "ets"])
    def test_seasons_are_those_of_statsmodels(self, rest: str) -> None:
        y = hours()
        forecaster = Mstl(rest=rest)

        forecast = run(forecaster, fold_of(y, 48, 24))

        history = y[:-48]
        parts = MSTL(history, periods=(24, 168), stl_kwargs={"seasonal_deg": 0}).fit().seasonal
        season = np.tile(parts[-24:, 0], 2) + parts[-168:-120, 1]
        level = forecast.mean[0, :, 0] - season
        np.testing.assert_allclose(np.diff(level), np.diff(level)[0], atol=0.05)  # a level or a trend
        assert np.abs(forecast.mean[0, :, 0] - y[-48:]).mean() < 1

    @pytest.mark.parametrize("rest", [DynamicOptimizedTheta(), Ets(seasonal=None)], ids=["theta", "ets"])
    def test_the_rest_is_that_of_seasons_that_change(self, rest: Any) -> None:
        time = np.arange(24 * 28)
        y = hours() + 8 * time / len(time) * np.sin(2 * np.pi * time / 24)  # the season of the day grows
        name = "ets" if isinstance(rest, Ets) else "dynamic-optimized-theta"

        forecast = run(Mstl(rest=name), fold_of(y, 48, 24))

        history = y[:-48]
        parts = MSTL(history, periods=(24, 168), stl_kwargs={"seasonal_deg": 0}).fit().seasonal
        plain = np.concatenate([history - parts.sum(axis=1), np.zeros(48)])
        season = np.tile(parts[-24:, 0], 2) + parts[-168:-120, 1]
        expected = run(rest, fold_of(plain, 48)).mean[0, :, 0] + season
        np.testing.assert_allclose(forecast.mean[0, :, 0], expected, rtol=1e-5)

    def test_a_season_of_which_there_are_not_two_is_left_out(self) -> None:
        forecaster = Mstl()

        run(forecaster, fold_of(hours(14)[: 300 + 24], 24, 24))

        (state,) = forecaster.states_["0"]
        assert [adjustment.season_length for adjustment in state.adjustments] == [24]

    @pytest.mark.parametrize("lengths", [[], [1], [24, 24]])
    def test_season_lengths_are_checked(self, lengths: list[int]) -> None:
        with pytest.raises(ValueError, match="season_lengths"):
            Mstl(season_lengths=lengths)


class TestMedianEnsemble:
    @pytest.mark.parametrize(("combination", "function"), [("median", np.median), ("mean", np.mean)])
    def test_forecasts_are_combined_level_by_level(self, combination: str, function: Any) -> None:
        fold = fold_of(growth(60), 4, 4, windows=3)
        parts = [run(forecaster, fold) for forecaster in (Naive(), Drift(), SeasonalNaive())]

        forecast = run(MedianEnsemble(["naive", "drift", "seasonal-naive"], combination), fold)

        np.testing.assert_allclose(forecast.mean, function([part.mean for part in parts], axis=0))
        quantiles = function([part.quantiles_of(LEVELS) for part in parts], axis=0)
        np.testing.assert_allclose(forecast.quantiles_of(LEVELS), quantiles)

    def test_components_may_have_hyperparameters(self) -> None:
        fold = fold_of(growth(60), 4)
        components: list[Any] = ["naive", {"name": "autoreg", "lags": 2}]

        assert len(run(MedianEnsemble(components), fold).mean) == 1
        with pytest.raises(ValueError, match="no component called 'nave'"):
            MedianEnsemble(["nave", "drift"])
        with pytest.raises(ValueError, match="autoreg"):
            MedianEnsemble(["naive", {"name": "autoreg", "lagz": 2}])

    def test_windows_on_which_a_component_fails_fail(self) -> None:
        fold = fold_of(np.arange(5.0), 2)

        with pytest.raises(PartialFailure, match="1 of 1 windows failed"):
            run(MedianEnsemble(["naive", "dynamic-optimized-theta"]), fold)


def test_initial_seasons_of_a_long_season_are_not_estimated() -> None:
    y = hours(20)
    form = EtsForm("add", "add", True, "add")

    (estimate,) = estimates(y / y.std(), 24, [form])

    indices = seasonal_decompose(y / y.std(), period=24).seasonal[:24]
    np.testing.assert_allclose(estimate.initial_seasons(24), indices)
    assert len(estimate.parameters) == 4 + 2 + 24
