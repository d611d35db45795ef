"""Recurrent layers: RNN, LSTM and GRU as modules over sequences.

Without recurrent dropout, LSTM and GRU use torch's fused kernels. An LSTM and an RNN have one bias vector per gate, as
in Keras, or two as in torch, or none. A GRU whose reset gate acts after the recurrent product has two or none, one
whose reset gate acts before it one or none. Shapes are (time, batch, channel).

Shorter sequences of a batch are padded in front. There `observed`, (time, batch), is 0 and the state stays
zero: an additional input column keeps an LSTM's input gate closed, or a GRU's update gate open.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_models.neural.gru_sequences import GruResetBeforeSequence, GruSequence
from harness_models.neural.sequences import LstmSequence, RnnSequence

GATES = {"rnn-tanh": 1, "rnn-relu": 1, "lstm": 4, "gru": 3, "gru-reset-before": 3}
SATURATED = 1e4  # the sigmoid of its negative is exactly zero

State = tuple[Tensor, ...]  # of an LSTM two, of other cells one


class RecurrentLayer(nn.Module):  # type: ignore[misc]
    """One layer in one direction, with gates in torch's order: i, f, g, o and r, z, n.

    `biases` is the number of bias vectors of an RNN or LSTM; of a GRU, 0 means none.
    """

    def __init__(self, cell: str, inputs: int, hidden: int, biases: int = 1) -> None:
        super().__init__()
        if cell not in GATES:
            raise ValueError(f"cell is one of {', '.join(GATES)}, not {cell!r}")
        rows = GATES[cell] * hidden
        self.cell, self.hidden = cell, hidden
        self.layer_type = cell.split("-")[0].upper()
        self.weight = nn.Parameter(torch.empty(rows, inputs))
        self.recurrent = nn.Parameter(torch.empty(rows, hidden))
        has_two = cell == "gru" or (cell != "gru-reset-before" and biases == 2)
        self.register_parameter("bias", nn.Parameter(torch.zeros(rows)) if biases else None)
        self.register_parameter("second_bias", nn.Parameter(torch.zeros(rows)) if biases and has_two else None)

    def forward(self, inputs: Tensor, observed: Tensor | None = None, dropout_mask: Tensor | None = None) -> Tensor:
        """The states of all steps, from zero; `dropout_mask`, (batch, hidden), is that of recurrent dropout."""
        if self.cell.startswith("rnn"):
            is_tanh = self.cell == "rnn-tanh"
            bias = self._summed_bias()
            return RnnSequence.apply(inputs, self.weight, self.recurrent, bias, dropout_mask, observed, is_tanh)
        if dropout_mask is None and self.cell == "lstm":
            return run_lstm(self, inputs, None, observed)[0]
        weight = self.weight
        if observed is not None:
            inputs, weight = with_held_state(self, inputs, observed)
        if dropout_mask is None and self.cell == "gru":
            zero = inputs.new_zeros(1, inputs.shape[1], self.hidden)
            biases = [] if self.bias is None else [self.bias, self.second_bias]
            weights = [weight, self.recurrent, *biases]
            return torch.gru(inputs, zero, weights, bool(biases), 1, 0.0, self.training, False, False)[0]
        if self.cell == "lstm":
            return LstmSequence.apply(inputs, weight, self.recurrent, self._summed_bias(), dropout_mask)
        if self.cell == "gru-reset-before":
            return GruResetBeforeSequence.apply(inputs, weight, self.recurrent, self._summed_bias(), dropout_mask)
        bias, second = (self._zeros() if vector is None else vector for vector in (self.bias, self.second_bias))
        return GruSequence.apply(inputs, weight, self.recurrent, bias, second, dropout_mask)

    def _summed_bias(self) -> Tensor:
        if self.bias is None:
            return self._zeros()
        return self.bias if self.second_bias is None else self.bias + self.second_bias

    def _zeros(self) -> Tensor:
        return self.weight.new_zeros(len(self.weight))


class StatefulLayer(RecurrentLayer):
    """A layer that starts from a given state, and returns the last one as well: tensors of (batch, hidden).

    An LSTM has two of them, the others one. A GRU's reset gate acts after the recurrent product.
    """

    def forward(  # type: ignore[override]
        self, inputs: Tensor, state: State | None = None, observed: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The states of all steps, and the last one; without a state it starts from zero.

        Padded steps in front, which are not `observed`, are for a start from zero.
        """
        if self.cell == "lstm":
            return run_lstm(self, inputs, state, observed)
        if state is None:
            states = super().forward(inputs, observed)
            return states, (states[-1],)
        run = {"rnn-tanh": torch.rnn_tanh, "rnn-relu": torch.rnn_relu, "gru": torch.gru}[self.cell]
        biases = [] if self.bias is None else [self.bias, self.second_bias]
        if biases and self.second_bias is None:
            biases[1] = torch.zeros_like(self.bias)
        weights = [self.weight, self.recurrent, *biases]
        states, last = run(inputs, state[0][None], weights, bool(biases), 1, 0.0, self.training, False, False)
        return states, (last[0],)


def run_lstm(
    layer: RecurrentLayer, inputs: Tensor, state: State | None, observed: Tensor | None = None
) -> tuple[Tensor, State]:
    """An LSTM's states of all steps from a given state, and the last one, by torch's fused kernel."""
    weight = layer.weight
    if observed is not None:
        inputs, weight = with_held_state(layer, inputs, observed)
    zero = inputs.new_zeros(inputs.shape[1], layer.hidden)
    first = [tensor[None] for tensor in (state or (zero, zero))]
    biases = []
    if layer.bias is not None:
        biases = [layer.bias, torch.zeros_like(layer.bias) if layer.second_bias is None else layer.second_bias]
    weights = [weight, layer.recurrent, *biases]
    states, last, cell = torch.lstm(inputs, first, weights, bool(biases), 1, 0.0, layer.training, False, False)
    return states, (last[0], cell[0])


def with_held_state(layer: RecurrentLayer, inputs: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and weights with a column that keeps the state of an LSTM or GRU zero at padded steps."""
    column = layer.weight.new_zeros(len(layer.weight))
    if layer.cell == "lstm":
        column[: layer.hidden] = -SATURATED
    else:
        column[layer.hidden : 2 * layer.hidden] = SATURATED
    return torch.cat([inputs, 1 - observed[..., None]], 2), torch.cat([layer.weight, column[:, None]], 1)
