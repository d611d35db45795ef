"""Recurrent layers: RNN, LSTM and GRU as modules over sequences, and stacks of them.

Without recurrent dropout, LSTM and GRU use torch's fused kernels. An LSTM and an RNN have one bias vector
per gate, as in Keras; torch's second one is zero, unless an LSTM is asked to learn both. Shapes are
(time, batch, channel).

Shorter sequences of a batch are padded in front. There `observed`, (time, batch), is 0 and the state stays
zero: an additional input column keeps an LSTM's input gate closed, or a GRU's update gate open.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_models.neural.sequences import GruSequence, LstmSequence, RnnSequence

GATES = {"rnn-tanh": 1, "rnn-relu": 1, "lstm": 4, "gru": 3}
SATURATED = 1e4  # the sigmoid of its negative is exactly zero

State = tuple[Tensor, Tensor]


class RecurrentLayer(nn.Module):  # type: ignore[misc]
    """One layer in one direction, with gates in torch's order: i, f, g, o and r, z, n."""

    def __init__(self, cell: str, inputs: int, hidden: int, two_biases: bool = False) -> None:
        super().__init__()
        if cell not in GATES:
            raise ValueError(f"cell is one of {', '.join(GATES)}, not {cell!r}")
        rows = GATES[cell] * hidden
        self.cell, self.hidden = cell, hidden
        self.weight = nn.Parameter(torch.empty(rows, inputs))
        self.recurrent = nn.Parameter(torch.empty(rows, hidden))
        self.bias = nn.Parameter(torch.zeros(rows))
        has_two = cell == "gru" or (cell == "lstm" and two_biases)
        self.register_parameter("second_bias", nn.Parameter(torch.zeros(rows)) if has_two else None)

    def forward(self, inputs: Tensor, observed: Tensor | None = None, dropout_mask: Tensor | None = None) -> Tensor:
        """The states of all steps, from zero; `dropout_mask`, (batch, hidden), is that of recurrent dropout."""
        if self.cell.startswith("rnn"):
            is_tanh = self.cell == "rnn-tanh"
            return RnnSequence.apply(inputs, self.weight, self.recurrent, self.bias, dropout_mask, observed, is_tanh)
        if dropout_mask is None and self.cell == "lstm":
            return self.resume(inputs, None, observed)[0]
        weight = self.weight
        if observed is not None:
            inputs, weight = self._with_held_state(inputs, observed)
        if dropout_mask is None:
            zero = inputs.new_zeros(1, inputs.shape[1], self.hidden)
            weights = [weight, self.recurrent, self.bias, self.second_bias]
            return torch.gru(inputs, zero, weights, True, 1, 0.0, self.training, False, False)[0]
        if self.cell == "lstm":
            bias = self.bias if self.second_bias is None else self.bias + self.second_bias
            return LstmSequence.apply(inputs, weight, self.recurrent, bias, dropout_mask)
        return GruSequence.apply(inputs, weight, self.recurrent, self.bias, self.second_bias, dropout_mask)

    def resume(self, inputs: Tensor, state: State | None, observed: Tensor | None = None) -> tuple[Tensor, State]:
        """An LSTM's states of all steps from a given state, and the last one, (batch, hidden) each."""
        weight = self.weight
        if observed is not None:
            inputs, weight = self._with_held_state(inputs, observed)
        zero = inputs.new_zeros(inputs.shape[1], self.hidden)
        first = [tensor[None] for tensor in (state or (zero, zero))]
        second_bias = torch.zeros_like(self.bias) if self.second_bias is None else self.second_bias
        weights = [weight, self.recurrent, self.bias, second_bias]
        states, last, cell = torch.lstm(inputs, first, weights, True, 1, 0.0, self.training, False, False)
        return states, (last[0], cell[0])

    def _with_held_state(self, inputs: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and weights with a column that keeps the state zero at padded steps."""
        column = torch.zeros_like(self.bias)
        if self.cell == "lstm":
            column[: self.hidden] = -SATURATED
        else:
            column[self.hidden : 2 * self.hidden] = SATURATED
        return torch.cat([inputs, 1 - observed[..., None]], 2), torch.cat([self.weight, column[:, None]], 1)


class Stack(nn.Module):  # type: ignore[misc]
    """Stacked recurrent layers, in one or in both directions.

    `dropout` acts between layers, with a new mask at every step; `recurrent_dropout` within them, with one
    mask per sequence. Without a generator there is no dropout.
    """

    def __init__(
        self,
        cell: str,
        inputs: int,
        hidden: int,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        two_biases: bool = False,
    ) -> None:
        super().__init__()
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.directions = 2 if bidirectional else 1
        self.features = self.directions * hidden
        widths = [inputs] + [self.features] * (layers - 1)
        self.layers = nn.ModuleList(
            RecurrentLayer(cell, width, hidden, two_biases) for width in widths for _ in range(self.directions)
        )

    def forward(
        self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """The states of all steps, and the last state of each direction, (batch, feature)."""
        last = inputs
        for depth in range(0, len(self.layers), self.directions):
            if depth:
                inputs = apply_dropout(inputs, self.dropout, generator)
            states = self._layer(self.layers[depth], inputs, observed, generator)
            last = states[-1]
            if self.directions == 2:
                backwards = self._layer(self.layers[depth + 1], reverse_steps(inputs, observed), observed, generator)
                last = torch.cat([last, backwards[-1]], dim=-1)
                states = torch.cat([states, reverse_steps(backwards, observed)], dim=-1)
            inputs = states
        return inputs, last

    def _layer(
        self, layer: RecurrentLayer, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None
    ) -> Tensor:
        if generator is None or self.recurrent_dropout == 0:
            return layer(inputs, observed)
        dropout_mask = apply_dropout(inputs.new_ones(inputs.shape[1], layer.hidden), self.recurrent_dropout, generator)
        return layer(inputs, observed, dropout_mask)

    def resume(
        self,
        inputs: Tensor,
        states: list[State] | None,
        generator: torch.Generator | None,
        observed: Tensor | None = None,
    ) -> tuple[Tensor, list[State]]:
        """The outputs of a unidirectional LSTM from given states of its layers, and its last states."""
        ends = []
        for depth, layer in enumerate(self.layers):
            if depth:
                inputs = apply_dropout(inputs, self.dropout, generator)
            inputs, end = layer.resume(inputs, states and states[depth], observed)
            ends.append(end)
        return inputs, ends


def apply_dropout(values: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Dropout: a share of the values is zero, the others are scaled up; unchanged without a generator."""
    if generator is None or rate == 0:
        return values
    return values * torch.empty_like(values).bernoulli_(1 - rate, generator=generator).div_(1 - rate)


def reverse_steps(values: Tensor, observed: Tensor | None) -> Tensor:
    """The observed steps of each sequence in reverse, with the padding still in front."""
    if observed is None:
        return values.flip(0)
    steps = torch.arange(len(values), device=values.device)[:, None]
    padding = (len(values) - observed.sum(0)).long()
    order = torch.where(steps < padding, steps, len(values) - 1 + padding - steps)
    return values.gather(0, order[..., None].expand_as(values))
