"""The statistical forecasters against statsmodels itself, fitted and continued the slow way."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from statsmodels.datasets import sunspots
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel

from harness import (
    Contexts,
    FittedLocalForecaster,
    Floats,
    Forecast,
    Generation,
    Panel,
    RollingOrigin,
    SeriesSplit,
    Task,
    TrainingData,
)
from harness.tasks.folds import Fold, backtest
from harness_models.arima import Arima
from harness_models.auto_arima import AutoArima
from harness_models.autoreg import AutoRegression, FittedAutoRegression
from harness_models.ets import Ets, FittedEts
from harness_models.smoothing import Components, SmoothingParameters, smooth
from harness_models.theta import Theta

LEVELS = (0.5, 0.9)
FIRST = 84  # the cutoff of the fit
MISSING = [10, 11, 12, 40, 90, 99, 100]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The oracles warn as they please; that our own calls do not is held by test_models_contract."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def seasonal_walk(length: int = 120, season: int = 6) -> Floats:
    rng = np.random.default_rng(3)
    time = np.arange(length)
    return 40 + rng.normal(size=length).cumsum() / 2 + 4 * np.sin(2 * np.pi * time / season) + rng.normal(size=length)


def fold_of(*series: Floats, levels: tuple[float, ...] = (), **protocol: Any) -> Fold:
    panel = Panel.of(series, season_length=6)
    rolling = RollingOrigin(**{"horizon": 5, "first_cutoff": FIRST, "stride": 9} | protocol)
    return next(backtest(Task("walk", rolling, quantile_levels=levels), panel).folds())


def run(forecaster: FittedLocalForecaster, fold: Fold) -> Forecast:
    forecaster.fit(fold.train)
    forecaster.fit_contexts(fold.windows.contexts)
    return forecaster.predict(fold.windows.contexts)


def deviations(forecast: Forecast) -> Floats:
    return (forecast.quantile(0.9) - forecast.mean)[:, :, 0] / NormalDist().inv_cdf(0.9)


ARIMAS: list[dict[str, Any]] = [
    {},
    {"order": (2, 0, 0)},
    {"order": (2, 0, 1), "trend": "ct"},
    {"order": (0, 1, 1), "trend": "t"},
    {"order": (1, 0, 0), "seasonal_order": (1, 1, 0)},
    {"order": (0, 1, 1), "seasonal_order": (0, 0, 1, 4), "enforce_invertibility": False},
]


@pytest.mark.parametrize("settings", ARIMAS)
@pytest.mark.parametrize("missing", [[], MISSING])
@pytest.mark.parametrize("gap", [0, 2])
def test_arima_forecasts_what_statsmodels_does_at_every_cutoff(
    settings: dict[str, Any], missing: list[int], gap: int
) -> None:
    values = seasonal_walk()
    values[missing] = np.nan
    fold = fold_of(values, gap=gap, levels=LEVELS)

    forecast = run(Arima(**settings), fold)

    season = settings.get("seasonal_order", (0, 0, 0))
    oracle = {
        "order": (1, 1, 1),
        **settings,
        "seasonal_order": season if len(season) == 4 else (*season, 6 if any(season) else 0),
    }
    results = ARIMA(values[:FIRST], **oracle).fit(cov_type="none")
    for i, cutoff in enumerate(fold.windows.cutoffs):
        expected = results.apply(values[:cutoff]).get_forecast(gap + 5)
        np.testing.assert_allclose(forecast.mean[i, :, 0], expected.predicted_mean[gap:], atol=1e-8)
        np.testing.assert_allclose(deviations(forecast)[i], expected.se_mean[gap:], atol=1e-8)


@pytest.mark.parametrize("settings", ARIMAS)
def test_arima_filters_clipped_contexts_one_by_one(settings: dict[str, Any]) -> None:
    values = seasonal_walk()
    fold = fold_of(values, max_context=50)
    forecaster = Arima(**settings)

    forecast = run(forecaster, fold)

    (state,) = forecaster.states_["0"]
    for i, cutoff in enumerate(fold.windows.cutoffs):
        shown = np.append(values[cutoff - 50 : cutoff], np.full(5, np.nan))  # forecast() forgets where time began
        expected = state.specification.model(shown, first=int(cutoff) - 50).filter(state.parameters).fittedvalues[50:]
        np.testing.assert_allclose(forecast.mean[i, :, 0], expected, atol=1e-8)


@pytest.mark.parametrize("settings", ARIMAS)
@pytest.mark.parametrize("levels", [(), LEVELS])
def test_arima_filters_a_long_series_in_parts(
    settings: dict[str, Any], levels: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = seasonal_walk(length=420)
    fold = fold_of(values, levels=levels, stride=4)
    whole = run(Arima(**settings), fold)

    monkeypatch.setattr("harness_models.arima.STATE_VALUES", 0)  # then a part has 100 observations

    parts = run(Arima(**settings), fold)
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-10)
    if levels:
        np.testing.assert_allclose(deviations(parts), deviations(whole), rtol=1e-8)


def test_time_of_an_arima_trend_begins_with_the_training_data() -> None:
    values = 3.0 * np.arange(120) + np.random.default_rng(0).normal(size=120)
    protocol = {"train_length": 50, "max_context": 30}

    forecast = run(Arima(order=(0, 0, 0), trend="ct"), fold_of(values, **protocol))

    np.testing.assert_allclose(forecast.mean[:, :, 0], fold_of(values, **protocol).windows.actuals[:, :, 0], atol=4)


def test_arima_says_how_many_observations_it_needs() -> None:
    fold = fold_of(np.arange(12.0), first_cutoff=4)
    forecaster = Arima(order=(3, 0, 0))
    forecaster.fit(fold.train)
    forecaster.fit_contexts(fold.windows.contexts)

    assert str(forecaster.states_["0"]) == (
        "an ARIMA model of this order needs 6 observations to be fitted to; series '0' has 4"
    )


def test_auto_arima_finds_the_differences_and_the_order_of_a_random_walk() -> None:
    walk = np.random.default_rng(1).normal(size=300).cumsum() * 1e5
    forecaster = AutoArima()

    run(forecaster, fold_of(walk, first_cutoff=290))

    (state,) = forecaster.states_["0"]
    assert state.specification.order[1] == 1
    assert state.specification.seasonal_order[1] == 0


def test_auto_arima_takes_the_least_aicc_of_its_grid() -> None:
    noise = np.random.default_rng(2).normal(size=302)
    values = np.empty(300)
    values[:2] = 0
    for t in range(2, 300):
        values[t] = 0.6 * values[t - 1] + 0.3 * values[t - 2] + noise[t] + 0.01
    forecaster = AutoArima(max_p=2, max_q=1, max_order=2, max_d=0, seasonal=False)

    run(forecaster, fold_of(values, first_cutoff=290))

    (state,) = forecaster.states_["0"]
    tried = [
        (ARIMA(values[:290], order=(p, 0, q), trend=trend).fit(cov_type="none").aicc, (p, 0, q), trend)
        for p, q in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
        for trend in ("c", "n")
    ]
    assert (state.specification.order, state.specification.trend) == min(tried)[1:]


def test_auto_arima_sees_a_strong_season() -> None:
    forecaster = AutoArima(max_p=1, max_q=1)

    forecast = run(forecaster, fold_of(seasonal_walk(season=6)))

    (state,) = forecaster.states_["0"]
    assert state.specification.seasonal_order[1:] in {(1, 0, 6), (1, 1, 6)}
    assert np.isfinite(forecast.mean).all()


def test_auto_arima_knows_the_drift_of_a_scaled_line() -> None:
    values = 1e4 * (np.arange(120) + np.random.default_rng(0).normal(size=120).cumsum() / 5)
    fold = fold_of(values, max_context=40)

    forecast = run(AutoArima(seasonal=False, max_p=1, max_q=1), fold)

    slopes = np.diff(forecast.mean[:, :, 0], axis=1)
    np.testing.assert_allclose(slopes, 1e4, rtol=0.2)


def test_auto_arima_continues_a_constant() -> None:
    forecast = run(AutoArima(), fold_of(np.full(120, 7.0), levels=LEVELS))

    np.testing.assert_allclose(forecast.mean, 7.0)
    np.testing.assert_allclose(forecast.quantile(0.9), 7.0, rtol=1e-4)


def test_auto_arima_of_the_sunspots_beats_repeating_the_last_year() -> None:
    values = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    fold = fold_of(values, first_cutoff=250, horizon=5)

    forecast = run(AutoArima(seasonal=False, max_order=3), fold)

    last = values[fold.windows.cutoffs - 1][:, None]
    naive = np.abs(fold.windows.actuals[:, :, 0] - last).mean()
    assert np.abs(fold.windows.actuals - forecast.mean).mean() < 0.75 * naive


@pytest.mark.parametrize("seasonal", [False, True])
@pytest.mark.parametrize("gap", [0, 3])
def test_autoreg_is_the_autoregression_of_statsmodels(seasonal: bool, gap: int) -> None:
    series = [seasonal_walk(), seasonal_walk()[:112] ** 2]
    fold = fold_of(*series, gap=gap, levels=LEVELS)

    forecast = run(AutoRegression(lags=2, seasonal=seasonal), fold)

    lags = [1, 2, 6, 7, 8] if seasonal else [1, 2]
    for i, (number, cutoff) in enumerate(zip(fold.windows.series, fold.windows.cutoffs, strict=True)):
        fit = AutoReg(series[number][:FIRST], lags, trend="c").fit()
        model = AutoReg(series[number][:cutoff], lags, trend="c")
        expected = model.predict(fit.params, start=cutoff, end=cutoff + gap + 4)
        np.testing.assert_allclose(forecast.mean[i, :, 0], expected[gap:], rtol=1e-10)
        deviation = fit.get_prediction(FIRST, FIRST + gap + 4).se_mean[gap:]
        np.testing.assert_allclose(deviations(forecast)[i], deviation, rtol=1e-8)


def test_autoreg_continues_noise_free_cosines_for_ever() -> None:
    rng = np.random.default_rng(5)
    time = np.arange(1000)
    waves = [rng.uniform(0.5, 1.5) * np.cos(10 / 99 * time + rng.uniform(0, 2 * np.pi)) for _ in range(30)]
    task = Task("cosines", Generation(warm_up=100, horizon=900), SeriesSplit(1))
    fold = next(backtest(task, Panel.of(waves)).folds())

    forecast = run(AutoRegression(lags=2, trend="n"), fold)

    assert ((forecast.mean - fold.windows.actuals) ** 2).mean() < 1e-20


def recursion(state: FittedAutoRegression, past: Floats, ahead: int) -> Floats:
    """What follows one past (lag, target), value by value, (ahead, target)."""
    values = list(past)
    for _ in range(ahead):
        lagged = np.array(values[::-1][: state.longest_lag]).T  # (target, lag)
        values.append(state.constants + (state.weights * lagged).sum(axis=1))
    return np.array(values[len(past) :])


def test_an_autoregression_of_any_kind_is_continued_by_products() -> None:
    rng = np.random.default_rng(7)
    explosive, waving = np.array([0.5, 0.0, 0.0, 0.6]), np.array([1.9, -1.0, 0.0, 0.0])
    state = FittedAutoRegression(np.array([0.3, 0.0]), np.stack([explosive, waving]), np.ones(2))
    past = rng.normal(size=(3, 4, 2))

    continued = state.forecast(past, 150)

    for one, values in zip(past, continued, strict=True):
        np.testing.assert_allclose(values, recursion(state, one, 150), rtol=1e-9, atol=1e-9)


def test_autoreg_of_series_with_lags_of_their_own_is_that_of_each_alone() -> None:
    fold = fold_of(
        seasonal_walk(), seasonal_walk()[:24], seasonal_walk()[:110], levels=LEVELS, horizon=6, first_cutoff=-10
    )
    forecaster = AutoRegression()

    together = run(forecaster, fold)

    contexts = fold.windows.contexts
    assert len({state.longest_lag for state in forecaster.states_.values()}) == 2
    for i in range(len(contexts)):
        alone = forecaster.predict(contexts.take(np.array([i])))
        expected = recursion(forecaster.states_[contexts.ids[i]], contexts.take(np.array([i])).last_targets(8)[0], 6)
        np.testing.assert_allclose(together.mean[i], expected, rtol=1e-10)
        np.testing.assert_allclose(alone.mean[0], expected, rtol=1e-10)
        np.testing.assert_allclose(deviations(alone)[0], deviations(together)[i], rtol=1e-10)


@pytest.mark.parametrize("others", [(), (1,)])
def test_autoreg_does_not_mind_what_is_missing_where_it_does_not_look(others: tuple[int, ...]) -> None:
    values = seasonal_walk()
    holed = values.copy()
    holed[100 - 4] = np.nan  # lags of 1, 2, 6, 7 and 8 meet it first at the third step
    forecaster = AutoRegression()
    forecaster.fit(TrainingData(Panel.of([values[:FIRST]] * 2, season_length=6), None, 5, season_length=6))
    series, cutoffs = np.array([0, *others]), np.full(1 + len(others), 100)

    of_holed, of_whole = (
        forecaster.predict(Contexts(Panel.of([each, values]), series, cutoffs, 5, season_length=6)).mean[0, :, 0]
        for each in (holed, values)
    )

    np.testing.assert_allclose(of_holed[:2], of_whole[:2], rtol=1e-12)
    assert np.isnan(of_holed[2:]).all()


def test_autoreg_says_so_where_contexts_are_shorter_than_its_lags() -> None:
    fold = fold_of(seasonal_walk(), max_context=5)

    with pytest.raises(Exception, match="needs contexts of 8 observations"):
        run(AutoRegression(), fold)


def test_autoreg_of_a_series_that_is_too_short_leaves_the_others_alone() -> None:
    fold = fold_of(seasonal_walk(), np.arange(9.0), first_cutoff=-5)

    with pytest.raises(Exception, match="1 of 2 windows failed; the first: an autoregression on 2 lags") as caught:
        run(AutoRegression(), fold)

    assert np.isfinite(caught.value.forecast.mean[0]).all()  # type: ignore[attr-defined]


ETS: list[dict[str, Any]] = [
    {"trend": None, "seasonal": None},
    {"trend": "add", "damped_trend": False, "seasonal": None},
    {"trend": "add", "damped_trend": True, "seasonal": "add"},
    {"trend": None, "seasonal": "mul"},
    {"error": "mul", "trend": "add", "damped_trend": True, "seasonal": "mul"},
]


def continued(state: FittedEts, values: Floats, form: dict[str, Any]) -> Any:
    """What statsmodels makes of values with the parameters and the initial states of a fitted series."""
    seasonal = form["seasonal"] is not None
    model = ETSModel(
        values,
        **form,
        seasonal_periods=6 if seasonal else None,
        initialization_method="known",
        initial_level=state.before.level[0],
        initial_trend=state.before.slope[0] if form["trend"] else None,
        initial_seasonal=state.before.seasons[0] if seasonal else None,
    )
    known = state.parameters
    parameters = {
        "smoothing_level": known.level,
        "smoothing_trend": known.slope,
        "smoothing_seasonal": known.season,
        "damping_trend": known.damping,
    }
    return model.smooth(np.array([parameters[name] for name in model.param_names]))


@pytest.mark.parametrize("settings", ETS)
def test_ets_forecasts_what_statsmodels_does_at_every_cutoff(settings: dict[str, Any]) -> None:
    values = seasonal_walk()
    fold = fold_of(values, levels=LEVELS)
    forecaster = Ets(**{"error": "add"} | settings)

    forecast = run(forecaster, fold)

    (state,) = forecaster.states_["0"]
    form = {"error": "add", "damped_trend": False} | settings
    fit = ETSModel(values[:FIRST], **form, seasonal_periods=6 if settings["seasonal"] else None).fit(disp=False)
    assert continued(state, values[:FIRST], form).llf > fit.llf - 0.05
    for i, cutoff in enumerate(fold.windows.cutoffs):
        expected = continued(state, values[:cutoff], form).forecast(5)
        np.testing.assert_allclose(forecast.mean[i, :, 0], expected, rtol=1e-9)
    results = continued(state, values[:FIRST], form)
    if state.multiplicative_errors or settings["seasonal"] == "mul":
        paths = results.simulate(5, anchor="end", repetitions=20_000, rng=0)
        expected = np.quantile(paths, 0.9, axis=1) - forecast.mean[0, :, 0]
        np.testing.assert_allclose((forecast.quantile(0.9) - forecast.mean)[0, :, 0], expected, rtol=0.05)
    else:
        variance = results.mse * results._relative_forecast_variance(np.arange(1, 6))
        np.testing.assert_allclose(deviations(forecast)[0], np.sqrt(variance), rtol=1e-8)


@pytest.mark.parametrize("levels", [(), LEVELS])
def test_ets_takes_the_least_aicc(levels: tuple[float, ...]) -> None:
    values = np.exp(seasonal_walk() / 10)
    forecaster = Ets()

    run(forecaster, fold_of(values, levels=levels))

    tried = {}
    for trend in (None, "add"):
        for error, seasonal in (("add", None), ("mul", None), ("add", "add"), ("mul", "add"), ("mul", "mul")):
            form = {"error": error, "trend": trend, "damped_trend": trend is not None, "seasonal": seasonal}
            fit = ETSModel(values[:FIRST], **form, seasonal_periods=6 if seasonal else None).fit(disp=False)
            tried[fit.aicc] = (error == "mul", seasonal == "mul", fit.smoothing_level)
    errors, seasonal, level = tried[min(tried)]
    (state,) = forecaster.states_["0"]
    assert (state.multiplicative_errors, state.parameters.multiplicative) == (errors, seasonal)
    assert errors
    np.testing.assert_allclose(state.parameters.level, level, atol=0.01)


def test_ets_starts_anew_where_the_beginning_is_hidden() -> None:
    values = 10.0 * np.tile([1, 5, 2, 8, 3, 4], 20) + 2 * np.arange(120)
    fold = fold_of(values, max_context=20, stride=5)

    forecast = run(Ets(trend="add", damped_trend=False, seasonal="add"), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, rtol=1e-3)


def test_a_multiplicative_season_does_not_mind_what_comes_later() -> None:
    values = seasonal_walk()
    settings: dict[str, Any] = {"trend": "add", "seasonal": "mul"}
    truth = run(Ets(**settings), fold_of(values))
    values[FIRST:] = -1.0

    again = run(Ets(**settings), fold_of(values))

    np.testing.assert_array_equal(again.mean[0], truth.mean[0])


@pytest.mark.parametrize("lift", [0.0, -60.0])
def test_theta_forecasts_what_statsmodels_does(lift: float) -> None:
    values = seasonal_walk() + lift
    fold = fold_of(values)

    forecast = run(Theta(), fold)

    expected = ThetaModel(values[:FIRST], period=6).fit().forecast(5)
    np.testing.assert_allclose(forecast.mean[0, :, 0], expected, rtol=1e-10)


def test_theta_is_carried_by_its_smoothing() -> None:
    values = seasonal_walk()
    fold = fold_of(values, levels=LEVELS)
    forecaster = Theta(deseasonalise=False)

    forecast = run(forecaster, fold)

    (state,) = forecaster.states_["0"]
    alpha, slope, level, errors = state.alpha, state.slope, values[0], []
    for t, value in enumerate(values[: fold.windows.cutoffs[-1]]):
        if 0 < t < FIRST:
            errors.append(value - level - slope / 2 * (1 - (1 - alpha) ** t) / alpha)
        level = alpha * value + (1 - alpha) * level
    seen = int(fold.windows.cutoffs[-1])
    expected = level + slope / 2 * (np.arange(5) + (1 - (1 - alpha) ** seen) / alpha)
    np.testing.assert_allclose(forecast.mean[-1, :, 0], expected, rtol=1e-10)
    sigma = np.sqrt(np.mean(np.square(errors)))
    np.testing.assert_allclose(deviations(forecast)[-1], sigma * np.sqrt(1 + np.arange(5) * alpha**2), rtol=1e-8)


@pytest.mark.parametrize(
    "protocol", [{"max_context": 32}, {"train_length": 50}, {"train_length": 50, "max_context": 32}]
)
def test_theta_keeps_the_phase_of_its_season(protocol: dict[str, Any]) -> None:
    values = 100.0 + np.tile([0.0, 10.0, 0.0, -10.0, 5.0, -5.0], 20)
    fold = fold_of(values, **protocol)

    forecast = run(Theta(), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=0.5)


def test_theta_finds_its_phase_by_the_calendar() -> None:
    values = 100.0 + np.tile([0.0, 10.0, 0.0, -10.0, 5.0, -5.0], 20)
    panel = Panel.of([values], season_length=6, start="2001-03-01", freq="MS")
    protocol = RollingOrigin(horizon=5, first_cutoff=FIRST, stride=7, train_length=50, max_context=32)
    fold = next(backtest(Task("monthly", protocol), panel).folds())

    forecast = run(Theta(), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=0.5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Arima(order=(1, 1)), "order is three counts"),
        (lambda: Arima(seasonal_order=(1,)), "seasonal_order is"),
        (lambda: Arima(trend="up"), "trend is"),
        (lambda: AutoArima(max_p=-1), "max_p must be at least 0, not -1"),
        (lambda: AutoArima(truncate=3), "truncate must be at least 20"),
        (lambda: AutoRegression(lags=0), "lags must be at least 1, not 0"),
        (lambda: AutoRegression(trend="ct"), "trend is 'n' or 'c'"),
        (lambda: Ets(error="none"), "error is"),
        (lambda: Ets(trend="mul"), "trend is"),
        (lambda: Ets(seasonal="yes"), "seasonal is"),
        (lambda: Theta(theta=0.5), "theta must be at least 1"),
    ],
)
def test_senseless_parameters_are_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("multiplicative", [False, True])
def test_smoothing_one_past_gives_what_smoothing_many_does(multiplicative: bool) -> None:
    values = np.random.default_rng(0).uniform(1, 2, size=(3, 40))
    weights = SmoothingParameters(level=0.3, slope=0.1, season=0.2, damping=0.9, multiplicative=multiplicative)
    start = Components(np.ones(3), np.zeros(3), np.ones((3, 4)))

    many = smooth(values, weights, start)
    one = smooth(values[1:2], weights, Components(np.ones(1), np.zeros(1), np.ones((1, 4))))

    for name in ("level", "slope", "seasons"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name)[1:2])


def test_smoothing_one_past_may_divide_by_zero() -> None:
    weights = SmoothingParameters(level=1.0, multiplicative=True)

    found = smooth(np.zeros((1, 3)), weights, Components(np.ones(1), np.zeros(1), np.ones((1, 1))))

    np.testing.assert_array_equal(found.level, [[1.0, 0.0, np.nan, np.nan]])
