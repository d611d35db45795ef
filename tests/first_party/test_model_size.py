"""The sizes of the first-party models that are networks or estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from presets import PRESETS
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor
from statsmodels.tsa.api import ARIMA
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from torch import nn

from harness import Channel, Floats, ForecasterSpec, Panel, RollingOrigin, Task, evaluate
from harness.evaluation.model_size import ModelSize, model_size
from harness_models import estimators, harness_forecasters
from harness_models.neural.parameters import NetworkParameters

SPECS = {spec.name: spec for spec in harness_forecasters() if ":" not in spec.name}
TASK = Task("waves", RollingOrigin(horizon=3, windows=1))
WAVES = Panel.of([np.sin(np.arange(80.0))], season_length=6)


NOISE = Panel.of([np.random.default_rng(0).normal(size=80)], season_length=6)


def fitted(name: str, panel: Panel = WAVES, **parameters: Any) -> Any:
    forecaster = SPECS[name].make(parameters, 0)
    evaluate(forecaster, TASK, panel)
    return forecaster


def test_a_network_counts_its_weights_and_not_the_scaler() -> None:
    forecaster = fitted("dense", lookback=4, hidden=5, iterations=1)

    weights = (4 * 5 + 5) + (5 * 3 + 3) + (4 * 3 + 3)  # a hidden layer, the output layer, and the linear path
    assert model_size(forecaster) == ModelSize(weights, 4 * weights)


def test_a_free_running_network_counts_its_weights_and_not_the_scale() -> None:
    forecaster = fitted("free-dense", lags=4, hidden=5, teach_iterations=1, stretch_evaluations=0, finish_evaluations=0)

    weights = (4 * 5 + 5) + (5 + 1)
    assert model_size(forecaster) == ModelSize(weights, 8 * weights)


def test_ridge_counts_coefficients_and_the_intercept() -> None:
    assert model_size(fitted("ridge", lags=7)) == ModelSize(7 + 1, 8 * 8)
    assert model_size(fitted("ridge", lags=7, strategy="direct")) == ModelSize(3 * 8, 8 * 3 * 8)


def test_an_autoregression_counts_the_lags_in_use() -> None:
    constant, lags, variance = 1, 2 + 3, 1  # 1, 2 and 6, 7, 8

    assert model_size(fitted("autoreg", NOISE)).parameters == constant + lags + variance
    assert model_size(fitted("autoreg", NOISE, trend="n", seasonal=False)).parameters == 2 + variance


def seasonal_walk(season: int, length: int, size: float = 8.0) -> Floats:
    time = np.arange(length)
    return 60 + np.random.default_rng(1).normal(size=length).cumsum() + size * np.sin(2 * np.pi * time / season)


WALK = seasonal_walk(6, 83)
TRAINING = WALK[:-3]
SEASONAL = Panel.of([WALK], season_length=6)


@pytest.mark.parametrize("trend", [None, "n", "ct"])
@pytest.mark.parametrize(
    ("order", "seasonal_order"), [((1, 1, 1), (0, 0, 0)), ((2, 0, 1), (0, 0, 0)), ((1, 0, 0), (1, 0, 1))]
)
@pytest.mark.filterwarnings("ignore")  # one iteration does not converge
def test_arima_counts_the_parameters_of_statsmodels(
    order: tuple[int, int, int], seasonal_order: tuple[int, int, int], trend: str | None
) -> None:
    if trend == "ct" and order[1]:
        trend = "t"  # a constant vanishes in the differences
    seasonal = (*seasonal_order, 6 if any(seasonal_order) else 0)
    fit = ARIMA(TRAINING, order=order, seasonal_order=seasonal, trend=trend).fit(
        cov_type="none", method_kwargs={"maxiter": 1, "disp": False}
    )

    forecaster = fitted("arima", SEASONAL, order=order, seasonal_order=seasonal_order, trend=trend)

    assert model_size(forecaster) == ModelSize(len(fit.params), 8 * len(fit.params))


@pytest.mark.parametrize("seasonal", [None, "add", "mul"])
@pytest.mark.parametrize(("trend", "damped"), [(None, False), ("add", False), ("add", True)])
@pytest.mark.filterwarnings("ignore")  # one iteration does not converge
def test_ets_counts_the_parameters_of_statsmodels(trend: str | None, damped: bool, seasonal: str | None) -> None:
    fit = ETSModel(
        TRAINING,
        error="mul",
        trend=trend,
        damped_trend=damped,
        seasonal=seasonal,
        seasonal_periods=6 if seasonal else None,
    ).fit(disp=False, maxiter=1)

    forecaster = fitted("ets", SEASONAL, error="mul", trend=trend, damped_trend=damped, seasonal=seasonal)

    assert model_size(forecaster) == ModelSize(len(fit.params), 8 * len(fit.params))


@pytest.mark.parametrize("season_length", [6, 1])
def test_theta_counts_the_parameters_of_statsmodels_and_the_seasonal_indices(season_length: int) -> None:
    fit = ThetaModel(TRAINING, period=6, deseasonalize=season_length > 1).fit()
    indices = np.unique(fit.forecast_components(12)["seasonal"])

    count = len(fit.params) + (len(indices) if season_length > 1 else 0)
    assert model_size(fitted("theta", Panel.of([WALK], season_length=season_length))) == ModelSize(count, 8 * count)


def test_theta_counts_no_indices_of_a_season_that_is_not_significant() -> None:
    assert model_size(fitted("theta", NOISE)).parameters == 2


@pytest.mark.parametrize("values", [WALK, np.random.default_rng(0).normal(size=80), np.arange(80.0)])
@pytest.mark.filterwarnings("ignore")  # one iteration does not converge
def test_auto_arima_counts_the_parameters_of_statsmodels(values: Floats) -> None:
    forecaster = fitted("auto-arima", Panel.of([values], season_length=6), max_p=1, max_q=1)
    (chosen,) = (state.specification for state in forecaster.fitted_states())

    fit = ARIMA(values[:-3], order=chosen.order, seasonal_order=chosen.seasonal_order, trend=chosen.trend).fit(
        cov_type="none", method_kwargs={"maxiter": 1, "disp": False}
    )
    assert model_size(forecaster) == ModelSize(len(fit.params), 8 * len(fit.params))


@pytest.mark.parametrize(("name", "count"), [("ets", 2), ("theta", 2), ("auto-arima", 1)])
def test_a_constant_series_has_the_parameters_of_the_simplest_model(name: str, count: int) -> None:
    assert model_size(fitted(name, Panel.of([np.full(80, 3.0)], season_length=1))).parameters == count


@pytest.mark.parametrize("name", ["arima", "auto-arima", "ets", "theta"])
def test_parameters_of_all_targets_of_all_series_that_were_fitted_are_counted(name: str) -> None:
    noise = np.random.default_rng(0).normal(size=(60, 2))
    small = {"max_p": 1, "max_q": 1} if name == "auto-arima" else {}
    channels = [Channel("a"), Channel("b")]
    each = [
        model_size(fitted(name, Panel.of([values], season_length=1), **small)).parameters
        for values in (*noise.T, *noise[::-1].T)
    ]

    missing = np.full_like(noise, np.nan)
    missing[-3:] = 0.0
    forecaster = fitted(name, Panel.of([noise, noise[::-1], missing], season_length=1, channels=channels), **small)

    assert model_size(forecaster).parameters == sum(count for count in each if count is not None)


@pytest.mark.parametrize(("name", "size"), [("ets", {}), ("auto-arima", {"max_p": 1, "max_q": 0})])
def test_indices_of_a_season_that_stl_removed_are_counted(name: str, size: dict[str, int]) -> None:
    panel = Panel.of([seasonal_walk(30, 130, 30.0)], season_length=30)

    forecaster = fitted(name, panel, **size)

    (state,) = forecaster.fitted_states()
    assert state.adjustment is not None
    assert model_size(forecaster).parameters in range(30 + 1, 30 + 7)


@pytest.mark.parametrize("name", ["ridge", "gradient-boosting", "free-dense"])
def test_quantiles_of_residuals_are_no_parameters(name: str) -> None:
    small = {"free-dense": {"teach_iterations": 1, "stretch_evaluations": 0, "finish_evaluations": 0}}.get(name, {})
    forecaster = SPECS[name].make(small, 0)

    evaluate(forecaster, replace(TASK, quantile_levels=(0.1, 0.9)), WAVES)

    assert model_size(forecaster) == model_size(fitted(name, **small))


@pytest.mark.parametrize("name", ["naive", "seasonal-naive", "drift", "mean"])
def test_a_naive_forecast_has_no_parameters(name: str) -> None:
    assert not model_size(fitted(name)).parameters


WEATHER = {
    "dense": 26_913,
    "cnn": 3_873,
    "lstm": 2_001,
    "lstm, recurrent dropout": 6_049,
    "stacked gru": 10_977,
    "bidirectional lstm": 4_001,
}


@pytest.mark.parametrize(("name", "count"), WEATHER.items(), ids=WEATHER)
def test_runs_of_the_weather_networks_say_the_parameters_of_the_textbook(name: str, count: int) -> None:
    channels = [Channel("y"), *(Channel(f"x{i}", "past covariate") for i in range(13))]
    panel = Panel.of([np.random.default_rng(0).normal(size=(200, 14))], channels=channels)
    forecaster = PRESETS[name].make(epochs=1, batch_size=8)

    run = evaluate(forecaster, Task("weather", RollingOrigin(horizon=1, windows=1)), panel)

    assert run.costs.parameters == count


def test_buffers_have_bytes_and_are_no_parameters() -> None:
    class Normalised(NetworkParameters):
        def fitted_network(self) -> nn.Module:
            return nn.BatchNorm1d(2)

    assert model_size(Normalised()) == ModelSize(4, 4 * 4 + 2 * 4 * 2 + 8)


def test_an_estimator_counts_what_it_learned() -> None:
    inputs, outputs = np.random.default_rng(0).normal(size=(50, 6)), np.arange(100.0).reshape(50, 2)

    assert estimators.parameter_count([Ridge().fit(inputs, outputs)]) == 6 * 2 + 2


@pytest.mark.parametrize("trees", [DecisionTreeRegressor(max_depth=3), HistGradientBoostingRegressor(max_iter=5)])
def test_trees_are_counted(trees) -> None:
    inputs = np.random.default_rng(0).normal(size=(100, 2))

    assert estimators.parameter_count([trees.fit(inputs[:60], inputs[:60, 0])]) > 20


def test_a_tree_has_two_values_for_each_split_and_one_for_each_leaf() -> None:
    step = np.arange(60) >= 20
    boosted = HistGradientBoostingRegressor(max_iter=1, max_leaf_nodes=2).fit(step[:, None], 1.0 * step)
    baseline = 1

    assert estimators.parameter_count([boosted]) == 2 + 2 + baseline


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi-output"])
def test_more_trees_are_more_parameters(strategy: str) -> None:
    few, many = (
        model_size(fitted("gradient-boosting", max_iter=count, strategy=strategy, min_samples_leaf=2))
        for count in (2, 4)
    )

    assert few.parameters is not None
    assert many.parameters is not None
    assert 0 < few.parameters < many.parameters


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_forecaster_that_is_not_fitted_has_no_size(spec: ForecasterSpec) -> None:
    assert model_size(spec.make({})) == ModelSize()
