"""Exponential smoothing: its optimum, its simulated quantiles; and seasons that models do not have."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.seasonal import STL

import harness_models
from harness import Channel, Floats, Forecast, Panel, RollingOrigin, Task, evaluate
from harness.tasks.folds import Fold, backtest
from harness_models import neural
from harness_models.auto_arima import AutoArima
from harness_models.ets import PATHS, Ets
from harness_models.ets_estimation import EtsForm, estimates
from harness_models.seasonal_adjustment import seasonal_adjustment
from harness_models.smoothing import (
    Components,
    SmoothingParameters,
    simulated_paths,
    standard_normal_errors,
    variance_growth,
)

SPECS = {spec.name: spec for spec in harness_models.harness_forecasters() if ":" not in spec.name}
STATISTICAL = ("arima", "auto-arima", "ets", "theta")
LEVELS = (0.1, 0.5, 0.9)
SMALL: dict[str, dict[str, Any]] = {
    "auto-arima": {"max_p": 1, "max_q": 1},
    "ridge": {"lags": 8},
    "gradient-boosting": {"lags": 8, "max_iter": 5},
}
FORMS = [
    EtsForm(error, trend, trend is not None, season)
    for season, trend, error in product((None, "add", "mul"), (None, "add"), ("add", "mul"))
]


def fold_of(values: Floats, first_cutoff: int, season_length: int = 1, levels: tuple[float, ...] = ()) -> Fold:
    protocol = RollingOrigin(horizon=8, first_cutoff=first_cutoff, stride=7)
    panel = Panel.of([values], season_length=season_length)
    return next(backtest(Task("series", protocol, quantile_levels=levels), panel).folds())


def run(forecaster: Any, fold: Fold) -> Forecast:
    forecaster.fit(fold.train)
    forecaster.fit_contexts(fold.windows.contexts)
    forecast: Forecast = forecaster.predict(fold.windows.contexts)
    return forecast


def sales() -> Floats:
    """A series whose noise and season grow with its level."""
    rng, time = np.random.default_rng(11), np.arange(120)
    level = 2000 * np.exp(rng.normal(scale=0.05, size=len(time)).cumsum())
    return level * (1.5 + np.sin(2 * np.pi * time / 4)) * np.exp(rng.normal(scale=0.1, size=len(time)))


def weeks(years: int = 7, noise: float = 0.3) -> Floats:
    """A season of 52 steps on a trend."""
    rng, time = np.random.default_rng(4), np.arange(52 * years)
    return 100 + 0.02 * time + 5 * np.sin(2 * np.pi * time / 52) ** 3 + rng.normal(scale=noise, size=len(time))


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_model_is_less_likely_than_one_nested_in_it(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = scale * (30 + rng.normal(size=60).cumsum() + 3 * np.tile([0, 1, 2, -3], 15))

    found = {estimate.form: estimate for estimate in estimates(values / values.std(), 4, FORMS)}

    assert len(found) == len(FORMS)
    for smaller, larger in product(found.values(), repeat=2):
        if larger.form.includes(smaller.form) and larger.form.error == smaller.form.error:
            assert larger.log_likelihood > smaller.log_likelihood - 0.01


def test_estimates_do_not_depend_on_the_unit() -> None:
    unit = 2.0**20
    fold, larger = fold_of(sales(), 96, 4, LEVELS), fold_of(unit * sales(), 96, 4, LEVELS)

    forecast, scaled = run(Ets(), fold), run(Ets(), larger)

    np.testing.assert_allclose(scaled.mean, unit * forecast.mean, rtol=1e-6)
    np.testing.assert_allclose(scaled.quantile(0.9), unit * forecast.quantile(0.9), rtol=1e-6)


def test_errors_that_grow_with_the_level_are_multiplicative() -> None:
    forecaster = Ets()
    fold = fold_of(sales(), 60, 4, (0.025, 0.975))

    forecast = run(forecaster, fold)

    (state,) = forecaster.states_["0"]
    assert state.multiplicative_errors
    width = (forecast.quantile(0.975) - forecast.quantile(0.025))[:, :, 0]
    assert np.corrcoef(width[:, 0], forecast.mean[:, 0, 0])[0, 1] > 0.9
    inside = (fold.windows.actuals >= forecast.quantile(0.025)) & (fold.windows.actuals <= forecast.quantile(0.975))
    assert 0.8 < inside.mean() <= 1


def test_simulated_paths_have_the_variance_of_the_formula() -> None:
    parameters = SmoothingParameters(level=0.4, slope=0.1, season=0.2, damping=0.9)
    start = Components(np.array([10.0]), np.array([0.5]), np.array([[1.0, -1.0, 0.0]]))
    errors = standard_normal_errors(9, PATHS)

    paths = simulated_paths(parameters, start, errors, multiplicative_errors=False)[:, 0]

    growth = variance_growth(parameters, 3, np.arange(1, 10))
    np.testing.assert_allclose(paths.std(axis=1), np.sqrt(growth), rtol=0.03)
    noiseless = simulated_paths(parameters, start, np.zeros((9, 1)), multiplicative_errors=False)[:, 0, 0]
    np.testing.assert_allclose(paths.mean(axis=1), noiseless, atol=1e-6)


def test_more_steps_have_the_same_first_random_numbers() -> None:
    np.testing.assert_array_equal(standard_normal_errors(3, 50), standard_normal_errors(7, 50)[:3])


@pytest.mark.parametrize("name", STATISTICAL)
def test_a_constant_is_continued(name: str) -> None:
    forecast = run(SPECS[name].make({}), fold_of(np.full(60, 7.0), 40, 4, LEVELS))

    np.testing.assert_allclose(forecast.mean, 7.0, rtol=1e-6)
    np.testing.assert_allclose(forecast.quantile(0.9), 7.0, rtol=1e-3)


@pytest.mark.parametrize("name", ["auto-arima", "ets", "theta"])
def test_an_exactly_periodic_series_is_continued(name: str) -> None:
    fold = fold_of(np.tile([1.0, 5.0, 2.0, 7.0], 15), 40, 4, LEVELS)

    forecast = run(SPECS[name].make({}), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=1e-3)


@pytest.mark.parametrize("season_length", [1, 4])
def test_auto_arima_continues_a_line_and_a_periodic_one(season_length: int) -> None:
    season = np.tile([1.0, 5.0, 2.0, 7.0], 15) if season_length == 4 else np.zeros(60)
    fold = fold_of(season + 0.1 * np.arange(60), 40, season_length, LEVELS)

    forecast = run(AutoArima(), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, rtol=1e-4)


@pytest.mark.parametrize("name", STATISTICAL)
@pytest.mark.parametrize("shift", [0.0, -40.0])
def test_zeros_and_negative_values_are_forecast(name: str, shift: float) -> None:
    rng = np.random.default_rng(2)
    values = np.maximum(0, np.round(rng.normal(size=60) + 2 * np.tile([0, 1, 2, -1], 15))) + shift

    forecast = run(SPECS[name].make(SMALL.get(name, {})), fold_of(values, 40, 4, LEVELS))

    assert forecast.finite().all()
    assert np.abs(forecast.mean - values.mean()).max() < 10


def test_multiplicative_components_of_negative_values_are_refused_in_a_sentence() -> None:
    forecaster = Ets(error="mul")

    with pytest.raises(Exception, match="multiplicative components need positive values; series '0' has others"):
        run(forecaster, fold_of(np.arange(-5.0, 60.0), 40))


def test_a_series_of_five_values_is_smoothed() -> None:
    forecast = run(Ets(), fold_of(np.array([3.0, 4.0, 2.0, 5.0, 3.0] * 3), 5, 1, LEVELS))

    assert forecast.finite().all()


@pytest.mark.parametrize("make", [Ets, lambda: AutoArima(max_p=1, max_q=1)])
@pytest.mark.parametrize("protocol", [{}, {"train_length": 200}, {"max_context": 70}])
def test_long_seasons_are_removed_and_restored(make: Any, protocol: dict[str, Any]) -> None:
    panel = Panel.of([weeks()], season_length=52)
    rolling = RollingOrigin(**{"horizon": 52, "first_cutoff": 230, "stride": 20} | protocol)
    task = Task("weeks", rolling, quantile_levels=(0.1, 0.9))

    run = evaluate(make(), task, panel)

    assert run.scores["MASE"] < 0.75 * evaluate("seasonal-naive", task, panel).scores["MASE"]
    assert run.notes == (
        "the season of 52 steps is too long for the model: 1 of 1 targets were seasonally adjusted by STL, and the "
        "last season was added to their forecasts",
    )


@pytest.mark.parametrize(
    ("with_season", "without", "changes"),
    [
        (Ets(), Ets(seasonal=None), True),
        (AutoArima(max_p=1, max_q=1, truncate=100), AutoArima(max_p=1, max_q=1, truncate=100, seasonal=False), False),
    ],
    ids=["ets", "auto-arima"],
)
def test_the_season_that_ets_removes_changes_over_time(with_season: Any, without: Any, changes: bool) -> None:
    time = np.arange(52 * 9)
    values = weeks(9) + 4 * time / len(time) * np.sin(2 * np.pi * time / 52)

    forecast = run(with_season, fold_of(values, 416, 52, LEVELS))

    seasonal = STL(values[:416], period=52, seasonal=11, seasonal_deg=0).fit().seasonal
    last = np.tile(seasonal[-52:], 9)
    season = np.concatenate([seasonal, last[:52]]) if changes else last
    plain = run(without, fold_of(values - season, 416, 1, LEVELS))
    ahead = np.stack([season[begin : begin + 8] for begin in range(416, 461, 7)])[:, :, None]
    np.testing.assert_allclose(forecast.mean, plain.mean + ahead)
    np.testing.assert_allclose(forecast.quantiles_of(LEVELS), plain.quantiles_of(LEVELS) + ahead[..., None])


def test_the_first_and_last_season_are_repeated_where_there_were_no_training_data() -> None:
    values = weeks(8)

    adjustment = seasonal_adjustment(values, 52, 0)

    assert adjustment is not None
    seasonal = STL(values, period=52, seasonal=11, seasonal_deg=0).fit().seasonal
    expected = np.concatenate([seasonal[:52], seasonal[:52], seasonal, seasonal[-52:], seasonal[-52:]])
    np.testing.assert_array_equal(adjustment.season(np.arange(-104, 416 + 104)), expected)


def test_missing_values_do_not_hinder_the_seasonal_adjustment() -> None:
    values = weeks()
    values[[0, 5, 100, 101, 102, 250]] = np.nan

    forecast = run(AutoArima(max_p=1, max_q=1), fold_of(values, 230, 52, LEVELS))

    np.testing.assert_allclose(
        forecast.mean[:, :, 0], fold_of(weeks(noise=0), 230, 52).windows.actuals[:, :, 0], atol=2
    )


@pytest.mark.parametrize("years", [2, 3, 8])
def test_noise_has_no_season(years: int) -> None:
    noise = np.random.default_rng(0).normal(size=52 * years)

    assert seasonal_adjustment(noise, 52, 0) is None


CLASSES = {name for name, spec in SPECS.items() if spec.categorical}
NETWORKS = {spec.name for spec in (*neural.WINDOWED, *neural.generation.SPECS)}


@pytest.mark.parametrize("name", sorted(SPECS.keys() - NETWORKS - CLASSES))
def test_quantiles_do_not_change_the_mean(name: str) -> None:
    spec = SPECS[name]
    rng, time = np.random.default_rng(9), np.arange(80)
    values = (20 + 0.1 * time) * np.exp(0.4 * np.sin(2 * np.pi * time / 6) + rng.normal(scale=0.1, size=80))
    panel = Panel.of([values, values[::-1].copy()], season_length=6, channels=[Channel("sales")])
    task = Task("sales", RollingOrigin(horizon=5, first_cutoff=50, stride=6))

    means = []
    for levels in ((), LEVELS):
        forecaster = spec.make(SMALL.get(name, {}), seed=1 if spec.takes_seed() else None)
        fold = next(backtest(replace(task, quantile_levels=levels), panel).folds())
        forecaster.fit(fold.train.filled(spec.missing))
        if hasattr(forecaster, "fit_contexts"):
            forecaster.fit_contexts(fold.windows.contexts.filled(spec.missing))
        means.append(forecaster.predict(fold.windows.contexts.filled(spec.missing)).mean)

    np.testing.assert_array_equal(*means)
