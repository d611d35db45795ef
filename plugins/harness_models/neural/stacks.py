"""Stacks of recurrent layers, in one or in both directions. Shapes are (time, batch, channel)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_models.neural.cells import RecurrentLayer, State, StatefulLayer
from harness_models.neural.layers import Dropout, SequenceBatchNorm, apply_dropout


class StackLayer(nn.Module):  # type: ignore[misc]
    """A layer of a stack in one or both directions, whose states or features of the last step are the output.

    `recurrent_dropout` has one mask per sequence and direction. Without a generator there is none.
    """

    is_layer = True  # one row of a model summary

    def __init__(
        self, cell: str, inputs: int, hidden: int, bidirectional: bool, biases: int, recurrent_dropout: float
    ) -> None:
        super().__init__()
        self.recurrent_dropout = recurrent_dropout
        self.directions = nn.ModuleList(
            RecurrentLayer(cell, inputs, hidden, biases) for _ in range(2 if bidirectional else 1)
        )
        self.features = len(self.directions) * hidden
        kind = self.directions[0].layer_type
        self.layer_type = f"bidirectional {kind}" if bidirectional else kind
        self.returns_last = False

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """The states of all steps; or if `returns_last` the last state of each direction, (batch, feature)."""
        states = self._run(self.directions[0], inputs, observed, generator)
        if len(self.directions) == 1:
            return states[-1] if self.returns_last else states
        backwards = self._run(self.directions[1], reverse_steps(inputs, observed), observed, generator)
        if self.returns_last:
            return torch.cat([states[-1], backwards[-1]], dim=-1)
        return torch.cat([states, reverse_steps(backwards, observed)], dim=-1)

    def _run(
        self, layer: RecurrentLayer, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None
    ) -> Tensor:
        if generator is None or self.recurrent_dropout == 0:
            return layer(inputs, observed)
        dropout_mask = apply_dropout(inputs.new_ones(inputs.shape[1], layer.hidden), self.recurrent_dropout, generator)
        return layer(inputs, observed, dropout_mask)


class Stack(nn.Module):  # type: ignore[misc]
    """Stacked recurrent layers. The output are the states of all steps, or if `returns_last` the last ones.

    From the second layer on, its input is normalised by the batch if `batch_normalisation`; `dropout` acts on it, with
    a new mask at every step; and if `skip_connections`, what the layer below returned is added to its output.
    """

    def __init__(
        self,
        cell: str,
        inputs: int,
        hidden: int,
        layers: int = 1,
        bidirectional: bool = False,
        *,
        returns_last: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        biases: int = 1,
        batch_normalisation: bool = False,
        skip_connections: bool = False,
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.has_skips = skip_connections
        self.features = hidden * (2 if bidirectional else 1)
        widths = [inputs] + [self.features] * (layers - 1)
        self.layers = nn.ModuleList(
            StackLayer(cell, width, hidden, bidirectional, biases, recurrent_dropout) for width in widths
        )
        self.layers[-1].returns_last = returns_last
        count = layers - 1 if batch_normalisation else 0
        self.norms = nn.ModuleList(SequenceBatchNorm(self.features) for _ in range(count))

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """(time, batch, feature), or (batch, feature) if it returns the last states."""
        values = self.layers[0](inputs, observed, generator)
        for depth, layer in enumerate(self.layers[1:]):
            below = self.norms[depth](values, observed) if self.norms else values
            output = layer(self.dropout(below, generator), observed, generator)
            if self.has_skips:
                output = output + (self._last(values, observed) if layer.returns_last else values)
            values = output
        return values

    def _last(self, states: Tensor, observed: Tensor | None) -> Tensor:
        """The last states of each direction; that of the backward one is at the first observed step."""
        if len(self.layers[0].directions) == 1:
            return states[-1]
        forwards, backwards = states.chunk(2, dim=-1)
        return torch.cat([forwards[-1], reverse_steps(backwards, observed)[-1]], dim=-1)


class StatefulStack(nn.Module):  # type: ignore[misc]
    """Stacked recurrent layers that start from given states, as encoders and decoders do.

    `dropout` acts between layers, with a new mask at every step; without a generator there is none.
    """

    def __init__(
        self, cell: str, inputs: int, hidden: int, layers: int = 1, dropout: float = 0.0, biases: int = 1
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.features = hidden
        widths = [inputs] + [hidden] * (layers - 1)
        self.layers = nn.ModuleList(StatefulLayer(cell, width, hidden, biases) for width in widths)

    def forward(
        self,
        inputs: Tensor,
        states: list[State] | None,
        generator: torch.Generator | None,
        observed: Tensor | None = None,
    ) -> tuple[Tensor, list[State]]:
        """The outputs of the last layer, and the last states of all layers."""
        ends = []
        for depth, layer in enumerate(self.layers):
            if depth:
                inputs = self.dropout(inputs, generator)
            inputs, end = layer(inputs, states and states[depth], observed)
            ends.append(end)
        return inputs, ends


def reverse_steps(values: Tensor, observed: Tensor | None) -> Tensor:
    """The observed steps of each sequence in reverse, with the padding still in front."""
    if observed is None:
        return values.flip(0)
    steps = torch.arange(len(values), device=values.device)[:, None]
    padding = (len(values) - observed.sum(0)).long()
    order = torch.where(steps < padding, steps, len(values) - 1 + padding - steps)
    return values.gather(0, order[..., None].expand_as(values))
