"""The sizes of the first-party models that are networks or estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor
from torch import nn

from harness import Channel, ForecasterSpec, Panel, RollingOrigin, Task, evaluate
from harness.evaluation.model_size import ModelSize, model_size
from harness_models import estimators, harness_forecasters
from harness_models.neural.parameters import NetworkParameters
from harness_models.neural.presets import PRESETS

SPECS = {spec.name: spec for spec in harness_forecasters()}
TASK = Task("waves", RollingOrigin(horizon=3, windows=1))
WAVES = Panel.of([np.sin(np.arange(80.0))], season_length=6)


NOISE = Panel.of([np.random.default_rng(0).normal(size=80)], season_length=6)


def fitted(name: str, panel: Panel = WAVES, **parameters: Any) -> Any:
    forecaster = SPECS[name].make(parameters, 0)
    evaluate(forecaster, TASK, panel)
    return forecaster


def test_a_network_counts_its_weights_and_not_the_scaler() -> None:
    forecaster = fitted("dense", lookback=4, hidden=5, iterations=1)

    weights = (4 * 5 + 5) + (5 * 3 + 3)
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
