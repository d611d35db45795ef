"""Free-running networks: their sizes, their arithmetic, and what a short budget must reach."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from harness import Channel, Contexts, Floats, Panel, TrainingData, Unsupported
from harness_models.neural.generation import SPECS
from harness_models.neural.generation.curriculum import stretch, teach
from harness_models.neural.generation.forecasters import (
    FreeAutoregressiveSeq2Seq,
    FreeCnn,
    FreeDense,
    FreeGru,
    FreeLstm,
    FreeRnn,
    FreeSeq2Seq,
)
from harness_models.neural.generation.free_running import FreeRunning
from harness_models.neural.generation.layers import initialise
from harness_models.neural.generation.models import Convolutional, Dense, Recurrent
from harness_models.neural.parameters import parameter_count

PARAMETERS = {
    FreeRnn: 16_897,
    FreeLstm: 17_217,
    FreeGru: 12_929,
    FreeDense: 897,
    FreeCnn: 1_217,
    FreeSeq2Seq: 34_369,
    FreeAutoregressiveSeq2Seq: 34_369,
}
QUICK = {"teach_iterations": 3, "stretch_evaluations": 4, "finish_evaluations": 4, "batch": 4}


def waves(count: int, length: int, seed: int = 5) -> Panel:
    rng = np.random.default_rng(seed)
    amplitude, phase = rng.uniform(0.5, 1.5, (count, 1)), rng.uniform(0, 2 * np.pi, (count, 1))
    return Panel.of(list(amplitude * np.cos(0.2 * np.arange(length) + phase)))


def contexts_of(panel: Panel, cutoff: int, horizon: int, gap: int = 0) -> Contexts:
    return Contexts(panel, np.arange(len(panel)), np.full(len(panel), cutoff), horizon, gap)


def network_of(factory: type[FreeRunning], warm_up: int = 60) -> Any:
    network = factory().network(warm_up)
    initialise(network, torch.Generator().manual_seed(1))
    return network


def plainly(network: Any, past: Any, steps: int) -> Any:
    """The free run of that many steps by torch's own modules, one at a time."""
    ran = past[:, :0].T.reshape(0, past.shape[1])
    if isinstance(network, Recurrent):
        return fed_back(network.cell.layer, network.head, past, None, steps)
    if isinstance(network, Dense | Convolutional):
        values = past
        for _ in range(steps):
            values = torch.cat([values, next_of_lags(network, values[-network.lags :].T)[None]])
        return values[len(past) :]
    if not hasattr(network, "block"):
        _, state = network.encoder.layer(past[..., None])
        return fed_back(network.decoder.layer, network.head, past[-1:], state, steps)
    block = past[-network.block :]
    while len(ran) < steps:
        _, state = network.encoder.layer(block[..., None])
        hidden, _ = network.decoder.layer(block[-1:].expand_as(block)[..., None], state)
        block = network.head(hidden)[..., 0]
        ran = torch.cat([ran, block])
    return ran[:steps]


def fed_back(layer: Any, head: Any, entering: Any, state: Any, steps: int) -> Any:
    ran = []
    for _ in range(steps):
        hidden, state = layer(entering[..., None], state)
        entering = head(hidden[-1:])[..., 0]
        ran.append(entering)
    return torch.cat(ran)


def next_of_lags(network: Any, lags: Any) -> Any:
    if isinstance(network, Dense):
        return network.head(torch.tanh(network.hidden(lags)))[:, 0]
    inner = lags[:, None]
    for convolution in network.convolutions:
        inner = torch.tanh(convolution(inner))
    return network.head(inner.flatten(1))[:, 0]


@pytest.mark.parametrize("factory", PARAMETERS)
def test_networks_are_as_large_as_published(factory: type[FreeRunning]) -> None:
    assert parameter_count(factory().network(100)) == PARAMETERS[factory]


