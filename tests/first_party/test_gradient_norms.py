"""Gradient norms by time step, against independent unrolled loops of torch and finite differences."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from test_neural_generation import QUICK, contexts_of, waves

from harness import RollingOrigin, SeriesSplit, Task, TrainingData, evaluate
from harness_models.neural import direct, recurrent
from harness_models.neural.cells import RecurrentLayer
from harness_models.neural.generation.forecasters import FreeDense, FreeGru, FreeLstm, FreeRnn
from harness_models.neural.generation.free_running import FreeRunning
from harness_models.neural.generation.gradients import gradient_norms as free_gradient_norms
from harness_models.neural.generation.layers import initialise
from harness_models.neural.gradient_norms import gradient_norms
from harness_models.neural.seq2seq import Seq2Seq

CELLS = {"rnn-tanh": torch.nn.RNNCell, "rnn-relu": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}
STEPS, WINDOWS, CHANNELS, HIDDEN = 12, 5, 3, 7
TRAIN = TrainingData(waves(12, 90), None, 5)


def layer_of(cell: str) -> RecurrentLayer:
    layer = RecurrentLayer(cell, CHANNELS, HIDDEN).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-0.6, 0.6, generator=generator)
    return layer


def inputs_of(seed: int = 2) -> Any:
    return torch.randn(STEPS, WINDOWS, CHANNELS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unrolled(cell: str, layer: RecurrentLayer, inputs: Any) -> tuple[list[Any], list[Any]]:
    """The hidden and the cell states by torch's own cells, each with a gradient of its own."""
    options = {"nonlinearity": cell[4:]} if cell.startswith("rnn") else {}
    own = CELLS[cell](CHANNELS, HIDDEN, dtype=torch.float64, **options)
    with torch.no_grad():
        own.weight_ih.copy_(layer.weight)
        own.weight_hh.copy_(layer.recurrent)
        own.bias_ih.copy_(layer.bias)
        own.bias_hh.copy_(torch.zeros_like(layer.bias) if layer.second_bias is None else layer.second_bias)
    states: list[Any] = [None]
    for values in inputs:
        states.append(own(values, states[-1]))
        for state in states[-1] if cell == "lstm" else (states[-1],):
            state.retain_grad()
    if cell == "lstm":
        return [hidden for hidden, _ in states[1:]], [cells for _, cells in states[1:]]
    return states[1:], []


@pytest.mark.parametrize("cell", CELLS)
def test_norms_are_those_of_torch_s_own_cells(cell: str) -> None:
    layer, inputs = layer_of(cell), inputs_of()

    norms = gradient_norms(layer, lambda: (layer(inputs)[-1] ** 2).mean())

    hidden, cells = unrolled(cell, layer, inputs)
    (hidden[-1] ** 2).mean().backward()
    np.testing.assert_allclose(norms["hidden state"], [float(state.grad.norm()) for state in reversed(hidden)])
    if cell == "lstm":
        np.testing.assert_allclose(norms["cell state"], [float(state.grad.norm()) for state in reversed(cells)])
    assert list(norms) == (["hidden state", "cell state"] if cell == "lstm" else ["hidden state"])


@pytest.mark.parametrize("cell", CELLS)
def test_padded_steps_have_no_influence(cell: str) -> None:
    layer, inputs = layer_of(cell), inputs_of()
    observed = torch.ones(STEPS, WINDOWS, dtype=torch.float64)
    observed[:4] = 0

    norms = gradient_norms(layer, lambda: (layer(inputs, observed)[-1] ** 2).mean())["hidden state"]

    alone = gradient_norms(layer, lambda: (layer(inputs[4:])[-1] ** 2).mean())["hidden state"]
    np.testing.assert_allclose(norms[: STEPS - 4], alone, rtol=1e-9)
    assert norms[STEPS - 3 :] == [0.0, 0.0, 0.0]


def test_gradients_of_stacked_layers_are_added() -> None:
    below, above = layer_of("gru"), RecurrentLayer("rnn-tanh", HIDDEN, HIDDEN).double()
    with torch.no_grad():
        above.weight.fill_(0.1)
        above.recurrent.fill_(0.05)
    network = torch.nn.ModuleList([below, above])

    norms = gradient_norms(network, lambda: (above(below(inputs_of()))[-1] ** 2).mean())["hidden state"]

    states = below(inputs_of()).detach()
    of_above = gradient_norms(above, lambda: (above(states)[-1] ** 2).mean())["hidden state"]
    assert len(norms) == STEPS
    assert all(both > one for both, one in zip(norms, of_above, strict=True))


