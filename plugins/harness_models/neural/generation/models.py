"""Free-running networks: small torch modules whose outputs are their next inputs.

Each is called with the past (step, wave) and the number of steps of the free run. It returns its
predictions of the values from index `first_predicted(len(past))` on: one-step predictions within the past,
then the free run. Where the only input of a cell is the output x = o h + c, it is part of the recurrence,
exactly: the matrix is W_hh + W_ih o and the bias b + W_ih c.

`sampled(values, own, warm_up)` returns the predictions from the same index to the end of the values. The inputs in the
steps and waves of `own` are the predictions for them, if there are any, and the others the actual values.

Networks are trained in float64: in long free runs the rounding errors of float32 disturb line searches. Free runs of
recurrent layers without gradients are computed in float32 (see `inference`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from harness_models.neural.generation.lagged import Layer, free_run
from harness_models.neural.generation.layers import RecurrentCell, ResetBeforeCell, bias_of, convolution, linear

Tensor = Any


class Recurrent(nn.Module):  # type: ignore[misc]
    """One layer of RNN, LSTM or GRU cells, and a linear head that predicts the next value."""

    def __init__(self, cell: RecurrentCell | ResetBeforeCell, output_bias: bool = True) -> None:
        super().__init__()
        self.cell = cell
        self.head = linear(cell.hidden, 1, output_bias)

    def first_predicted(self, warm_up: int) -> int:
        """The second value."""
        return 1

    def forward(self, past: Tensor, steps: int) -> Tensor:
        predicted, state = self.cell(past, self.head)
        if steps == 1:
            return predicted
        ahead = self.cell.free_run(state, steps - 1, self.head)
        return torch.cat([predicted, ahead])

    def sampled(self, values: Tensor, own: Tensor, warm_up: int) -> Tensor:
        """Predictions of all values but the first."""
        return self.cell.sampled(values[:-1], own[:-1], self.head)


class Lagged(nn.Module, ABC):  # type: ignore[misc]
    """A network on lags."""

    lags: int
    head: Any

    @abstractmethod
    def layers(self) -> list[Layer]:
        """Matrix and bias of each hidden layer, the first over the lags, the oldest first."""

    def first_predicted(self, warm_up: int) -> int:
        """The first value with enough lags."""
        return self.lags

    def forward(self, past: Tensor, steps: int) -> Tensor:
        layers, readout = self.layers(), (self.head.weight, bias_of(self.head))
        ahead = free_run(layers, readout, past[-self.lags :].contiguous(), steps)
        if len(past) == self.lags:
            return ahead
        inner = past[:-1].unfold(0, self.lags, 1)  # (step, wave, lag)
        for matrix, bias in layers:
            inner = torch.tanh(nn.functional.linear(inner, matrix, bias))
        return torch.cat([self.head(inner)[..., 0], ahead])

    def sampled(self, values: Tensor, own: Tensor, warm_up: int) -> Tensor:
        """Predictions of all values after the first lags."""
        readout, lags = (self.head.weight, bias_of(self.head)), self.lags
        return free_run(self.layers(), readout, values[:lags], len(values) - lags, values[lags:], own[lags:])


class Dense(Lagged):
    """One hidden layer over the lags."""

    def __init__(self, lags: int, hidden: int, bias: bool = True, output_bias: bool = True) -> None:
        super().__init__()
        self.lags = lags
        self.hidden = linear(lags, hidden, bias)
        self.head = linear(hidden, 1, output_bias)

    def layers(self) -> list[Layer]:
        """The hidden layer."""
        return [(self.hidden.weight, bias_of(self.hidden))]


class Convolutional(Lagged):
    """Two convolutions of width 4 and stride 2 over the lags, each computed as a matrix."""

    def __init__(self, lags: int, channels: int, bias: bool = True, output_bias: bool = True) -> None:
        super().__init__()
        self.lags = lags
        self.convolutions = nn.ModuleList([convolution(1, channels, bias), convolution(channels, channels, bias)])
        self.head = linear(channels * convolved_length(convolved_length(lags)), 1, output_bias)

    def layers(self) -> list[Layer]:
        """The matrix of a convolution consists of its responses to unit impulses."""
        layers, length = [], self.lags
        for layer in self.convolutions:
            rows = layer.in_channels * length
            impulses = torch.eye(rows, dtype=torch.float64).view(rows, -1, length)
            matrix = nn.functional.conv1d(impulses, layer.weight, stride=2).flatten(1).T.contiguous()
            length = convolved_length(length)
            layers.append((matrix, bias_of(layer).repeat_interleave(length)))
        return layers


class Seq2Seq(nn.Module):  # type: ignore[misc]
    """An LSTM encodes a block of values; another one, whose input is the last of them, forecasts the next block."""

    def __init__(self, hidden: int, block: int, bias: bool = True, output_bias: bool = True) -> None:
        super().__init__()
        self.block = block
        self.encoder = RecurrentCell("lstm", hidden, bias)
        self.decoder = RecurrentCell("lstm", hidden, bias)
        self.head = linear(hidden, 1, output_bias)

    def first_predicted(self, warm_up: int) -> int:
        """The first value after the first whole block, counting blocks from the end of the past."""
        return warm_up % self.block + self.block

    def forward(self, past: Tensor, steps: int) -> Tensor:
        begin = len(past) % self.block
        blocks = past[begin:].split(self.block)
        predicted = [self._next(block) for block in blocks]
        while sum(len(block) for block in predicted) < len(past) - begin - self.block + steps:
            predicted.append(self._next(predicted[-1]))
        return torch.cat(predicted)[: len(past) - begin - self.block + steps]

    def sampled(self, values: Tensor, own: Tensor, warm_up: int) -> Tensor:
        """Predictions of all whole blocks but the first; a block is predicted as its first value in `own` says."""
        begin, count = warm_up % self.block, len(values) - warm_up % self.block - self.block
        predicted: list[Tensor] = []
        for first in range(begin, begin + count, self.block):
            block = values[first : first + self.block]
            predicted.append(self._next(torch.where(own[first], predicted[-1], block) if predicted else block))
        return torch.cat(predicted)[:count]

    def _next(self, block: Tensor) -> Tensor:
        _, state = self.encoder(block, self.head)
        return self.decoder(block[-1:].expand_as(block), self.head, state)[0]


class AutoregressiveSeq2Seq(nn.Module):  # type: ignore[misc]
    """An LSTM encodes the past; another one, whose input is its own output, starts from its state."""

    def __init__(self, hidden: int, bias: bool = True, output_bias: bool = True) -> None:
        super().__init__()
        self.encoder = RecurrentCell("lstm", hidden, bias)
        self.decoder = RecurrentCell("lstm", hidden, bias)
        self.head = linear(hidden, 1, output_bias)

    def first_predicted(self, warm_up: int) -> int:
        """The first value after the past."""
        return warm_up

    def forward(self, past: Tensor, steps: int) -> Tensor:
        _, state = self.encoder(past, self.head)
        first, state = self.decoder(past[-1:], self.head, state)
        if steps == 1:
            return first
        ahead = self.decoder.free_run(state, steps - 1, self.head)
        return torch.cat([first, ahead])

    def sampled(self, values: Tensor, own: Tensor, warm_up: int) -> Tensor:
        """Predictions of all values after the past, where `own` is that of the decoder's inputs."""
        _, state = self.encoder(values[:warm_up], self.head)
        return self.decoder.sampled(values[warm_up - 1 : -1], own[warm_up - 1 : -1], self.head, state)


def convolved_length(length: int) -> int:
    """The output length of a convolution of width 4 and stride 2."""
    return (length - 4) // 2 + 1
