"""The neural forecasters: presets, the contract, what they learn, and what they refuse."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from presets import PRESETS

import harness_leaderboards
from harness import (
    Channel,
    Contexts,
    Floats,
    Forecast,
    ForecasterSpec,
    Panel,
    RollingOrigin,
    Task,
    TimeSplit,
    TrainingData,
    Unsupported,
    evaluate,
)
from harness.boards.leaderboard import read_leaderboard
from harness.evaluation.evaluate import evaluate as evaluate_cell
from harness.plugins.checks.contracts import check_forecaster
from harness.tasks.folds import Fold, backtest
from harness_models.neural import WINDOWED
from harness_models.neural.examples import Shape
from harness_models.neural.learner import NetworkForecaster

BY_NAME = {spec.name: spec for spec in WINDOWED}
SMALL = {"dense": {"hidden": 8}, "dense-iid": {"hidden": 8}, "cnn": {"filters": 4}}
BOARDS = Path(harness_leaderboards.__file__).parent
PARAMETERS = {  # F. Chollet, Deep Learning with Python, 2021, chapter 10, as Keras counts them
    "dense": 26_913,
    "cnn": 3_873,
    "lstm": 2_001,
    "lstm, recurrent dropout": 6_049,
    "stacked gru": 10_977,
    "bidirectional lstm": 4_001,
}
LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(params=BY_NAME)
def spec(request: pytest.FixtureRequest) -> ForecasterSpec:
    return BY_NAME[request.param]


def made(spec: ForecasterSpec, seed: int = 1, **parameters: object) -> NetworkForecaster:
    small = SMALL.get(spec.name, {"hidden": 8})
    return spec.make({**small, "iterations": 8, "device": "cpu", **parameters}, seed)  # type: ignore[return-value]


def waves(length: int = 90, series: int = 2) -> Panel:
    rng = np.random.default_rng(7)
    time = np.arange(length)[:, None] + np.arange(series)
    return Panel.of(list((np.sin(2 * np.pi * time / 12) + rng.normal(0, 0.1, time.shape)).T), season_length=12)


def fold_of(panel: Panel, **protocol: object) -> Fold:
    task = Task("waves", RollingOrigin(**{"horizon": 4, "windows": 5, **protocol}), quantile_levels=LEVELS)
    return next(backtest(task, panel).folds())


def forecast_of(forecaster: NetworkForecaster, fold: Fold) -> Forecast:
    forecaster.fit(fold.train)
    return forecaster.predict(fold.windows.contexts)


class TestPresets:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_parameter_counts_are_the_published_ones(self, name: str) -> None:
        network = PRESETS[name].make().network(Shape(120, 23, 1), channels=14, targets=1, levels=())

        assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]

    @pytest.mark.parametrize("board", ["weather", "ett-day-ahead"])
    def test_boards_say_what_the_presets_say(self, board: str) -> None:
        read = read_leaderboard(BOARDS / board / "leaderboard.toml")

        for entry in read.forecasters[1:]:
            preset = PRESETS[entry.title.removesuffix(", level").removesuffix(", change")]
            free = {"target", "epochs"}
            assert entry.name == preset.name
            assert {**entry.parameters, **dict.fromkeys(free)} == {**preset.parameters, **dict.fromkeys(free)}

    def test_every_context_of_the_lecture_lies_in_the_test_part(self) -> None:
        for board, rows in (("weather", 70_092), ("ett-day-ahead", 17_420)):  # hours
            task = read_leaderboard(BOARDS / board / "leaderboard.toml").tasks[0]
            assert isinstance(task.protocol, RollingOrigin)
            assert task.split == TimeSplit(0.5, 0.25)
            assert task.protocol.first_cutoff == int(rows * 0.5) + int(rows * 0.25) + 120
            assert (task.protocol.horizon, task.protocol.gap, task.protocol.stride) == (1, 23, 1)


def test_every_forecaster_keeps_the_contract(spec: ForecasterSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(made(spec))
    hasty = {**SMALL.get(spec.name, {"hidden": 8}), "iterations": 8}
    fields = [(name, type(value), dataclasses.field(default=value)) for name, value in hasty.items()]
    small = dataclasses.make_dataclass("Small", fields, bases=(kind,), namespace={"__module__": __name__})
    monkeypatch.setitem(globals(), "Small", small)  # pickle looks it up by its name

    verdicts = list(check_forecaster(dataclasses.replace(spec, factory=small)))

    assert [verdict for verdict in verdicts if not verdict.passed or verdict.skipped] == []


def test_the_same_seed_gives_the_same_forecasts_bit_for_bit_and_no_global_state_moves(spec: ForecasterSpec) -> None:
    fold = fold_of(waves())
    before = torch.get_rng_state()

    first, second, other = (forecast_of(made(spec, seed), fold) for seed in (1, 1, 2))

    assert np.array_equal(first.mean, second.mean)
    assert np.array_equal(first.quantiles, second.quantiles)
    assert not np.array_equal(first.mean, other.mean)
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_draws_from_the_seed_too() -> None:
    dropping = {"dropout": 0.3, "layer_dropout": 0.3, "recurrent_dropout": 0.3, "layers": 2}
    fold = fold_of(waves())

    first, second = (forecast_of(made(BY_NAME["gru"], **dropping), fold) for _ in range(2))

    assert np.array_equal(first.mean, second.mean)


def test_a_forecaster_can_be_pickled(spec: ForecasterSpec) -> None:
    fold = fold_of(waves())
    forecaster = made(spec)
    forecast = forecast_of(forecaster, fold)

    again = pickle.loads(pickle.dumps(forecaster)).predict(fold.windows.contexts)

    assert np.array_equal(again.mean, forecast.mean)


def test_missing_values_elsewhere_do_not_hurt(spec: ForecasterSpec) -> None:
    fold = fold_of(waves())
    forecaster = made(spec)
    forecast = forecast_of(forecaster, fold)
    contexts = fold.windows.contexts
    values = contexts._panel.values.copy()
    values[:90] = np.nan
    other = dataclasses.replace(contexts, _panel=contexts._panel.with_values(values))

    beside = forecaster.predict(other)

    np.testing.assert_array_equal(beside.mean[contexts.series == 1], forecast.mean[contexts.series == 1])


def test_forecasts_do_not_depend_on_the_batch(spec: ForecasterSpec) -> None:
    fold = fold_of(waves(length=200), windows=90, stride=1)
    forecaster = made(spec)
    together = numbers(forecast_of(forecaster, fold))
    contexts = fold.windows.contexts

    order = np.random.default_rng(0).permutation(len(contexts))
    shuffle_batches = numbers(forecaster.predict(contexts.take(order)))
    alone = numbers(forecaster.predict(contexts.take(np.array([7]))))

    np.testing.assert_allclose(shuffle_batches, together[order], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(alone[0], together[7], rtol=1e-6, atol=1e-6)


def numbers(forecast: Forecast) -> Floats:
    assert forecast.quantiles is not None
    return np.concatenate([forecast.mean[..., None], forecast.quantiles], axis=-1)


def test_quantiles_rise_and_are_given_where_they_are_asked_for(spec: ForecasterSpec) -> None:
    fold = fold_of(waves())

    forecast = forecast_of(made(spec, iterations=1), fold)

    assert forecast.quantiles is not None
    assert (np.diff(forecast.quantiles) >= 0).all()
    assert forecast_of(made(spec, head="mean"), fold).quantiles is None


def test_quantiles_cover_what_they_say() -> None:
    rng = np.random.default_rng(3)
    panel = Panel.of([rng.normal(size=1200)])
    fold = fold_of(panel, horizon=1, windows=200)

    forecast = forecast_of(
        made(BY_NAME["dense"], lookback=2, target="level", scale="training", iterations=400, learning_rate=0.01), fold
    )

    assert forecast.quantiles is not None
    for i, level in enumerate(LEVELS):
        assert (fold.windows.actuals <= forecast.quantiles[..., i]).mean() == pytest.approx(level, abs=0.09)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "seq2seq"])
def test_short_pasts_are_as_good_as_alone(name: str) -> None:
    """A context of ten rows gives what the network says of these ten rows and no padding."""
    fold = fold_of(waves())
    padded = made(BY_NAME[name], lookback=20, scale="training", target="level", linear_path=False)
    padded.fit(fold.train)
    exact = pickle.loads(pickle.dumps(padded))
    exact.lookback_ = 10
    clipped: Contexts = dataclasses.replace(fold.windows.contexts, max_context=10)

    np.testing.assert_allclose(padded.predict(clipped).mean, exact.predict(clipped).mean, atol=1e-6)


def test_a_network_may_learn_from_every_row() -> None:
    fold = fold_of(waves(length=150))
    levels = {"scale": "training", "target": "level", "linear_path": False}
    every = {"learn_from": "every", **levels, "iterations": 200, "learning_rate": 0.01}

    forecast = forecast_of(made(BY_NAME["lstm"], **every), fold)

    assert np.abs(forecast.mean - fold.windows.actuals).mean() < 0.3  # zero: 0.64


@pytest.mark.parametrize("name", ["dense", "cnn", "rnn", "lstm", "gru", "seq2seq", "seq2seq-autoregressive"])
def test_each_learns_a_wave(name: str) -> None:
    run = evaluate(
        made(BY_NAME[name], iterations=150, learning_rate=0.01),
        Task("waves", RollingOrigin(4, windows=20)),
        waves(length=200),
    )

    assert run.status.value == "completed", run.reason
    assert run.scores["MAE"] < 0.3  # the noise alone: 0.08; zero: 0.64


def test_the_change_follows_a_level_that_drifts_away() -> None:
    trend = Panel.of([np.arange(300) / 10 + np.tile([0, 1, 0, -1], 75)], season_length=4)
    task = Task("trend", RollingOrigin(2, windows=20))

    errors = {
        target: evaluate(
            made(BY_NAME["dense"], target=target, scale="training", iterations=200, learning_rate=0.01), task, trend
        ).scores["MAE"]
        for target in ("level", "change")
    }

    assert errors["change"] < 0.5 * errors["level"]


def test_an_oscillation_of_five_values_is_continued_by_both_decoders() -> None:
    time = np.arange(60) * 10 / 99
    panel = Panel.of([np.sin(time + phase) for phase in np.linspace(0, 6, 40)])
    task = Task("sine", RollingOrigin(5, windows=3, max_context=5))
    settings = {"lookback": 5, "scale": "training", "target": "level", "hidden": 24, "layers": 2}

    for name in ("seq2seq", "seq2seq-autoregressive"):
        run = evaluate(made(BY_NAME[name], iterations=250, learning_rate=0.01, **settings), task, panel)
        assert run.scores["MSE"] < 2e-3, name  # naive: 0.055


def test_the_run_keeps_the_curves_and_says_how_training_ended() -> None:
    run = evaluate(made(BY_NAME["lstm"], iterations=45), Task("waves", RollingOrigin(4, windows=3)), waves())

    losses, validation_losses = (run.curves[f"{name}/validation rounds"] for name in ("loss", "validation loss"))
    assert len(losses) == len(validation_losses) > 10
    assert "the budget of 45 iterations was used up" in run.notes


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "parameters", "message"),
        [
            ("lstm", {"hidden": 0}, "hidden must be at least 1, not 0"),
            ("gru", {"layers": -1}, "layers must be at least 1, not -1"),
            ("dense", {"batch_size": 0}, "batch_size must be at least 1, not 0"),
            ("dense", {"iterations": 0}, "iterations must be at least 1, not 0"),
            ("dense", {"lookback": 0}, "lookback must be at least 1, not 0"),
            ("dense", {"learning_rate": 0.0}, "learning_rate must be positive, not 0.0"),
            ("dense", {"validation": 1.0}, "validation is a share from 0 to less than 1, not 1.0"),
            ("rnn", {"activation": "swish"}, "activation is one of tanh, relu, not 'swish'"),
            ("lstm", {"initialisation": "best"}, "initialisation is one of keras, uniform, .*, not 'best'"),
            ("lstm", {"optimiser": "adagrad"}, "optimiser is one of adam, rmsprop, sgd, not 'adagrad'"),
            ("lstm", {"schedule": "step"}, "schedule is one of constant, cosine, plateau, not 'step'"),
            ("lstm", {"recurrent_dropout": 1.0}, "recurrent_dropout is a share from 0 to less than 1"),
            ("lstm", {"device": "tpu"}, "device is one of auto, cpu, cuda, mps, not 'tpu'"),
            ("lstm", {"target": "both"}, "target is one of level, change, not 'both'"),
            ("lstm", {"head": "sample"}, "head is one of mean, quantile, not 'sample'"),
            ("lstm", {"learn_from": "every"}, "scale must be 'training', target 'level' and linear_path false"),
            ("cnn", {"kernels": []}, "kernels must be one size or more"),
            ("dense-iid", {"lookback": 5}, "without history, lookback must be 1"),
            ("seq2seq", {"biases": 3}, "biases is 1 or 2, not 3"),
            ("seq2seq-autoregressive", {"teacher_forcing": 1.5}, "teacher_forcing is a share from 0 to 1, not 1.5"),
        ],
    )
    def test_a_hyperparameter_is_refused_in_one_sentence(self, name: str, parameters: dict, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            type(made(BY_NAME[name]))(**parameters)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="the device is here")
    def test_a_device_that_is_not_there(self) -> None:
        with pytest.raises(ValueError, match="device 'cuda' is not available; available are: cpu"):
            type(made(BY_NAME["dense"]))(device="cuda")

    def test_a_loss_that_becomes_no_number_fails_the_run_and_says_when(self) -> None:
        forecaster = made(BY_NAME["dense"], learning_rate=1e30, clip=0.0)

        run = evaluate_cell(forecaster, Task("waves", RollingOrigin(4, windows=3)), waves())

        assert run.status.value == "failed"
        assert "at step " in run.reason

    @pytest.mark.parametrize("value", [5.0, np.nan])
    def test_data_that_teaches_nothing_is_unsupported(self, spec: ForecasterSpec, value: float) -> None:
        with pytest.raises(Unsupported, match="there is nothing to learn from"):
            made(spec).fit(TrainingData(Panel.of([np.full(60, value)]), None, horizon=4))

    def test_a_series_that_is_too_short(self) -> None:
        run = evaluate_cell(
            made(BY_NAME["lstm"], lookback=100), Task("waves", RollingOrigin(4, windows=1)), waves(length=40)
        )

        assert run.status.value == "unsupported"
        assert "need a series of 54 observations to train on" in run.reason

    def test_kernels_that_do_not_fit(self) -> None:
        with pytest.raises(Unsupported, match="kernels of 24, 12, 6 steps with pooling need a lookback of 69, not 60"):
            made(BY_NAME["cnn"], lookback=60, kernels=[24, 12, 6]).fit(fold_of(waves(200)).train)

    def test_another_horizon_than_it_was_trained_for(self) -> None:
        fold = fold_of(waves())
        forecaster = made(BY_NAME["dense"])
        forecaster.fit(fold.train)

        with pytest.raises(Unsupported, match="trained for a horizon of 4 after a gap of 0"):
            forecaster.predict(dataclasses.replace(fold.windows.contexts, horizon=7))


def test_covariates_are_read_with_the_targets() -> None:
    rng = np.random.default_rng(5)
    cause = rng.normal(size=400)
    effect = np.concatenate([[0], cause[:-1]])  # what the covariate was a step before
    channels = [Channel("effect"), Channel("cause", "past covariate")]
    panel = Panel.of([np.stack([effect, cause], axis=1)], channels=channels)

    run = evaluate(
        made(BY_NAME["dense"], lookback=3, scale="training", target="level", iterations=300, learning_rate=0.01),
        Task("effect", RollingOrigin(1, windows=50)),
        panel,
    )

    assert run.scores["MAE"] < 0.25  # without the covariate: 0.8
