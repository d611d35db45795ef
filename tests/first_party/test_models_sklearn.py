"""The regressors of scikit-learn on lags: the list, and the same forecasts as scikit-learn on the same table."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import LinearRegression
from sklearn.utils import all_estimators

from harness import Panel, RollingOrigin, Status, Task, evaluate
from harness.errors import BadParameter
from harness.plugins.checks.contracts import check_forecaster
from harness_models import harness_forecasters
from harness_models.sklearn_names import LEFT_OUT, REGRESSORS, STOCHASTIC

SPECS = {spec.name: spec for spec in harness_forecasters()}
WAVE = 10 + np.sin(np.arange(120) / 3) + np.random.default_rng(0).normal(0, 0.1, 120)
TASK = Task("wave", RollingOrigin(6, windows=3))


def made(name: str, **parameters):
    return SPECS[f"sklearn:{name}"].make(parameters)


@pytest.fixture(scope="module")
def library() -> dict[str, type]:
    return dict(all_estimators("regressor"))


def test_all_regressors_of_the_library_are_listed(library: dict[str, type]) -> None:
    assert {*REGRESSORS, *LEFT_OUT} == set(library)
    assert all(library[name].__module__.startswith(module) for name, module in REGRESSORS.items())


def test_those_that_are_stochastic_take_a_random_state(library: dict[str, type]) -> None:
    assert all("random_state" in inspect.signature(library[name]).parameters for name in STOCHASTIC)


@pytest.mark.parametrize("name", ["ElasticNet", "DecisionTreeRegressor", "KNeighborsRegressor", "MultiTaskLasso"])
def test_contract(name: str) -> None:
    assert [result for result in check_forecaster(SPECS[f"sklearn:{name}"]) if not result.passed] == []


def test_forecasts_are_those_of_the_regressor_on_a_table_of_lags() -> None:
    run = evaluate(made("LinearRegression", lags=4, scale="none"), TASK, Panel.of([WAVE]))

    first = len(WAVE) - 18
    table = sliding_window_view(WAVE[:first], 5)
    model = LinearRegression().fit(table[:, :4], table[:, 4])
    values = list(WAVE[:first])
    for _ in range(6):
        values.append(model.predict(np.array([values[-4:]]))[0])
    window = int(np.argmin(run.results.cutoffs))
    np.testing.assert_allclose(run.results.forecast.mean[window, :, 0], values[first:], rtol=1e-9)


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi-output"])
def test_a_regressor_of_one_output_has_all_strategies(strategy: str) -> None:
    run = evaluate(made("BayesianRidge", strategy=strategy), TASK, Panel.of([WAVE]))

    assert run.status is Status.COMPLETED
    assert run.scores["MAE"] < 0.3


def test_hyperparameters_are_those_of_the_regressor() -> None:
    forecaster = made("RandomForestRegressor", n_estimators=5, max_depth=2)

    estimator = forecaster.regressor(1).estimator

    assert (estimator.n_estimators, estimator.max_depth, estimator.random_state) == (5, 2, 0)
    with pytest.raises(BadParameter, match="n_estimator"):
        made("RandomForestRegressor", n_estimator=5)


def test_a_regressor_that_refuses_the_data_fails_with_its_reason() -> None:
    run = evaluate(made("GammaRegressor"), TASK, Panel.of([WAVE]))

    assert run.status is Status.FAILED
    assert "out of the valid range of the loss" in run.reason
