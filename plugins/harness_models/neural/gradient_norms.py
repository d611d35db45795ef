"""Gradient norms: how strongly a loss depends on the state of a recurrent network at each time step.

The norm at step t is that of ∂L/∂h_t over all windows and units of a batch, through all later steps (Bengio, Simard &
Frasconi 1994; Pascanu, Mikolov & Bengio 2013, section 2). Of an LSTM, the norm of ∂L/∂c_t of the cell state is computed
beside it, since its gradients flow through the cell state. Where layers are stacked or bidirectional, the squares of
their norms are added, each in the order in which the layer reads the steps.

Kernels over whole sequences do not have these gradients, so the states are computed again, one step after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from harness_models.neural.cells import RecurrentLayer

STATES = ("hidden state", "cell state")
Norms = Mapping[str, list[float]]  # by state, "hidden state" or "cell state": at each time step, the last one first
States = dict[str, list[Tensor]]  # by state: at each time step


def gradient_norms(network: nn.Module, loss_of: Callable[[], Tensor]) -> Norms:
    """The norms of the gradients of a loss by the states of all recurrent layers; none if there are no such layers.

    Layers that start from a given state, as those of encoders and decoders do, are left out.
    Neither the network nor its gradients are changed; the loss is computed in the mode of evaluation, without dropout.
    """
    layers = [module for module in network.modules() if type(module) is RecurrentLayer]
    if not layers:
        return {}
    was_training = network.training
    network.eval()
    with recorded_states(layers) as recorded:
        loss = loss_of()
    network.train(was_training)
    return norms_of(loss, recorded)


def before_and_after(before: Norms, after: Norms) -> dict[str, list[float]]:
    """The norms before and after the training, by names for a plot."""
    return {
        f"{state} {when} training": norms
        for state in before
        for when, norms in (("before", before[state]), ("after", after[state]))
    }


def norms_of(loss: Tensor, recorded: list[States]) -> Norms:
    """The norms of the gradients of a loss by the states of some layers."""
    return {
        state: _norms(loss, [layer[state] for layer in recorded if state in layer])
        for state in STATES
        if any(state in layer for layer in recorded)
    }


def _norms(loss: Tensor, layers: list[list[Tensor]]) -> list[float]:
    states = [state for layer in layers for state in layer]
    gradients = torch.autograd.grad(loss, states, retain_graph=True, materialize_grads=True)
    squares = torch.stack([gradient.double().square().sum() for gradient in gradients])
    return [float(norm) for norm in squares.view(len(layers), -1).sum(0).sqrt().flip(0)]


@contextmanager
def recorded_states(layers: list[RecurrentLayer]) -> Iterator[list[States]]:
    """Computes the outputs of these layers step by step, and records the states of each."""
    recorded: list[States] = []

    def record(layer: RecurrentLayer, arguments: Any, output: Tensor) -> Tensor:
        states = step_by_step(layer, *arguments[:2])
        recorded.append(states)
        return torch.stack(states["hidden state"])

    handles = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def step_by_step(layer: RecurrentLayer, inputs: Tensor, observed: Tensor | None = None) -> States:
    """The states of a layer after each step of (time, batch, channel), (batch, hidden) each; zero where padded."""
    weights = Weights(layer.cell, layer.weight, layer.recurrent, layer.bias, layer.second_bias)
    hidden = cell = inputs.new_zeros(inputs.shape[1], layer.hidden)
    states: States = {"hidden state": []} | ({"cell state": []} if layer.cell == "lstm" else {})
    for step, values in enumerate(inputs):
        hidden, cell = next_states(weights, values, hidden, cell, None if observed is None else observed[step][:, None])
        states["hidden state"].append(hidden)
        if "cell state" in states:
            states["cell state"].append(cell)
    return states


@dataclass(frozen=True, eq=False)
class Weights:
    """The parameters of a layer of cells of one kind, as those of a `RecurrentLayer`."""

    cell: str
    weight: Tensor  # (gate × hidden, input)
    recurrent: Tensor  # (gate × hidden, hidden)
    bias: Tensor | None
    second_bias: Tensor | None


def next_states(
    weights: Weights, values: Tensor, hidden: Tensor, cell: Tensor, observed: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The next hidden state and cell state, (batch, hidden); a layer other than an LSTM leaves the latter as it is.

    Where `observed`, (batch, 1), is 0 they are zero.
    """
    if weights.cell == "lstm":
        return _next_of_lstm(weights, values, hidden, cell, observed)
    if weights.cell.startswith("rnn"):
        total = _sums(weights, values, hidden).sum(0)
        following = total.tanh() if weights.cell == "rnn-tanh" else total.relu()
    elif weights.cell == "gru":
        following = _next_of_gru(weights, values, hidden)
    else:
        following = _next_of_gru_reset_before(weights, values, hidden)
    return (following if observed is None else following * observed), cell


def _sums(weights: Weights, values: Tensor, hidden: Tensor) -> Tensor:
    """W x + b and U h + d, (2, batch, gate × hidden)."""
    of_values = linear(values, weights.weight, weights.bias)
    return torch.stack([of_values, linear(hidden, weights.recurrent, weights.second_bias)])


def _next_of_lstm(
    weights: Weights, values: Tensor, hidden: Tensor, cell: Tensor, observed: Tensor | None
) -> tuple[Tensor, Tensor]:
    i, f, g, o = _sums(weights, values, hidden).sum(0).chunk(4, dim=1)
    following = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    following = following if observed is None else following * observed
    return o.sigmoid() * following.tanh(), following


def _next_of_gru(weights: Weights, values: Tensor, hidden: Tensor) -> Tensor:
    (r, z, n), (own_r, own_z, own_n) = (part.chunk(3, dim=1) for part in _sums(weights, values, hidden))
    return torch.lerp((n + (r + own_r).sigmoid() * own_n).tanh(), hidden, (z + own_z).sigmoid())


def _next_of_gru_reset_before(weights: Weights, values: Tensor, hidden: Tensor) -> Tensor:
    size = 2 * hidden.shape[1]
    of_gates, of_candidate = linear(values, weights.weight, weights.bias).split([size, hidden.shape[1]], dim=1)
    r, z = torch.sigmoid(of_gates + linear(hidden, weights.recurrent[:size])).chunk(2, dim=1)
    return torch.lerp((of_candidate + linear(r * hidden, weights.recurrent[size:])).tanh(), hidden, z)
