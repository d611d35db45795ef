"""Free-running networks that learn changes, and free runs in float32."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from test_neural_generation import QUICK, contexts_of, network_of, plainly, waves

from harness import Channel, Floats, Panel, RollingOrigin, Task, TrainingData, evaluate
from harness_models.naive import Drift
from harness_models.neural.generation.changes import changes_of, levels_of
from harness_models.neural.generation.forecasters import FreeDense, FreeGru, FreeLstm, FreeRnn
from harness_models.neural.generation.free_running import FreeRunning


def walks(count: int, length: int, seed: int = 0) -> Panel:
    """Random walks with drift."""
    changes = np.random.default_rng(seed).normal(0.2, 1.0, (count, length))
    return Panel.of(list(changes.cumsum(axis=1)))


def fitted(
    factory: Any, panel: Panel, horizon: int = 12, levels: tuple[float, ...] = (), season: int = 1, **fields: Any
) -> Any:
    forecaster = factory(**{**QUICK, **fields})
    forecaster.fit(TrainingData(panel, None, horizon, quantile_levels=levels, season_length=season))
    return forecaster


@pytest.mark.parametrize(
    ("lag", "expected"), [(1, [np.nan, 3, 5, np.nan, -2]), (2, [np.nan, np.nan, 8, np.nan, np.nan])]
)
def test_changes_are_those_within_each_series(lag: int, expected: list[float]) -> None:
    channels = [Channel("a"), Channel("b", "past covariate")]
    panel = Panel.of([np.array([[1.0, 5], [4, 6], [9, 7]]), np.array([[2.0, 8], [0, 9]])], channels=channels)

    changes = changes_of(panel, lag)

    np.testing.assert_array_equal(changes.values[:, 0], expected)
    np.testing.assert_array_equal(changes.values[:, 1], panel.values[:, 1])


@pytest.mark.parametrize("lag", [0, 1, 5])
def test_levels_follow_from_their_changes(lag: int) -> None:
    values = walks(3, 30).values.reshape(3, 30).T  # (step, window)
    changes = values[lag:] - values[: 30 - lag] if lag else values

    np.testing.assert_allclose(levels_of(changes, values[:lag]), values[lag:], atol=1e-12)


def seasonal(count: int, length: int, season: int) -> Panel:
    """Patterns of a season with noise."""
    rng = np.random.default_rng(3)
    patterns = rng.normal(0, 3, (count, season))
    return Panel.of([np.resize(pattern, length) + rng.normal(size=length) for pattern in patterns])


@pytest.mark.parametrize(
    ("panel", "season", "expected"),
    [(walks(20, 90), 1, 1), (waves(20, 90), 1, 0), (seasonal(20, 90, 7), 7, 7), (walks(20, 90), 7, 1)],
)
def test_changes_are_learned_where_they_are_smaller_than_levels(panel: Panel, season: int, expected: int) -> None:
    assert fitted(FreeDense, panel, season=season).lag_ == expected
    for target, lag in {"level": 0, "change": 1, "seasonal-change": season}.items():
        assert fitted(FreeDense, panel, season=season, target=target).lag_ == lag


def test_series_without_room_for_changes_are_learned_as_levels() -> None:
    assert fitted(FreeRnn, walks(20, 3), 1).lag_ == 0
    assert fitted(FreeRnn, walks(20, 6), 1).lag_ == 1


def test_a_network_of_seasonal_changes_that_predicts_zero_forecasts_the_last_season() -> None:
    panel = seasonal(5, 90, 7)
    forecaster = fitted(FreeDense, seasonal(20, 90, 7), season=7, scale="none")
    for parameter in forecaster.model_.head.parameters():
        torch.nn.init.zeros_(parameter)

    forecast = forecaster.predict(contexts_of(panel, 60, 12, gap=2)).mean[..., 0]

    last = np.stack([series[60 - 7 : 60, 0] for series in panel])
    np.testing.assert_allclose(forecast, last[:, np.arange(2, 14) % 7], rtol=1e-9)


@pytest.mark.parametrize("factory", [FreeRnn, FreeDense])
def test_a_network_of_changes_that_predicts_the_mean_forecasts_the_drift_of_its_past(factory: Any) -> None:
    panel = walks(5, 90)
    forecaster = fitted(factory, walks(20, 90, seed=1), warm_up=40)
    for parameter in forecaster.model_.head.parameters():
        torch.nn.init.zeros_(parameter)

    forecast = forecaster.predict(contexts_of(panel, 60, 12, gap=2)).mean[..., 0]

    past = np.stack([series[60 - 41 : 60, 0] for series in panel])
    drift = (past[:, -1] - past[:, 0]) / 40
    np.testing.assert_allclose(forecast, past[:, -1:] + drift[:, None] * np.arange(3, 15), rtol=1e-6)


def test_quantiles_of_changes_widen_like_a_random_walk() -> None:
    levels = (0.1, 0.5, 0.9)
    forecaster = fitted(FreeGru, walks(40, 90), 16, levels)

    contexts = replace(contexts_of(walks(40, 90, seed=2), 70, 16), quantile_levels=levels)
    forecast = forecaster.predict(contexts)

    width = (forecast.quantiles[..., 2] - forecast.quantiles[..., 0]).mean(axis=(0, 2))
    assert 2.8 < width[15] / width[0] < 5.6  # 4 for errors that are sums of independent ones


@pytest.mark.parametrize("factory", [FreeDense, FreeGru])
def test_a_network_is_near_the_best_simple_forecaster_of_few_economic_series(factory: Any) -> None:
    task = Task("macrodata", RollingOrigin(horizon=8, windows=10), covariates=())

    drift = evaluate(Drift(), task).scores["MASE"]

    assert evaluate(factory(), task, missing="interpolate").scores["MASE"] < 1.5 * drift


@pytest.mark.parametrize("factory", [FreeRnn, FreeLstm, FreeGru])
def test_a_long_free_run_stays_at_that_of_torch_in_float64(factory: type[FreeRunning]) -> None:
    network = network_of(factory)
    past = torch.randn(60, 48, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    with torch.no_grad():
        found, expected = network(past, 1000)[-1000:], plainly(network, past, 1000)

    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("factory", [FreeRnn, FreeLstm, FreeGru])
def test_windows_in_one_call_or_in_many_have_the_same_forecasts(factory: type[FreeRunning]) -> None:
    forecaster = fitted(factory, waves(20, 90))
    contexts = contexts_of(waves(300, 90), 60, 20)

    whole = forecaster.predict(contexts).mean
    parts: list[Floats] = [
        forecaster.predict(contexts.take(np.arange(*ends))).mean for ends in ((0, 1), (1, 50), (50, 299), (299, 300))
    ]

    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-6)  # of float32 on any processor