@pytest.mark.parametrize("factory", PARAMETERS)
def test_the_free_run_is_that_of_torch_s_own_modules(factory: type[FreeRunning]) -> None:
    network = network_of(factory)
    past = torch.randn(60, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    expected = plainly(network, past, 130)
    on_tape = network(past, 130)[-130:]
    with torch.no_grad():
        off_tape = network(past, 130)[-130:]

    torch.testing.assert_close(on_tape, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(off_tape, expected.detach(), rtol=0, atol=1e-6)  # float32


@pytest.mark.parametrize("factory", PARAMETERS)
def test_gradients_are_those_of_torch_s_own_modules(factory: type[FreeRunning]) -> None:
    network = network_of(factory)
    past = torch.randn(60, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    weights = torch.linspace(-1, 1, 70, dtype=torch.float64)[:, None]
    parameters = list(network.parameters())

    found = torch.autograd.grad((weights * network(past, 70)[-70:]).sum(), parameters)
    expected = torch.autograd.grad((weights * plainly(network, past, 70)).sum(), parameters)

    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_predictions_inside_the_past_are_made_of_true_values() -> None:
    for factory in (FreeRnn, FreeLstm, FreeGru, FreeDense, FreeCnn, FreeSeq2Seq):
        network = network_of(factory, 110)
        past = torch.randn(110, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
        first = network.first_predicted(110)

        known = network(past, 1)

        assert len(known) == 110 - first + 1
        at = 110 - 50  # blocks are counted from the end
        torch.testing.assert_close(known[at - first], network(past[:at], 1)[-1], rtol=0, atol=1e-12)


SHORT = {
    FreeRnn: ({"hidden": 32}, (200, 60, 60), 0.02),
    FreeLstm: ({"hidden": 16}, (200, 60, 60), 0.02),
    FreeGru: ({"hidden": 16}, (200, 60, 60), 0.04),
    FreeDense: ({}, (200, 60, 60), 1e-3),
    FreeCnn: ({}, (200, 40, 30), 1e-3),
    FreeSeq2Seq: ({"hidden": 24, "block": 20}, (300, 100, 100), 5e-3),
    FreeAutoregressiveSeq2Seq: ({"hidden": 24, "taught": 40}, (300, 100, 100), 2e-3),
}


@pytest.mark.parametrize("factory", SHORT)
def test_a_short_budget_runs_true(factory: type[FreeRunning]) -> None:
    sizes, budgets, bound = SHORT[factory]
    names = ("teach_iterations", "stretch_evaluations", "finish_evaluations")
    forecaster = factory(**sizes, **dict(zip(names, budgets, strict=True)), warm_up=40, scale="panel", seed=1)
    held_out = waves(20, 200, seed=6)

    forecaster.fit(TrainingData(waves(64, 200), waves(16, 200, seed=7), 160))
    forecast = forecaster.predict(contexts_of(held_out, 40, 160))

    actuals = np.stack([series[40:] for series in held_out])
    assert np.mean((forecast.mean - actuals) ** 2) < bound  # zeros score 0.54, the last value repeated 1.1
    assert all(len(curve) <= 500 for curve in forecaster.curves_.values())


@pytest.fixture(params=PARAMETERS)
def quick(request: pytest.FixtureRequest) -> FreeRunning:
    """One of every kind, fitted for a moment."""
    forecaster: FreeRunning = request.param(**QUICK, seed=3)
    forecaster.fit(TrainingData(waves(20, 90), None, 20))
    return forecaster


def test_the_same_seed_gives_the_same_forecast(quick: FreeRunning) -> None:
    state = torch.random.get_rng_state()
    contexts = contexts_of(waves(3, 90), 60, 20)
    again, other = replace(quick), replace(quick, seed=4)
    for each in (again, other):
        each.fit(TrainingData(waves(20, 90), None, 20))

    forecast = quick.predict(contexts).mean

    np.testing.assert_array_equal(again.predict(contexts).mean, forecast)
    assert not np.array_equal(other.predict(contexts).mean, forecast)
    assert torch.equal(torch.random.get_rng_state(), state)  # nobody drew from the global generator


def test_a_fitted_forecaster_can_be_pickled(quick: FreeRunning) -> None:
    contexts = contexts_of(waves(3, 90), 60, 20)

    copy = pickle.loads(pickle.dumps(quick))

    np.testing.assert_array_equal(copy.predict(contexts).mean, quick.predict(contexts).mean)


def test_windows_do_not_see_each_other(quick: FreeRunning) -> None:
    panel = waves(5, 90)
    contexts = contexts_of(panel, 60, 20, gap=3)
    broken = panel.values.copy()
    broken[: panel.offsets[1]] = np.nan
    whole = quick.predict(contexts).mean

    beside = quick.predict(contexts_of(panel.with_values(broken), 60, 20, gap=3)).mean
    alone = quick.predict(contexts.take(np.array([2]))).mean

    np.testing.assert_allclose(beside[1:], whole[1:], rtol=1e-9)
    np.testing.assert_allclose(alone[0], whole[2], rtol=1e-9)
    np.testing.assert_allclose(quick.predict(contexts_of(panel, 60, 23)).mean[:, 3:], whole, rtol=1e-9)


def test_a_short_past_is_continued_backwards_by_its_first_value(quick: FreeRunning) -> None:
    panel = waves(2, 90)
    longer = Panel.of([np.concatenate([np.full(100, series[0, 0]), series[:, 0]]) for series in panel])

    short = quick.predict(contexts_of(panel, 5, 8)).mean

    np.testing.assert_allclose(short, quick.predict(contexts_of(longer, 105, 8)).mean, rtol=1e-9)


def test_targets_are_forecast_each_by_itself() -> None:
    one, other = waves(20, 90), waves(20, 90, seed=8)
    pairs = [np.concatenate(both, axis=1) for both in zip(one, other, strict=True)]
    forecaster = FreeGru(**QUICK)
    forecaster.fit(TrainingData(Panel.of(pairs, channels=(Channel("a"), Channel("b"))), None, 20))

    both = forecaster.predict(contexts_of(Panel.of(pairs, channels=(Channel("a"), Channel("b"))), 60, 20)).mean

    np.testing.assert_allclose(both[..., :1], forecaster.predict(contexts_of(one, 60, 20)).mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(both[..., 1:], forecaster.predict(contexts_of(other, 60, 20)).mean, rtol=1e-5, atol=1e-6)


def test_forecasts_follow_the_level_and_scale_of_the_data() -> None:
    panel = waves(20, 90)
    forecasts: list[Floats] = []
    for a, b in ((1.0, 0.0), (100.0, 5000.0)):
        moved = panel.with_values(a * panel.values + b)
        forecaster = FreeDense(**QUICK, scale="panel")
        forecaster.fit(TrainingData(moved, None, 20))
        forecasts.append((forecaster.predict(contexts_of(moved, 60, 20)).mean - b) / a)

    np.testing.assert_allclose(forecasts[0], forecasts[1], rtol=1e-3, atol=1e-3)


def test_constant_series_are_continued() -> None:
    panel = Panel.of([np.full(90, 4.0)] * 3)
    forecaster = FreeRnn(**QUICK)

    forecaster.fit(TrainingData(panel, None, 10))

    np.testing.assert_allclose(forecaster.predict(contexts_of(panel, 60, 10)).mean, 4.0, atol=2.0)


def test_training_stops_where_a_loss_is_not_a_number() -> None:
    network = network_of(FreeDense)
    values = torch.full((70, 2), np.nan, dtype=torch.float64)

    with pytest.raises(ArithmeticError, match="NaN or infinite in iteration 1 of teaching"):
        next(teach(network, iter([values] * 3), 60, 3))
    with pytest.raises(ArithmeticError, match="NaN or infinite in evaluation 1 of 10 free steps"):
        next(stretch(network, values, 60, 5))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"teach_iterations": -1}, "teach_iterations must be at least 0, not -1"),
        ({"finish_evaluations": -5}, "finish_evaluations must be at least 0, not -5"),
        ({"batch": 0}, "batch must be at least 1, not 0"),
        ({"hidden": 0}, "hidden must be at least 1, not 0"),
        ({"warm_up": 1}, "warm_up must be at least 2, not 1"),
        ({"scale": "nothing"}, "scale is one of panel, window, none, not 'nothing'"),
        ({"target": "values"}, "target is one of level, change, seasonal-change, not 'values'"),
        ({"seconds": 0.0}, "seconds must be positive, not 0.0"),
    ],
)
def test_bad_hyperparameters_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FreeRnn(**fields)


def test_series_that_are_too_short_are_named_unsupported() -> None:
    with pytest.raises(Unsupported, match=r"at least 33 observations .* 32 to start from and one .* has 30"):
        FreeCnn(**QUICK).fit(TrainingData(waves(3, 30), None, 20))
    with pytest.raises(Unsupported, match="has no observed value"):
        FreeRnn(**QUICK).fit(TrainingData(Panel.of([np.full(80, np.nan)]), None, 20))


def test_a_guard_of_seconds_ends_training_and_says_so() -> None:
    forecaster = FreeRnn(**{**QUICK, "teach_iterations": 300}, seconds=1e-9)

    forecaster.fit(TrainingData(waves(20, 90), None, 20))

    assert "stopped by its time limit" in " ".join(forecaster.remarks_)


def test_the_catalog_lists_them_with_a_seed() -> None:
    assert [spec.load().__name__ for spec in SPECS] == [factory.__name__ for factory in PARAMETERS]
    assert all(spec.takes_seed() for spec in SPECS)
