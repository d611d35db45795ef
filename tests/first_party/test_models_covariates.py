"""Forecasters that use covariates: against statsmodels, and on series whose law is known."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from harness import Channel, Floats, Forecast, Panel, RollingOrigin, Task
from harness.tasks.folds import Fold, backtest
from harness_models.arima import Arima

FIRST = 84  # the cutoff of the fit
LEVELS = (0.5, 0.9)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The oracles warn as they please; that our own calls do not is held by test_models_contract."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def regressed(length: int = 120, season: int = 6) -> tuple[Floats, Floats]:
    """A target (length,) with ARIMA errors, and its two known covariates (length, 2)."""
    rng = np.random.default_rng(3)
    known = np.column_stack([rng.random(length) < 0.3, 20 + 5 * rng.normal(size=length)]).astype(float)
    walk = rng.normal(size=length).cumsum() / 2
    return 40 + walk + 4 * known[:, 0] - 0.5 * known[:, 1] + rng.normal(size=length), known


def fold_of(target: Floats, known: Floats, names: tuple[str, ...] = ("promotion", "price"), **protocol: Any) -> Fold:
    channels = [Channel("sales"), *(Channel(name, "known covariate") for name in names)]
    panel = Panel.of([np.column_stack([target, known])], season_length=6, channels=channels)
    rolling = RollingOrigin(**{"horizon": 5, "first_cutoff": FIRST, "stride": 9} | protocol)
    return next(backtest(Task("sales", rolling, quantile_levels=LEVELS), panel).folds())


def run(forecaster: Any, fold: Fold) -> Forecast:
    forecaster.fit(fold.train)
    forecaster.fit_contexts(fold.windows.contexts)
    return forecaster.predict(fold.windows.contexts)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"order": (2, 0, 0)},
        {"order": (1, 0, 1), "trend": "ct"},
        {"order": (1, 0, 0), "seasonal_order": (0, 1, 1)},
    ],
)
@pytest.mark.parametrize("gap", [0, 2])
def test_arima_with_known_covariates_forecasts_what_sarimax_does_with_its_parameters(
    settings: dict[str, Any], gap: int
) -> None:
    target, known = regressed()
    target[[10, 11, 40, 90]] = np.nan
    fold = fold_of(target, known, gap=gap)
    forecaster = Arima(**settings)

    forecast = run(forecaster, fold)

    (state,) = forecaster.states_["0"]
    columns = (known - known[:FIRST].mean(axis=0)) / known[:FIRST].std(axis=0)
    order, trend = settings.get("order", (1, 1, 1)), settings.get("trend", "n" if order_differences(settings) else "c")
    seasonal = (*settings["seasonal_order"], 6) if "seasonal_order" in settings else (0, 0, 0, 0)
    powers = np.arange(1, 121)[:, None] ** np.array({"n": [], "c": [0], "ct": [0, 1]}[trend])
    every = np.column_stack([powers, columns])
    count = powers.shape[1]
    parameters = np.concatenate([state.parameters[:count], state.regression.coefficients, state.parameters[count:]])
    for i, cutoff in enumerate(fold.windows.cutoffs):
        model = SARIMAX(target[:cutoff], every[:cutoff], order=order, seasonal_order=seasonal, trend="n")
        expected = model.filter(parameters).get_forecast(gap + 5, exog=every[cutoff : cutoff + gap + 5])
        np.testing.assert_allclose(forecast.mean[i, :, 0], expected.predicted_mean[gap:], rtol=1e-5)
        widths = forecast.quantile(0.9)[i, :, 0] - forecast.mean[i, :, 0]
        np.testing.assert_allclose(widths / 1.2815515655446004, expected.se_mean[gap:], rtol=1e-5)


def order_differences(settings: dict[str, Any]) -> int:
    return int(settings.get("order", (1, 1, 1))[1] + settings.get("seasonal_order", (0, 0, 0))[1])


def test_the_parameters_of_a_regression_with_arima_errors_are_those_of_maximum_likelihood() -> None:
    target, known = regressed()
    forecaster = Arima(order=(1, 1, 1))

    run(forecaster, fold_of(target, known))

    (state,) = forecaster.states_["0"]
    columns = (known[:FIRST] - known[:FIRST].mean(axis=0)) / known[:FIRST].std(axis=0)
    expected = SARIMAX(target[:FIRST], columns, order=(1, 1, 1)).fit(disp=False)
    np.testing.assert_allclose(state.regression.coefficients, expected.params[:2], atol=0.01)
    assert state.parameter_count == len(expected.params)


def test_arima_leaves_out_known_covariates_without_an_effect_of_their_own() -> None:
    target, known = regressed()
    season = np.tile([0.0, 0, 0, 0, 1, 1], 20)  # removed by the seasonal difference
    columns = np.column_stack([known, np.full(120, 7.0), 3 - 2 * known.sum(axis=1), season])
    names = ("promotion", "price", "constant", "sum", "weekend")
    settings: dict[str, Any] = {"order": (1, 0, 0), "seasonal_order": (0, 1, 1)}
    forecaster = Arima(**settings)

    forecast = run(forecaster, fold_of(target, columns, names))

    assert forecaster.states_["0"][0].regression.regressors.left_out == ("constant", "sum", "weekend")
    assert [remark.split("'")[1] for remark in forecaster.remarks_] == ["constant", "sum", "weekend"]
    np.testing.assert_allclose(forecast.mean, run(Arima(**settings), fold_of(target, known)).mean, rtol=1e-9)


def test_arima_replaces_missing_known_covariates_by_their_means() -> None:
    target, known = regressed()
    filled, known[86:88, 1] = known.copy(), np.nan
    filled[86:88, 1] = known[:FIRST, 1].mean()
    forecaster = Arima()

    forecast = run(forecaster, fold_of(target, known))

    np.testing.assert_allclose(forecast.mean, run(Arima(), fold_of(target, filled)).mean, rtol=1e-12)
    assert forecaster.remarks_ == [
        "known covariates of steps to forecast are missing in 1 series: the means of the training data are used"
    ]