@pytest.mark.parametrize("factory", [FreeRnn, FreeLstm, FreeGru, partial(FreeGru, reset_after=False)])
def test_norms_of_free_running_networks_are_finite_differences(factory: type[FreeRunning]) -> None:
    network = factory(hidden=20).network(29)
    initialise(network, torch.Generator().manual_seed(1))
    values = torch.randn(30, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    norms = free_gradient_norms(network, values)["hidden state"]

    def loss_after(step: int, change: Any) -> float:
        """The loss if the hidden state after a step is changed."""
        with torch.no_grad():
            _, state = network.cell(values[: step + 1], network.head)
            state = state.clone()
            state[0] += change
            if step < len(values) - 2:
                _, state = network.cell(values[step + 1 : -1], network.head, state)
            return float(((network.head(state[0].T)[:, 0] - values[-1]) ** 2).mean())

    assert len(norms) == 29
    for back in (0, 1, 5):
        gradient = np.zeros((network.cell.hidden, 2))
        for unit in range(network.cell.hidden):
            for wave in range(2):
                change = torch.zeros(network.cell.hidden, 2, dtype=torch.float64)
                change[unit, wave] = 1e-5
                gradient[unit, wave] = (loss_after(28 - back, change) - loss_after(28 - back, -change)) / 2e-5
        assert norms[back] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)


@pytest.mark.parametrize("factory", [recurrent.Rnn, recurrent.Lstm, recurrent.Gru])
def test_direct_networks_have_norms_before_and_after_training(factory: Any) -> None:
    settings = {"iterations": 3, "lookback": 20, "hidden": 4, "layers": 2, "bidirectional": True, "dropout": 0.5}
    forecaster = factory(**settings, linear_path=False)

    forecaster.fit(TRAIN)

    states = ["hidden state", "cell state"] if factory is recurrent.Lstm else ["hidden state"]
    assert list(forecaster.gradient_norms_) == [
        f"{state} {when} training" for state in states for when in ("before", "after")
    ]
    for norms in forecaster.gradient_norms_.values():
        assert len(norms) == 20
        assert np.isfinite(norms).all()
        assert min(norms) > 0


@pytest.mark.parametrize("forecaster", [FreeGru(**QUICK), recurrent.Gru(iterations=4, lookback=20)])
def test_a_forecast_does_not_depend_on_the_norms(forecaster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts, other = contexts_of(waves(3, 90), 60, 5), replace(forecaster)
    forecaster.fit(TRAIN)
    for module in ("windowed", "generation.free_running"):
        monkeypatch.setattr(f"harness_models.neural.{module}.gradient_norms", lambda *arguments: {})

    other.fit(TRAIN)

    np.testing.assert_array_equal(forecaster.predict(contexts).mean, other.predict(contexts).mean)
    assert not other.gradient_norms_


def test_an_output_layer_that_starts_at_zero_passes_no_gradient_before_the_training() -> None:
    forecaster = recurrent.Lstm(iterations=3, lookback=20, hidden=4)

    forecaster.fit(TRAIN)

    norms = forecaster.gradient_norms_
    assert not any(norms["hidden state before training"])
    assert all(norms["hidden state after training"])


def test_networks_without_a_layer_that_starts_from_zero_have_none() -> None:
    for forecaster in (FreeDense(**QUICK), direct.Dense(iterations=2), Seq2Seq(iterations=2)):
        forecaster.fit(TRAIN)
        assert forecaster.gradient_norms_ == {}


def test_a_run_contains_the_norms() -> None:
    task = Task("waves", RollingOrigin(5, windows=2), SeriesSplit(8))

    run = evaluate(recurrent.Rnn(iterations=2, lookback=20), task, waves(12, 90))

    assert set(run.gradient_norms) == {"hidden state before training", "hidden state after training"}
    assert type(run).from_json(run.to_json()).gradient_norms == run.gradient_norms
