"""The defaults of networks: the linear path, and independent channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness import BadParameter, Channel, Floats, Panel, RollingOrigin, Task, evaluate
from harness.tasks.folds import Fold, backtest
from harness_models.naive import Drift, Naive
from harness_models.neural import WINDOWED
from harness_models.neural.channels import ChannelGroups
from harness_models.neural.heads import LinearPath

BY_NAME = {spec.name: spec for spec in WINDOWED}
NAMES = ["dense", "dense-iid", "cnn", "rnn", "lstm", "gru", "seq2seq", "seq2seq-autoregressive"]
LEVELS = (0.1, 0.5, 0.9)


def made(name: str, **parameters: Any) -> Any:
    return BY_NAME[name].make(parameters, 0)


def two_targets(seed: int = 0, length: int = 120) -> Floats:
    """Two standardised walks and a covariate, (row, channel)."""
    values = np.random.default_rng(seed).normal(size=(length, 3)).cumsum(axis=0)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def fold_of(values: Floats, role: str = "known covariate") -> Fold:
    panel = Panel.of([values], channels=[Channel("a"), Channel("b"), Channel("c", role)])
    return next(backtest(Task("walks", RollingOrigin(4, windows=5, gap=1), quantile_levels=LEVELS), panel).folds())


@pytest.mark.parametrize("name", NAMES)
def test_training_starts_at_the_naive_forecast(name: str) -> None:
    fold = fold_of(two_targets())
    forecaster = made(name, iterations=1, learning_rate=1e-12, validation=0.0)
    naive = Naive()
    for model in (forecaster, naive):
        model.fit(fold.train)

    forecast = forecaster.predict(fold.windows.contexts)

    np.testing.assert_allclose(forecast.mean, naive.predict(fold.windows.contexts).mean, atol=1e-5)


@pytest.mark.parametrize("starts_at_last", [False, True])
def test_the_linear_path_is_linear_in_the_history_of_each_target(starts_at_last: bool) -> None:
    path = LinearPath(6, 4, 3, starts_at_last)
    history = torch.randn(5, 6, 2)
    last = history[:, -1][:, None, :, None].expand(5, 4, 2, 3)
    torch.testing.assert_close(path(history), last if starts_at_last else torch.zeros(5, 4, 2, 3))

    with torch.no_grad():
        path.weight.normal_()
        path.bias.normal_()
    expected = torch.einsum("wlt,vl->wvt", history, path.weight) + path.bias[:, None]

    torch.testing.assert_close(path(history), expected.unflatten(1, (4, 3)).transpose(2, 3))


@pytest.mark.parametrize("name", ["dense", "lstm", "seq2seq-autoregressive"])
def test_independent_channels_do_not_depend_on_each_other(name: str) -> None:
    changed = two_targets()
    changed[-15:, 1] = 9.0
    fold, other = fold_of(two_targets()), fold_of(changed)

    for channels in ("independent", "together"):
        forecaster = made(name, iterations=10, channels=channels, linear_path=False)  # no start at the naive forecast
        forecaster.fit(fold.train)
        forecast, after = (forecaster.predict(each.windows.contexts).mean for each in (fold, other))
        assert np.array_equal(forecast[..., 0], after[..., 0]) == (channels == "independent")
        assert not np.array_equal(forecast[..., 1], after[..., 1])


def test_targets_of_a_series_are_learned_as_if_they_were_series() -> None:
    values = two_targets()
    training = values[: len(fold_of(values).train.panel.values)]
    values = (values - training.mean(axis=0)) / training.std(axis=0)  # so that all parts are scaled alike
    known = Channel("c", "known covariate")
    series = Panel.of([values[:, [0, 2]], values[:, [1, 2]]], channels=[Channel("a"), known])
    task = Task("walks", RollingOrigin(4, windows=5, gap=1), quantile_levels=LEVELS)
    folds = [fold_of(values), next(backtest(task, series).folds())]
    forecasts = []

    for fold in folds:
        forecaster = made("dense", iterations=20, scale="training", target="level", validation=0.0)
        forecaster.fit(fold.train)
        forecasts.append(forecaster.predict(fold.windows.contexts))

    for part in ("mean", "quantiles"):
        together, apart = (getattr(forecast, part) for forecast in forecasts)
        for target in (0, 1):
            of_series = apart[folds[1].windows.contexts.series == target]
            np.testing.assert_allclose(together[:, :, [target]], of_series, atol=1e-4)


def test_groups_of_channels_can_be_split_and_joined() -> None:
    roles = ["past covariate", "target", "known covariate", "target"]
    panel = Panel.of([np.arange(40.0).reshape(10, 4)], channels=[Channel(f"{i}", role) for i, role in enumerate(roles)])
    inputs = np.random.default_rng(0).normal(size=(3, 5, 4))

    groups = ChannelGroups.of(panel, "independent")
    together = ChannelGroups.of(panel, "together")

    assert groups.groups == ((1, 0, 2), (3, 0, 2))
    assert (together.groups, together.targets) == (((0, 1, 2, 3),), (1, 3))
    split = groups.split_inputs(inputs)
    assert np.array_equal(split[1], inputs[0][:, [3, 0, 2]])
    outputs = split[:, :2, :1, None]
    assert np.array_equal(groups.join_outputs(outputs), inputs[:, :2][:, :, [1, 3], None])
    assert together.split_inputs(inputs) is inputs


def test_targets_with_missing_values_do_not_hide_those_of_others() -> None:
    values = two_targets()
    values[:100, 1] = np.nan
    fold = fold_of(values)
    forecaster = made("dense", iterations=5, lookback=8)

    forecaster.fit(fold.train)

    assert np.isfinite(forecaster.predict(fold.windows.contexts).mean).all()


def test_a_network_is_near_the_best_simple_forecaster_of_few_economic_series() -> None:
    task = Task("macrodata", RollingOrigin(horizon=8, windows=10), quantile_levels=LEVELS)
    drift = evaluate(Drift(), task).scores["MASE"]

    assert evaluate(made("dense"), task, missing="interpolate").scores["MASE"] < 1.5 * drift


def test_another_value_of_channels_is_named() -> None:
    with pytest.raises(BadParameter, match="channels is one of independent, together, not 'shared'"):
        made("dense", channels="shared")
