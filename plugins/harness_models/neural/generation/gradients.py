"""Gradient norms of free-running recurrent networks: of the error of the next value after a warm-up."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from harness_models.neural.generation.layers import RecurrentCell, ResetBeforeCell
from harness_models.neural.generation.models import Recurrent
from harness_models.neural.gradient_norms import STATES, Norms, Weights, next_states, norms_of


def gradient_norms(network: nn.Module, values: Any) -> Norms:
    """The norms at each step before the last one of values (step, wave); none if it is no single recurrent layer.

    The loss is the mean squared error of the prediction of the last values alone, so that the gradient at a step is
    what has come back through time from the end.
    """
    if not isinstance(network, Recurrent):
        return {}
    weights = _weights(network.cell)
    hidden = cell = torch.zeros(values.shape[1], network.cell.hidden, dtype=values.dtype)
    states = []
    for value in values[:-1]:
        hidden, cell = next_states(weights, value[:, None], hidden, cell)
        states.append((hidden, cell))
    error = network.head(hidden)[:, 0] - values[-1]
    kept = STATES if weights.cell == "lstm" else STATES[:1]
    by_state = zip(kept, zip(*states, strict=True), strict=False)
    return norms_of((error * error).mean(), [{name: list(of_state) for name, of_state in by_state}])


def _weights(cell: RecurrentCell | ResetBeforeCell) -> Weights:
    if isinstance(cell, ResetBeforeCell):
        return Weights("gru-reset-before", cell.weight, cell.recurrent, cell.bias, None)
    layer = cell.layer
    biases = (layer.bias_ih_l0, layer.bias_hh_l0) if layer.bias else (None, None)
    kind = "rnn-tanh" if cell.kind == "rnn" else cell.kind
    return Weights(kind, layer.weight_ih_l0, layer.weight_hh_l0, *biases)
