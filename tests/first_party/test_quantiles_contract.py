"""What the quantiles of every forecaster must be, on an autoregression whose errors are known."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import harness_models
from harness import Floats, Forecast, Panel, RollingOrigin, Task
from harness.tasks.folds import Fold, backtest
from harness_models import neural

SPECS = {
    spec.name: spec for spec in harness_models.harness_forecasters() if not spec.categorical and ":" not in spec.name
}
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
COEFFICIENT = 0.6
HORIZON = 4
SMALL: dict[str, dict[str, Any]] = {
    **{spec.name: {"iterations": 40, "lookback": 12} for spec in neural.WINDOWED},
    **{
        spec.name: {"warm_up": 24, "teach_iterations": 40, "stretch_evaluations": 0, "finish_evaluations": 2}
        for spec in neural.generation.SPECS
    },
    "auto-arima": {"max_p": 1, "max_q": 1},
    "cnn": {"iterations": 40, "lookback": 12, "kernels": [3, 3]},
    "dense-iid": {"iterations": 40},
    "free-cnn": {"lags": 12, "warm_up": 24, "teach_iterations": 60, "stretch_evaluations": 0},
    "gradient-boosting": {"lags": 4, "max_iter": 10},
}


@cache
def fold(levels: tuple[float, ...]) -> Fold:
    """Windows of three series x_t = 10 + 0.6 (x_{t−1} − 10) + ε_t, with ε of variance one."""
    noise = np.random.default_rng(8).normal(size=(300, 3))
    for t in range(1, len(noise)):
        noise[t] += COEFFICIENT * noise[t - 1]
    task = Task("x", RollingOrigin(HORIZON, windows=30, stride=3), quantile_levels=levels)
    return next(backtest(task, Panel.of([10 + series for series in noise.T], season_length=1)).folds())


@cache
def forecast(name: str, levels: tuple[float, ...] = LEVELS) -> Forecast:
    forecaster = SPECS[name].make(SMALL.get(name, {}), 0)
    forecaster.fit(fold(levels).train)
    return forecaster.predict(fold(levels).windows.contexts)


def quantiles_of(name: str) -> Floats:
    quantiles = forecast(name).quantiles
    assert quantiles is not None
    return quantiles


@pytest.mark.parametrize("name", SPECS)
def test_quantiles_are_finite_and_do_not_cross(name: str) -> None:
    quantiles = quantiles_of(name)

    assert forecast(name).quantile_levels == LEVELS
    assert quantiles.shape == (90, HORIZON, 1, len(LEVELS))
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=-1) > 0).all()


@pytest.mark.parametrize("name", SPECS)
def test_intervals_are_as_wide_as_the_errors_are_large(name: str) -> None:
    """The least possible deviation h steps ahead is √(Σ_{j<h} φ^2j), and the 80 % interval 2.56 times as wide."""
    deviation = np.sqrt(np.cumsum(COEFFICIENT ** (2.0 * np.arange(HORIZON))))

    width = np.mean(quantiles_of(name)[..., -1] - quantiles_of(name)[..., 0], axis=(0, 2)) / (2.563 * deviation)

    assert width.min() > 0.7
    assert width.max() < 2.2


@pytest.mark.parametrize("name", SPECS)
def test_eight_in_ten_actuals_are_within_the_80_per_cent_interval(name: str) -> None:
    actuals, quantiles = fold(LEVELS).windows.actuals, quantiles_of(name)

    within = np.mean((actuals >= quantiles[..., 0]) & (actuals <= quantiles[..., -1]))

    assert 0.6 < within < 0.95


@pytest.mark.parametrize("name", [name for name in SPECS if name not in {spec.name for spec in neural.WINDOWED}])
def test_the_mean_is_the_same_without_quantiles(name: str) -> None:
    """But for networks with a head for quantiles, which learns both."""
    point = forecast(name, ())

    assert point.quantiles is None
    np.testing.assert_array_equal(point.mean, forecast(name).mean)


def test_every_forecaster_has_quantiles() -> None:
    assert all(forecast(name).quantiles is not None for name in SPECS)
