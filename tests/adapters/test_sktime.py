"""The adapter of sktime: the same forecasts as the library's own backtest, its contract, and `to_sktime`."""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from hourly import HORIZON, SEASON, WINDOWS, backtest, cpu_seconds, failed_checks, hourly

import harness
from harness import Panel, RollingOrigin, Status, Task
from harness.errors import BadParameter, UnknownName

pytest.importorskip("sktime")
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.trend import TrendForecaster
from sktime.registry import all_estimators
from sktime.split import ExpandingWindowSplitter
from sktime.utils.estimator_checks import check_estimator

from harness.api.sktime_forecaster import HarnessForecaster
from harness_sktime import harness_forecasters
from harness_sktime.names import FORECASTERS, LEFT_OUT, LETTERS, MODULES_OF_OTHERS, REQUIREMENTS

pytestmark = pytest.mark.filterwarnings("ignore")
SPECS = {spec.name: spec for spec in harness_forecasters()}


def made(name: str, **parameters):
    return SPECS[f"sktime:{name}"].make(parameters)


def library_forecasts(forecaster, values, strategy: str = "refit") -> list:
    """The forecasts of sktime's `evaluate` on the last windows of a series."""
    first = len(values) - WINDOWS * HORIZON
    windows = ExpandingWindowSplitter(fh=range(1, HORIZON + 1), initial_window=first, step_length=HORIZON)
    y = pd.Series(values, index=pd.RangeIndex(len(values)))
    found = evaluate(forecaster, windows, y, strategy=strategy, return_data=True, error_score="raise")
    return list(found["y_pred"])


WITH_SKTIME = {"joblib", "numpy", "pandas", "scikit-learn", "scipy", "setuptools"}


def _soft_dependencies(cls) -> set[str]:
    """The distributions that the tag of a forecaster names, of alternatives the last one."""
    stated = cls.get_class_tag("python_dependencies") or []
    requirements = (
        [stated] if isinstance(stated, str) else [part if isinstance(part, str) else part[-1] for part in stated]
    )
    names = {re.match(r"[\w.-]+", requirement)[0].replace("pytorch-", "pytorch_") for requirement in requirements}
    return names - WITH_SKTIME


LIBRARY = dict(all_estimators("forecaster", suppress_import_stdout=True))


class TestList:
    def test_all_forecasters_of_the_library_are_listed(self) -> None:
        listed = {name: cls.__module__ for name, cls in LIBRARY.items() if name not in LEFT_OUT}

        assert listed == FORECASTERS
        assert not LEFT_OUT.keys() - LIBRARY.keys()

    def test_the_other_libraries_that_they_need_are_stated(self) -> None:
        wanted = {name: _soft_dependencies(LIBRARY[name]) for name in FORECASTERS}
        stated = {name: set(MODULES_OF_OTHERS.get(name, ())) for name in FORECASTERS}
        for name, requirement in REQUIREMENTS.items():
            stated[name] = stated[name] - {MODULES_OF_OTHERS[name][0]} | {requirement}
        wanted["BaggingForecaster"].add("skpro")  # for quantiles

        assert stated == wanted

    def test_what_they_can_do_is_stated(self) -> None:
        wrong = []
        for name in FORECASTERS:
            cls = LIBRARY[name]
            parameters = inspect.signature(cls).parameters
            quantiles, takes = cls.get_class_tag("capability:pred_int"), cls.get_class_tag("capability:exogenous")
            required = "r" in LETTERS[name]
            if not required:
                with suppress(Exception):  # that cannot be made with its defaults alone
                    quantiles = cls().get_tag("capability:pred_int")
            stated = "".join(
                letter
                for letter, holds in (
                    ("q", quantiles),
                    ("x", takes),
                    ("s", "random_state" in parameters or "seed" in parameters),
                    ("r", required),
                )
                if holds
            )
            wrong += [(name, stated, LETTERS[name])] * (stated != LETTERS[name])

        assert wrong == []


@pytest.mark.parametrize("name", ["Croston", "DummyGlobalForecaster", "TrendForecaster"])
def test_contract(name: str) -> None:
    assert failed_checks(SPECS[f"sktime:{name}"]) == []


@pytest.mark.parametrize("strategy", ["refit", "no-update_params"])
def test_forecasts_are_those_of_evaluate(strategy: str) -> None:
    series = hourly()
    run = backtest(made("NaiveForecaster", strategy="mean", cutoff_strategy=strategy), series)

    assert run.status is Status.COMPLETED
    for i, values in enumerate(series.values()):
        own = np.flatnonzero(run.results.series == i)
        ours = run.results.forecast.mean[own[np.argsort(run.results.cutoffs[own])], :, 0]
        theirs = library_forecasts(NaiveForecaster(strategy="mean", sp=SEASON), values, strategy)
        np.testing.assert_allclose(ours, np.stack([np.ravel(part) for part in theirs]), rtol=1e-6)


