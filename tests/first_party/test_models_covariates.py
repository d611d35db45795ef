"""Forecasters that use covariates: against statsmodels, and on series whose law is known."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from statsmodels.tsa.statespace.sarimax import SARIMAX

from harness import Channel, Contexts, Floats, Forecast, Panel, RollingOrigin, Task, TrainingData, Vintages
from harness.tasks.folds import Fold, backtest
from harness.tasks.training import Rows as PartRows
from harness_models.arima import Arima
from harness_models.lag_features import Encoding, Lags, forecast_rows, training_rows
from harness_models.neural.covariates import CovariateFeatures, RowFeatures, available_inputs
from harness_models.neural.direct import Cnn, Dense, IidDense
from harness_models.neural.examples import Batch, Rows, Shape, training_examples
from harness_models.neural.learner import NetworkForecaster
from harness_models.neural.recurrent import Gru, Lstm
from harness_models.neural.scaling import Scaler
from harness_models.tabular import RidgeRegression

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
        "where known covariates of steps to forecast are missing, in 1 series, the means of the training data are used"
    ]


def rich_panel(lengths: tuple[int, ...] = (60, 47, 52)) -> Panel:
    """Series with all kinds of covariates, whose values tell their channel, series and row."""
    rng = np.random.default_rng(11)
    channels = [
        Channel("late", "past covariate", delay=3),
        Channel("price", "known covariate"),
        Channel("sales"),
        Channel("weather", "known covariate", certain=False),
        Channel("soon", "past covariate"),
    ]
    vintages = [(np.arange(1, length + 1), rng.normal(size=(length, 4))) for length in lengths]
    return Panel.of(
        [rng.normal(size=(length, 5)).cumsum(axis=0) for length in lengths],
        channels=channels,
        static={"shop": ["a", "b", "a"][: len(lengths)], "size": [1.0, 5.0, 2.0][: len(lengths)]},
        vintages={"weather": Vintages.of(vintages)},
        season_length=4,
    )


def test_rows_of_training_are_those_of_forecasts_at_the_same_cutoffs() -> None:
    panel, lags = rich_panel(), Lags(5, past=2, known=3)
    encoding = Encoding.of(panel.static)

    rows = training_rows(panel, encoding, lags, np.array([2, 3]), 10**6)

    assert rows is not None
    counts = panel.lengths - 8 + 1
    cutoffs = np.concatenate([5 + np.arange(count) for count in counts])
    series = np.repeat(np.arange(3), counts)
    asked = forecast_rows(Contexts(panel, series, cutoffs, horizon=3), encoding, lags)
    np.testing.assert_array_equal(rows.series, asked.series)
    np.testing.assert_array_equal(rows.lags, asked.lags)
    np.testing.assert_array_equal(rows.other, asked.other)
    np.testing.assert_array_equal(rows.known, asked.known[:, [1, 2]])
    first = panel.values[:8]
    late = first[[0, 1], 0]  # the last two values before row 5 that are known with a delay of 3
    np.testing.assert_array_equal(rows.other[0], [*late, *first[2:5, 1], *first[2:5, 3], *first[3:5, 4], 1, 0, 1])


def test_a_row_has_no_covariates_from_before_its_series() -> None:
    panel = rich_panel()

    rows = training_rows(panel, Encoding.of({}), Lags(1, past=2), np.array([1]), 10**6)

    assert rows is not None
    firsts = np.flatnonzero(np.diff(rows.series, prepend=-1))
    assert np.isnan(rows.other[firsts, :3]).all()  # both late ones, and the one two rows before the cutoff
    np.testing.assert_array_equal(rows.other[firsts, 3], panel.values[panel.offsets[:-1], 4])


def test_numbers_of_lags_are_not_negative() -> None:
    for name in ("past_lags", "known_lags"):
        with pytest.raises(ValueError, match=f"{name} must be at least 0"):
            RidgeRegression(**{name: -1})


def test_lags_of_known_covariates_move_with_the_step() -> None:
    values = np.column_stack([np.arange(7.0), 10 + np.arange(7), 20 + np.arange(7)])
    channels = [Channel("y"), *(Channel(name, "known covariate") for name in "ab")]
    panel, lags = Panel.of([values], channels=channels), Lags(2, moving_known=2)

    asked = forecast_rows(Contexts(panel, np.array([0]), np.array([4]), horizon=3), Encoding.of({}), lags)
    rows = training_rows(panel, Encoding.of({}), lags, np.array([1]), 10**6)

    np.testing.assert_array_equal(asked.known[0, 0], [12, 13, 14, 22, 23, 24])
    np.testing.assert_array_equal(asked.known[0, 2], [14, 15, 16, 24, 25, 26])
    assert rows is not None
    assert asked.other.shape[1] == rows.other.shape[1] == 0
    np.testing.assert_array_equal(rows.known[2, 0], asked.known[0, 0])  # the row of the same cutoff


def test_recursive_regression_with_lags_of_known_covariates_is_the_optimal_forecast() -> None:
    """y = 10 + 5 x + u, where u is an autoregression: its mean is 10 + 5 x + 0.7^h u."""
    rng = np.random.default_rng(2)
    x = np.repeat(rng.random(1000) < 0.3, 6).astype(float)
    u = np.zeros(len(x))
    for i in range(1, len(x)):
        u[i] = 0.7 * u[i - 1] + 0.2 * rng.normal()
    y = 10 + 5 * x + u
    fold = fold_of(y, x[:, None], names=("promotion",), horizon=12, first_cutoff=5000, stride=17)
    cutoffs = fold.windows.contexts.cutoffs[:, None]
    steps = np.arange(12)
    optimum = 10 + 5 * x[cutoffs + steps] + 0.7 ** (1 + steps) * u[cutoffs - 1]

    errors = {}
    for known_lags in (0, 3):
        forecaster = RidgeRegression(lags=3, scale="none", known_lags=known_lags)
        forecaster.fit(fold.train)
        errors[known_lags] = np.abs(forecaster.predict(fold.windows.contexts).mean[..., 0] - optimum).max()

    assert errors[3] < 0.1
    assert errors[0] > 5 * errors[3]  # the effect of x on the lags is taken for that of u


def test_a_promotion_of_days_moves_the_forecast_by_its_effect() -> None:
    rng = np.random.default_rng(0)
    hours = np.arange(1200)
    promotion = np.repeat(rng.random(100) < 0.2, 12).astype(float)
    sales = 100 + 30 * np.sin(2 * np.pi * hours / 24) + 40 * promotion + 5 * rng.normal(size=1200)
    fold = fold_of(sales, promotion[:, None], names=("promotion",), horizon=24, first_cutoff=900, stride=24)
    mase = {}

    for known_lags in (0, 48):
        forecaster = RidgeRegression(lags=48, known_lags=known_lags)
        forecaster.fit(fold.train)
        mase[known_lags] = np.abs(forecaster.predict(fold.windows.contexts).mean - fold.windows.actuals).mean()

    assert mase[48] < 0.6 * mase[0]


def batch_and_contexts(every: bool, gap: int, validation: int) -> tuple[Batch, Floats, Floats]:
    """All training or validation windows, and the inputs and features of the contexts at their cutoffs."""
    panel = rich_panel()
    borders = panel.lengths - validation
    before, after = PartRows(panel, 0 * borders, borders), PartRows(panel, borders, panel.lengths)
    train = TrainingData(before, after if validation else None, horizon=3, gap=gap)
    features = CovariateFeatures.of(panel)
    rows = Rows.of(train, 0.0)
    scaler = Scaler(np.zeros(5), np.ones(5), (2,))
    shape = Shape(6, gap, 3, every=every)
    table = RowFeatures.of(features, train, (rows.values, rows.offsets), torch.device("cpu"))
    parts = training_examples(rows, scaler, shape, torch.float64, torch.device("cpu"), table)
    part = parts[1] if validation else parts[0]
    batch = part.batch(torch.arange(len(part)))
    ends = part.starts.numpy() + 6
    series = np.searchsorted(rows.offsets, ends, side="left") - 1
    contexts = Contexts(panel, series, ends - rows.offsets[series], horizon=3, gap=gap)
    return batch, np.nan_to_num(available_inputs(contexts, 6)), features.of_contexts(contexts)


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("validation", [0, 15])
def test_a_network_is_trained_on_the_features_that_contexts_have(gap: int, validation: int) -> None:
    batch, inputs, features = batch_and_contexts(False, gap, validation)

    assert batch.covariates is not None
    np.testing.assert_allclose(batch.covariates.numpy(), features, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(batch.inputs.numpy(), inputs)


def test_outputs_after_every_row_have_the_features_of_that_row() -> None:
    batch, _, features = batch_and_contexts(True, 0, 0)
    last, _, _ = batch_and_contexts(False, 0, 0)

    assert batch.covariates is not None
    assert last.covariates is not None
    np.testing.assert_allclose(batch.covariates[:, -1].numpy(), features, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(batch.covariates[1, -2].numpy(), last.covariates[0].numpy())


@pytest.mark.parametrize("forecaster", [Dense(hidden=8), Cnn(filters=8), Lstm(hidden=8), Gru(hidden=8), IidDense()])
def test_covariates_add_only_weights_of_the_head(forecaster: NetworkForecaster) -> None:
    """Known covariates and static ones are features of the head: as many weights as outputs for each of them."""
    counts = []
    for covariates in (("late", "soon", "price", "weather"), ("late", "soon", "price", "weather", "shop", "size")):
        task = Task("rich", RollingOrigin(3, gap=1, windows=2), covariates=covariates)
        fold = next(backtest(task, rich_panel((60, 60, 60))).folds())
        trained = replace(forecaster, iterations=2)
        trained.fit(fold.train)
        counts.append(trained.parameter_count)

    assert counts[1] - counts[0] == 3 * 3  # three outputs, and three columns of static covariates


@pytest.mark.parametrize(
    "forecaster", [Dense(), Lstm(scale="training", target="level", linear_path=False, learn_from="every")]
)
def test_covariates_that_are_constant_in_training_change_nothing(forecaster: NetworkForecaster) -> None:
    rng = np.random.default_rng(2)
    series = [rng.normal(size=60).cumsum() for _ in range(3)]
    task = Task("walk", RollingOrigin(3, windows=2))
    forecasts = []
    for static in ({}, {"part": ["training"] * 3}):
        fold = next(backtest(task, Panel.of(series, static=static)).folds())
        trained = replace(forecaster, iterations=10)
        trained.fit(fold.train)
        forecasts.append(trained.predict(fold.windows.contexts).mean)

    np.testing.assert_array_equal(*forecasts)


def test_a_network_learns_the_effects_of_covariates() -> None:
    """With the price, whose variance is 1, only the noise of variance 0.01 is left; without it, the price is too."""
    rng = np.random.default_rng(4)
    known, level = rng.normal(size=(8, 200)), rng.normal(size=8)
    sales = known + level[:, None] + 0.1 * rng.normal(size=(8, 200))
    panel = Panel.of(
        [np.column_stack(pair) for pair in zip(sales, known, strict=True)],
        channels=[Channel("sales"), Channel("price", "known covariate")],
        static={"level": level.tolist()},
    )
    errors = {}
    for covariates in (None, ("level",)):
        task = Task("sales", RollingOrigin(4, windows=5), covariates=covariates)
        fold = next(backtest(task, panel).folds())
        forecaster = IidDense(head="mean", learning_rate=0.01, iterations=800)
        forecaster.fit(fold.train)
        forecast = forecaster.predict(fold.windows.contexts).mean
        errors[covariates] = float(np.mean((forecast - fold.windows.actuals) ** 2))

    assert errors[None] < 0.05
    assert errors["level",] > 0.5


@pytest.mark.parametrize("covariates", [(), ("late", "soon")])
def test_without_known_and_static_covariates_a_network_has_only_backbone_and_head(covariates: tuple[str, ...]) -> None:
    task = Task("rich", RollingOrigin(3, windows=2), covariates=covariates)
    fold = next(backtest(task, rich_panel()).folds())
    forecaster = Dense(lookback=6, hidden=8, iterations=2, linear_path=False)

    forecaster.fit(fold.train)

    inputs = 6 * (1 + len(covariates))
    assert forecaster.parameter_count == (inputs + 1) * 8 + (8 + 1) * 3
    assert "covariates.weight" not in forecaster.network_.state_dict()
