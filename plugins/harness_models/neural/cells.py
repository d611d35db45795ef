"""Recurrent layers: RNN, LSTM and GRU as modules over sequences, and stacks of them.

Where there is no recurrent dropout, LSTM and GRU run on torch's fused kernels. An LSTM and an RNN have one
bias vector a gate, as in Keras; torch's second one is zero. Shapes are (time, batch, channel).

Sequences shorter than their batch are padded in front. There `observed`, (time, batch), is 0 and the state
stays zero: an LSTM's input gate is held shut, and a GRU's update gate open, by a further input column.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_models.neural.sequences import GruSequence, LstmSequence, RnnSequence

GATES = {"rnn-tanh": 1, "rnn-relu": 1, "lstm": 4, "gru": 3}
SHUT = 1e4  # a sigmoid of minus this is exactly zero

State = tuple[Tensor, Tensor]


class RecurrentLayer(nn.Module):  # type: ignore[misc]
    """One layer in one direction. Its gates stand in torch's order: i, f, g, o and r, z, n."""

    def __init__(self, cell: str, inputs: int, hidden: int) -> None:
        super().__init__()
        if cell not in GATES:
            raise ValueError(f"cell is one of {', '.join(GATES)}, not {cell!r}")
        rows = GATES[cell] * hidden
        self.cell, self.hidden = cell, hidden
        self.weight = nn.Parameter(torch.empty(rows, inputs))
        self.recurrent = nn.Parameter(torch.empty(rows, hidden))
        self.bias = nn.Parameter(torch.zeros(rows))
        if cell == "gru":
            self.second_bias = nn.Parameter(torch.zeros(rows))

    def forward(self, inputs: Tensor, observed: Tensor | None = None, kept: Tensor | None = None) -> Tensor:
        """The states of all steps, from zero; `kept`, (batch, hidden), is the mask of recurrent dropout."""
        if self.cell.startswith("rnn"):
            curved = self.cell == "rnn-tanh"
            return RnnSequence.apply(inputs, self.weight, self.recurrent, self.bias, kept, observed, curved)
        if kept is None and self.cell == "lstm":
            return self.continued(inputs, None, observed)[0]
        weight = self.weight
        if observed is not None:
            inputs, weight = self._held(inputs, observed)
        if kept is None:
            zero = inputs.new_zeros(1, inputs.shape[1], self.hidden)
            weights = [weight, self.recurrent, self.bias, self.second_bias]
            return torch.gru(inputs, zero, weights, True, 1, 0.0, self.training, False, False)[0]
        if self.cell == "lstm":
            return LstmSequence.apply(inputs, weight, self.recurrent, self.bias, kept)
        return GruSequence.apply(inputs, weight, self.recurrent, self.bias, self.second_bias, kept)

    def continued(self, inputs: Tensor, state: State | None, observed: Tensor | None = None) -> tuple[Tensor, State]:
        """An LSTM's states of all steps, and the one to go on from, (batch, hidden) each."""
        weight = self.weight
        if observed is not None:
            inputs, weight = self._held(inputs, observed)
        zero = inputs.new_zeros(inputs.shape[1], self.hidden)
        first = [one[None] for one in (state or (zero, zero))]
        weights = [weight, self.recurrent, self.bias, torch.zeros_like(self.bias)]
        states, last, cell = torch.lstm(inputs, first, weights, True, 1, 0.0, self.training, False, False)
        return states, (last[0], cell[0])

    def _held(self, inputs: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and weights with a column that keeps the state zero where nothing is observed."""
        column = torch.zeros_like(self.bias)
        if self.cell == "lstm":
            column[: self.hidden] = -SHUT
        else:
            column[self.hidden : 2 * self.hidden] = SHUT
        return torch.cat([inputs, 1 - observed[..., None]], 2), torch.cat([self.weight, column[:, None]], 1)


class Stack(nn.Module):  # type: ignore[misc]
    """Recurrent layers on each other, in one or in both directions.

    `dropout` acts between layers, at every step anew; `recurrent_dropout` within them, with one mask a
    sequence. Both draw from the generator they are given, and where there is none nothing is dropped.
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
    ) -> None:
        super().__init__()
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.directions = 2 if bidirectional else 1
        self.features = self.directions * hidden
        widths = [inputs] + [self.features] * (layers - 1)
        self.layers = nn.ModuleList(
            RecurrentLayer(cell, width, hidden) for width in widths for _ in range(self.directions)
        )

    def forward(self, inputs: Tensor, observed: Tensor | None, draws: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """The states of all steps, and the last ones that each direction comes to, (batch, feature)."""
        last = inputs
        for depth in range(0, len(self.layers), self.directions):
            if depth:
                inputs = dropped(inputs, self.dropout, draws)
            states = self._layer(self.layers[depth], inputs, observed, draws)
            last = states[-1]
            if self.directions == 2:
                backwards = self._layer(self.layers[depth + 1], reversed_steps(inputs, observed), observed, draws)
                last = torch.cat([last, backwards[-1]], dim=-1)
                states = torch.cat([states, reversed_steps(backwards, observed)], dim=-1)
            inputs = states
        return inputs, last

    def _layer(
        self, layer: RecurrentLayer, inputs: Tensor, observed: Tensor | None, draws: torch.Generator | None
    ) -> Tensor:
        if draws is None or self.recurrent_dropout == 0:
            return layer(inputs, observed)
        kept = dropped(inputs.new_ones(inputs.shape[1], layer.hidden), self.recurrent_dropout, draws)
        return layer(inputs, observed, kept)

    def continued(
        self,
        inputs: Tensor,
        states: list[State] | None,
        draws: torch.Generator | None,
        observed: Tensor | None = None,
    ) -> tuple[Tensor, list[State]]:
        """The outputs of a one-way LSTM that goes on from the states of its layers, and those it ends with."""
        ends = []
        for depth, layer in enumerate(self.layers):
            if depth:
                inputs = dropped(inputs, self.dropout, draws)
            inputs, end = layer.continued(inputs, states and states[depth], observed)
            ends.append(end)
        return inputs, ends


def dropped(values: Tensor, rate: float, draws: torch.Generator | None) -> Tensor:
    """The values with a share of them zero and the others raised; unchanged where there is no generator."""
    if draws is None or rate == 0:
        return values
    return values * torch.empty_like(values).bernoulli_(1 - rate, generator=draws).div_(1 - rate)


def reversed_steps(values: Tensor, observed: Tensor | None) -> Tensor:
    """The observed steps of each sequence in reverse, the padding still in front."""
    if observed is None:
        return values.flip(0)
    steps = torch.arange(len(values), device=values.device)[:, None]
    padding = (len(values) - observed.sum(0)).long()
    order = torch.where(steps < padding, steps, len(values) - 1 + padding - steps)
    return values.gather(0, order[..., None].expand_as(values))
