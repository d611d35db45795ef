"""Free runs of RNN, LSTM and GRU cells without gradients: the output is the next input.

tanh is computed as 2 σ(2z) − 1, since torch's sigmoid is the fastest nonlinearity. The state is q, where
the hidden state is h = 2 q − offset; factors and offset are part of the matrices and biases. The result is
exact up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from harness import Floats

Step = Callable[[Floats], None]  # updates the state, given the last output


def run_closed_loop(kind: str, matrix: Any, readout: Any, state: Any, steps: int) -> Any:
    """The outputs (step, wave) of a cell from a state (1 or 2, hidden, wave), as a tensor.

    `matrix` is that of `recurrence` over hidden state, output and a one. Its sigmoid rows are halved
    already, so that all rows need a factor of 2.
    """
    with torch.no_grad():
        hidden, waves = state.shape[1:]
        offset = 0.0 if kind == "lstm" else 1.0
        shift = offset * readout.sum()  # an output is the readout of 2 q, minus this
        own, of_output, bias = 2 * matrix[:, :hidden], 2 * matrix[:, [hidden]], 2 * matrix[:, [hidden + 1]]
        if kind == "gru":  # its rows x depend on the output only: no product over the state
            into = torch.cat([2 * of_output, bias - shift * of_output], dim=1)[:hidden]
            own, of_output, bias = own[hidden:], of_output[hidden:], bias[hidden:]
        own = own + of_output * readout
        folded = torch.cat([2 * own, bias - offset * own.sum(dim=1, keepdim=True)], dim=1).numpy()
        stacked = np.ones((hidden + 1, waves))
        q, products = torch.from_numpy(stacked)[:hidden], np.empty((len(folded), waves))
        q[:] = (state[0] + offset) / 2
        gates = torch.from_numpy(products).view(-1, hidden, waves)
        if kind == "gru":
            step = _gru(gates, q, into.numpy())
        else:
            step = _lstm(gates, q, 2 * state[1]) if kind == "lstm" else _rnn(gates, q)
        half, outputs = readout.numpy(), np.empty((steps + 1, waves))
        np.dot(half, stacked[:hidden], out=outputs[0])
        for before, after in pairwise(outputs):
            np.dot(folded, stacked, out=products)
            step(before)
            np.dot(half, stacked[:hidden], out=after)
        return 2 * torch.from_numpy(outputs[1:]) - shift


def _rnn(gates: Any, q: Any) -> Step:
    """h' = tanh(z)."""

    def step(before: Floats) -> None:
        torch.sigmoid(gates[0], out=q)

    return step


def _lstm(gates: Any, q: Any, cells: Any) -> Step:
    """The gates g, i, f, o: c' = f c + i g, h' = o tanh(c'); the cells contain 2 c, and g and tanh are halved."""
    g, i, f, o = gates
    squashed = torch.empty_like(cells)

    def step(before: Floats) -> None:
        torch.sigmoid(gates, out=gates)
        cells.mul_(f).addcmul_(i, g.sub_(0.5), value=4)
        torch.sigmoid(cells, out=squashed).sub_(0.5)
        torch.mul(o, squashed, out=q)

    return step


def _gru(gates: Any, q: Any, into: Floats) -> Step:
    """The rows n, r, z: a = tanh(x + r n), h' = a + z (h − a); x is the product of `into` with the output and a one."""
    n, r, z = gates
    entering = np.ones((2, q.shape[1]))
    x = np.empty(q.shape)
    a = torch.from_numpy(x)

    def step(before: Floats) -> None:
        entering[0] = before
        np.dot(into, entering, out=x)
        torch.sigmoid(gates[1:], out=gates[1:])
        torch.sigmoid(a.addcmul_(r, n), out=a)
        torch.lerp(a, q, z, out=q)

    return step
