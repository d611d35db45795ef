"""Recursive forecasters whose free runs would explode: noticed, mended and said; all others stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import Ridge
from statsmodels.datasets import sunspots
from statsmodels.tsa.ar_model import AutoReg

from harness import Floats, Panel, RollingOrigin, Run, Task, evaluate
from harness_datasets import files
from harness_models.autoreg import AutoRegression
from harness_models.stability import explodes, stable_weights
from harness_models.tabular import RidgeRegression


def weights_of(roots: Floats) -> Floats:
    """The weights of a recursion with these characteristic roots."""
    return np.asarray(-np.poly(roots).real[1:])


def moduli(weights: Floats) -> Floats:
    return np.sort(np.abs(np.roots(np.concatenate([[1.0], -weights]))))


def test_exponential_growth_becomes_that_of_a_unit_root() -> None:
    weights = weights_of(np.array([1.4, 0.5, -0.3]))

    moved = stable_weights(weights, lambda some: bool(moduli(some).max() > 1.01))

    np.testing.assert_allclose(moved, weights_of(np.array([1.0, 0.5, -0.3])), atol=1e-12)


def test_roots_are_reflected_where_unit_roots_explode_too() -> None:
    complex_pair = 1.2 * np.exp(0.3j * np.array([1, -1]))
    weights = weights_of(np.concatenate([complex_pair, [0.5]]))

    moved = stable_weights(weights, lambda some: bool(moduli(some).max() > 0.99))

    np.testing.assert_allclose(moved, weights_of(np.concatenate([complex_pair / 1.44, [0.5]])), atol=1e-12)


@given(arrays(float, 60, elements=st.floats(-1 / 61, 1 / 61)), st.floats(1.01, 2))
def test_the_other_roots_stay_where_they_are(weights: Floats, root: float) -> None:
    """Weights of a sum below one have all roots inside; one more root is multiplied in."""
    polynomial = np.concatenate([[1.0], -weights])

    moved = stable_weights(-np.convolve(polynomial, [1, -root])[1:], lambda some: some @ np.ones(61) > 1 + 1e-9)

    np.testing.assert_allclose(moved, -np.convolve(polynomial, [1, -1])[1:], atol=1e-9)


def test_stable_weights_are_returned_themselves() -> None:
    growing, wave = np.array([1.01]), np.array([2 * np.cos(0.1), -1.0])

    assert stable_weights(growing, lambda some: False) is growing
    assert stable_weights(wave, lambda some: True) is wave


def test_an_explosion_leaves_the_range_by_more_than_its_width() -> None:
    low, high = np.array([0.0, 5.0]), np.array([1.0, 5.0])

    assert not explodes(np.array([[1.9, -0.9], [5.004, 4.996]]), low, high)
    assert explodes(np.array([[1.9, -1.1], [5.0, 5.0]]), low, high)
    assert explodes(np.array([[0.0, 0.0], [5.0, 5.1]]), low, high)
    assert not explodes(np.full((2, 1), np.nan), low, high)


def bubble(rate: float, length: int = 80) -> Floats:
    """Noise, then growth at this rate: least squares finds a root of about it."""
    noise = np.random.default_rng(3).normal(scale=0.1, size=length)
    return np.asarray(10 + noise + rate ** (np.arange(length) - length + 20.0))


def rolling(values: Floats, horizon: int, forecaster: Any) -> Run:
    return evaluate(forecaster, Task("x", RollingOrigin(horizon, windows=1)), Panel.of([values, np.sin(values)]))


def statsmodels_forecast(values: Floats, horizon: int) -> Floats:
    return np.asarray(AutoReg(values, 2).fit().predict(len(values), len(values) + horizon - 1))


def test_an_explosion_of_autoreg_is_mended_and_said() -> None:
    values = np.concatenate([bubble(1.3), np.full(20, 150.0)])
    assert statsmodels_forecast(values[:80], 20).max() > 10_000

    run = rolling(values, 20, AutoRegression())

    assert run.results is not None
    assert run.results.forecast.mean[0].max() < 1500
    (note,) = run.notes
    assert note.startswith("free runs of the training data left its range by more than the width of this range in 0:")


def test_growth_that_does_not_explode_is_left_alone() -> None:
    values = 100 * 1.02 ** np.arange(80.0) + np.random.default_rng(3).normal(scale=0.1, size=80)

    run = rolling(values, 8, AutoRegression())

    assert run.results is not None
    np.testing.assert_allclose(run.results.forecast.mean[0, :, 0], statsmodels_forecast(values[:72], 8), rtol=1e-9)
    assert run.notes == ()


def test_the_quantiles_of_a_mended_fit_are_those_of_its_residuals() -> None:
    panel = Panel.of([np.concatenate([bubble(1.3), np.full(20, 150.0)])])
    task = Task("x", RollingOrigin(20, windows=1), quantile_levels=(0.1, 0.9))

    run = evaluate(AutoRegression(), task, panel)

    assert run.results is not None
    quantiles = run.results.forecast.quantiles
    assert quantiles is not None
    width = quantiles[0, :, 0, 1] - quantiles[0, :, 0, 0]
    assert (np.diff(width) > 0).all()
    assert width.max() < 1500


def test_flat_windows_do_not_make_ridge_explode() -> None:
    """Its quotients by the deviation of two lags are of heavy tails: unweighted, the MASE is 11."""
    task = Task("elnino", RollingOrigin(horizon=12, windows=12))

    run = evaluate(RidgeRegression(lags=2), task)

    assert run.scores["MASE"] < 3
    assert "free runs of the training data left its range by more than the width of this range" in run.notes[0]
    assert "windows are weighted by their variance" in run.notes[0]


def test_mended_ridge_is_the_weighted_ridge_of_scikit_learn() -> None:
    values = np.asarray(sunspots.load_pandas().data["SUNACTIVITY"]) + 1  # without a window of zeros
    forecaster = RidgeRegression(lags=2)
    evaluate(forecaster, Task("x", RollingOrigin(11, windows=10)), Panel.of([values]))

    training = values[: len(values) - 110]
    rows = np.lib.stride_tricks.sliding_window_view(training, 3)
    location, spread = rows[:, :2].mean(axis=1, keepdims=True), rows[:, :2].std(axis=1, keepdims=True)
    spread = np.maximum(spread, 1e-3 * np.abs(location))
    table, output = np.hsplit((rows - location) / spread, [2])
    deviation = table.std(axis=0)
    oracle = Ridge(alpha=1.0).fit(table / deviation, output[:, 0], spread[:, 0] ** 2 / (spread**2).mean())
    (model,) = forecaster.models_
    np.testing.assert_allclose(model.predict(table)[:, 0], oracle.predict(table / deviation), rtol=1e-6)


def test_roots_of_ridge_are_moved_where_levels_explode() -> None:
    panel = Panel.of([np.concatenate([bubble(1.3), np.full(20, 150.0)])])

    run = evaluate(RidgeRegression(lags=1, scale="none", alpha=0.0), Task("x", RollingOrigin(20, windows=1)), panel)

    assert run.results is not None
    assert run.results.forecast.mean[0].max() < 1500
    assert "roots outside the unit circle were moved" in run.notes[0]


def test_a_remark_says_where_no_stable_fit_was_found() -> None:
    rng = np.random.default_rng(0)
    panel = Panel.of([rng.normal(size=60) + 1e4 * np.arange(60), rng.normal(size=60)])

    run = evaluate(RidgeRegression(lags=1, scale="last"), Task("x", RollingOrigin(10, windows=1)), panel)

    assert run.notes[0].endswith('no stable fit was found; try scale = "standard"')


def test_no_autoregression_of_hours_explodes(real_file: Callable[[str], Path]) -> None:
    """Four of these series have roots of 1.13 to 1.61; unchanged, the MASE is 230,000."""
    panel = files.m4_hourly(real_file("Hourly-train.csv"), real_file("Hourly-test.csv"))[200:270]

    run = evaluate(AutoRegression(), Task("m4-hourly", RollingOrigin(horizon=48, windows=1)), panel)

    assert run.scores["MASE"] < 1.2
    assert "in H202, H224, H255, H268: roots outside the unit circle were moved" in run.notes[-1]
