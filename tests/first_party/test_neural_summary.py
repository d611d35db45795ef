"""Model summaries of networks: the rows that Keras prints for the textbook's networks, and other modules of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from presets import PRESETS
from torch import nn

from harness import Channel, ForecasterSpec, Layer, Panel, RollingOrigin, Task, evaluate
from harness_models import harness_forecasters
from harness_models.neural import SPECS
from harness_models.neural.summary import static_summary, summarise

BY_NAME = {spec.name: spec for spec in harness_forecasters()}
TASK = Task("waves", RollingOrigin(horizon=3, windows=1), quantile_levels=(0.1, 0.9))
CHANNELS = [Channel("y"), *(Channel(f"x{i}", "past covariate") for i in range(13))]
WEATHER = Panel.of([np.random.default_rng(0).normal(size=(200, 14))], channels=CHANNELS)
# F. Chollet, Deep Learning with Python, 2021, chapter 10, as Keras prints them; convolutions as (channel, step)
TABLES = {
    "dense": [("Flatten", (1680,), 0), ("Linear", (16,), 26_896), ("Linear", (1,), 17)],
    "cnn": [
        ("Conv1d", (8, 97), 2_696),
        ("MaxPool1d", (8, 48), 0),
        ("Conv1d", (8, 37), 776),
        ("MaxPool1d", (8, 18), 0),
        ("Conv1d", (8, 13), 392),
        ("GlobalAveragePool", (8,), 0),
        ("Linear", (1,), 9),
    ],
    "lstm": [("LSTM", (16,), 1_984), ("Linear", (1,), 17)],
    "lstm, recurrent dropout": [("LSTM", (32,), 6_016), ("Dropout", (32,), 0), ("Linear", (1,), 33)],
    "stacked gru": [("GRU", (120, 32), 4_608), ("GRU", (32,), 6_336), ("Dropout", (32,), 0), ("Linear", (1,), 33)],
    "bidirectional lstm": [("bidirectional LSTM", (32,), 3_968), ("Linear", (1,), 33)],
}


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_of_the_textbook(name: str) -> None:
    forecaster = PRESETS[name].make(epochs=1, batch_size=8)

    run = evaluate(forecaster, Task("weather", RollingOrigin(horizon=1, windows=1)), WEATHER)

    rows = [(layer.type, layer.output_shape, layer.parameters) for layer in run.model_summary]
    assert rows == [(kind, (None, *shape), count) for kind, shape, count in TABLES[name]]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_layers_have_the_parameters_that_the_network_counts(spec: ForecasterSpec) -> None:
    free = {"teach_iterations": 1, "stretch_evaluations": 0, "finish_evaluations": 0}
    forecaster: Any = spec.make(free if spec.name.startswith("free") else {"iterations": 1}, 0)
    static = {} if spec.name.startswith("free") else {"static": {"kind": ["a", "b"]}}
    panel, task = Panel.of([np.sin(np.arange(90.0)), np.cos(np.arange(90.0))], season_length=6, **static), TASK
    if spec.categorical:
        letters = Channel("letter", categories=("a", "b", "c"))
        panel, task = Panel.of([np.arange(90.0) % 3], channels=[letters]), Task("letters", RollingOrigin(3, windows=1))
    state = torch.get_rng_state()

    run = evaluate(forecaster, task, panel)

    assert run.model_summary
    assert sum(layer.parameters for layer in run.model_summary) == forecaster.parameter_count == run.costs.parameters
    assert len({layer.name for layer in run.model_summary}) == len(run.model_summary)
    assert all(layer.output_shape[0] is None for layer in run.model_summary)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", ["dense", "free-lstm", "ridge"])
def test_there_is_none_before_the_fit_and_none_of_other_models(name: str) -> None:
    assert not hasattr(BY_NAME[name].make({}, 0), "model_summary")


class Pair(nn.Module):
    """An LSTM, and two heads that share their weights, of which the second is used without a call."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 5)
        self.first, self.second = nn.Linear(5, 3), nn.Linear(5, 3)
        self.second.weight = self.first.weight
        self.unused = nn.Dropout(0.5)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(inputs)
        return self.first(states[-1]) + nn.functional.linear(states[-1], self.second.weight, self.second.bias)


def test_a_network_of_others_has_a_row_for_each_layer_and_counts_shared_weights_once() -> None:
    network = Pair()

    rows = summarise(network, lambda windows: network(torch.zeros(7, windows, 2)))

    assert rows == (
        Layer("lstm", "LSTM", (None, 7, 5), 4 * 5 * (2 + 5 + 2)),
        Layer("first", "Linear", (None, 3), 18),
        Layer("second", "Linear", (None, 3), 3),
    )
    assert network.training
    assert sum(row.parameters for row in rows) == sum(parameter.numel() for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_without_a_call_shapes_are_those_of_one_step() -> None:
    assert static_summary(Pair())[0] == Layer("lstm", "LSTM", (None, 5), 4 * 5 * (2 + 5 + 2))