def test_the_adapter_adds_less_than_a_twentieth_to_the_time_of_the_library() -> None:
    series = hourly(5)

    library, adapter = cpu_seconds(
        lambda: [library_forecasts(TrendForecaster(), values) for values in series.values()],
        lambda: backtest(made("TrendForecaster"), series),
    )

    assert adapter < 1.05 * library


def test_quantiles_are_those_of_the_library() -> None:
    values = 10 + np.random.default_rng(0).normal(size=120)
    run = backtest(made("NaiveForecaster", sp=1), {"a": values}, levels=(0.1, 0.9))
    first = len(values) - WINDOWS * HORIZON
    own = NaiveForecaster().fit(pd.Series(values[:first]), fh=range(1, HORIZON + 1))

    window = int(np.argmin(run.results.cutoffs))
    np.testing.assert_allclose(
        run.results.forecast.quantiles[window, :, 0], own.predict_quantiles(alpha=[0.1, 0.9]), rtol=1e-6
    )


def test_an_estimator_is_given_as_a_table() -> None:
    parts = {"forecasters": [["a", {"estimator": "NaiveForecaster"}], ["b", {"estimator": "TrendForecaster"}]]}

    run = backtest(made("EnsembleForecaster", **parts), {"a": np.arange(200.0)})

    assert run.status is Status.COMPLETED


def test_estimators_are_given_within_tables() -> None:
    parts = {"smooth": {"estimator": "NaiveForecaster"}}

    run = backtest(made("GroupbyCategoryForecaster", forecasters=parts), {"a": np.arange(1.0, 200)})

    assert run.status is Status.COMPLETED, run.reason


def test_the_quantile_at_one_half_is_the_point_forecast() -> None:
    walks = np.random.default_rng(0).normal(size=(80, 2)).cumsum(axis=0)
    (channel,) = Panel.of([[1.0]]).channels
    panel = Panel.of([walks], channels=[channel, replace(channel, name="second")])
    task = Task("x", RollingOrigin(2, windows=2), quantile_levels=(0.1, 0.5, 0.9))

    run = harness.evaluate(made("VECM"), task, panel)  # whose intervals may not be empty

    assert run.status is Status.COMPLETED, run.reason
    forecast = run.results.forecast
    np.testing.assert_array_equal(forecast.quantile(0.5), forecast.mean)


@pytest.mark.parametrize("freq", ["MS", "YS"])
def test_a_reduction_takes_months_and_years(freq: str) -> None:
    ridge = {"estimator": "sklearn.linear_model:Ridge"}
    forecaster = made("RecursiveReductionForecaster", estimator=ridge, window_length=5)
    panel = Panel.of([np.sin(np.arange(60.0))], start="1950-01-01", freq=freq, season_length=4)

    run = harness.evaluate(forecaster, Task("x", RollingOrigin(2, windows=2)), panel)

    assert run.status is Status.COMPLETED, run.reason


class TestFailures:
    @pytest.mark.skipif(find_spec("pmdarima") is not None, reason="pmdarima is installed")
    def test_a_soft_dependency_is_shown(self) -> None:
        run = backtest(made("AutoARIMA"), {"a": np.arange(200.0)})

        assert "pmdarima" in run.reason

    def test_parameters_are_refused(self) -> None:
        with pytest.raises(BadParameter, match="stategy"):
            made("NaiveForecaster", stategy="mean")
        with pytest.raises(BadParameter, match="cutoff_strategy is one of"):
            made("NaiveForecaster", cutoff_strategy="never")


class TestToSktime:
    def test_the_tests_of_sktime_pass(self) -> None:
        results = check_estimator(HarnessForecaster, verbose=False)

        assert {name: result for name, result in results.items() if result != "PASSED"} == {}

    def test_forecasts_are_those_of_harness(self) -> None:
        (values,) = hourly(1).values()
        run = backtest(harness_spec("theta").make({}), {"a": values})
        window = int(np.argmin(run.results.cutoffs))
        y = pd.Series(values[: int(run.results.cutoffs[window])])

        predicted = harness.to_sktime("theta", season_length=SEASON).fit(y, fh=range(1, HORIZON + 1)).predict()

        np.testing.assert_allclose(predicted, run.results.forecast.mean[window, :, 0], rtol=1e-9)

    def test_names_and_hyperparameters_are_checked(self) -> None:
        with pytest.raises(UnknownName, match="thet"):
            harness.to_sktime("thet")
        with pytest.raises(BadParameter, match="alphas"):
            harness.to_sktime("ridge", alphas=1)


def harness_spec(name: str):
    from harness.plugins.installed import installed_catalog

    return installed_catalog().forecasters[name].spec
