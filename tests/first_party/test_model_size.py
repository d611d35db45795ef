"""The sizes of the first-party models that are networks or estimators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor
from torch import nn

from harness import ForecasterSpec, Panel, RollingOrigin, Task, evaluate
from harness.evaluation.model_size import ModelSize, model_size
from harness_models import estimators, harness_forecasters
from harness_models.neural.parameters import NetworkParameters

SPECS = {spec.name: spec for spec in harness_forecasters()}
TASK = Task("waves", RollingOrigin(horizon=3, windows=1))
WAVES = Panel.of([np.sin(np.arange(80.0))], season_length=6)


def fitted(name: str, **parameters: Any) -> Any:
    forecaster = SPECS[name].make(parameters, 0)
    evaluate(forecaster, TASK, WAVES)
    return forecaster


def test_a_network_counts_its_weights_and_the_scaler() -> None:
    forecaster = fitted("dense", lookback=4, hidden=5, iterations=1)

    weights, scaler = (4 * 5 + 5) + (5 * 3 + 3), 2
    assert model_size(forecaster) == ModelSize(weights + scaler, 4 * weights + 8 * scaler)


def test_a_free_running_network_counts_its_weights_and_the_scale() -> None:
    forecaster = fitted("free-dense", lags=4, hidden=5, teach_iterations=1, stretch_evaluations=0, finish_evaluations=0)

    weights, scale = (4 * 5 + 5) + (5 + 1), 3
    assert model_size(forecaster) == ModelSize(weights + scale, 8 * (weights + scale))


def test_buffers_have_bytes_and_are_no_parameters() -> None:
    class Normalised(NetworkParameters):
        def learned_parameters(self) -> tuple[nn.Module, Iterable[float]]:
            return nn.BatchNorm1d(2), ()

    assert model_size(Normalised()) == ModelSize(4, 4 * 4 + 2 * 4 * 2 + 8)


def test_an_estimator_counts_what_it_learned() -> None:
    inputs, outputs = np.random.default_rng(0).normal(size=(50, 6)), np.arange(100.0).reshape(50, 2)

    assert estimators.parameter_count([Ridge().fit(inputs, outputs)]) == 6 * 2 + 2


@pytest.mark.parametrize("trees", [DecisionTreeRegressor(max_depth=3), HistGradientBoostingRegressor(max_iter=5)])
def test_trees_are_counted(trees) -> None:
    inputs = np.random.default_rng(0).normal(size=(100, 2))

    assert estimators.parameter_count([trees.fit(inputs[:60], inputs[:60, 0])]) > 20


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
