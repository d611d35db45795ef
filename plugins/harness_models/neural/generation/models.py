"""Free-running networks: small torch modules whose outputs are their next inputs.

Each is called with the past (step, wave) and the number of steps of the free run. It returns its
predictions of the values from index `first_predicted(len(past))` on: one-step predictions within the past,
then the free run. Where the only input of a cell is the output x = o h + c, it is part of the recurrence,
exactly: the matrix is W_hh + W_ih o and the bias b + W_ih c.

Everything is float64: in long free runs the rounding errors of float32 disturb line searches.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from harness_models.neural.generation.inference import run_closed_loop
from harness_models.neural.generation.lagged import Layer, free_run
from harness_models.neural.generation.recurrence import CELLS, run, state_count

Tensor = Any


class Recurrent(nn.Module):  # type: ignore[misc]
    """One layer of RNN, LSTM or GRU cells, and a linear head that predicts the next value."""

    def __init__(self, kind: str, hidden: int) -> None:
        super().__init__()
        self.cell = _Cell(kind, hidden)
        self.head = _linear(hidden, 1)

    def first_predicted(self, warm_up: int) -> int:
        """The second value."""
        return 1

    def forward(self, past: Tensor, steps: int) -> Tensor:
        predicted, state = self.cell(past, self.head)
        if steps == 1:
            return predicted
        ahead = self.cell.free_run(state, steps - 1, self.head)
        return torch.cat([predicted, ahead])


class Lagged(nn.Module, ABC):  # type: ignore[misc]
    """A network on lags."""

    lags: int

    @abstractmethod
    def layers(self) -> list[Layer]:
        """Matrix and bias of each hidden layer, the first over the lags, the oldest first."""

    def first_predicted(self, warm_up: int) -> int:
        """The first value with enough lags."""
        return self.lags

    def forward(self, past: Tensor, steps: int) -> Tensor:
        layers, readout = self.layers(), (self.head.weight, self.head.bias)
        ahead = free_run(layers, readout, past[-self.lags :].contiguous(), steps)
        if len(past) == self.lags:
            return ahead
        inner = past[:-1].unfold(0, self.lags, 1)  # (step, wave, lag)
        for matrix, bias in layers:
            inner = torch.tanh(nn.functional.linear(inner, matrix, bias))
        return torch.cat([self.head(inner)[..., 0], ahead])


class Dense(Lagged):
    """One hidden layer over the lags."""

    def __init__(self, lags: int, hidden: int) -> None:
        super().__init__()
        self.lags = lags
        self.hidden = _linear(lags, hidden)
        self.head = _linear(hidden, 1)

    def layers(self) -> list[Layer]:
        """The hidden layer."""
        return [(self.hidden.weight, self.hidden.bias)]


class Convolutional(Lagged):
    """Two convolutions of width 4 and stride 2 over the lags, each computed as a matrix."""

    def __init__(self, lags: int, channels: int) -> None:
        super().__init__()
        self.lags = lags
        self.convolutions = nn.ModuleList([_convolution(1, channels), _convolution(channels, channels)])
        self.head = _linear(channels * convolved_length(convolved_length(lags)), 1)

    def layers(self) -> list[Layer]:
        """The matrix of a convolution consists of its responses to unit impulses."""
        layers, length = [], self.lags
        for convolution in self.convolutions:
            rows = convolution.in_channels * length
            impulses = torch.eye(rows, dtype=torch.float64).view(rows, -1, length)
            matrix = nn.functional.conv1d(impulses, convolution.weight, stride=2).flatten(1).T.contiguous()
            length = convolved_length(length)
            layers.append((matrix, convolution.bias.repeat_interleave(length)))
        return layers


class Seq2Seq(nn.Module):  # type: ignore[misc]
    """An LSTM encodes a block of values; another one, whose input is the last of them, forecasts the next block."""

    def __init__(self, hidden: int, block: int) -> None:
        super().__init__()
        self.block = block
        self.encoder = _Cell("lstm", hidden)
        self.decoder = _Cell("lstm", hidden)
        self.head = _linear(hidden, 1)

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

    def _next(self, block: Tensor) -> Tensor:
        _, state = self.encoder(block, self.head)
        return self.decoder(block[-1:].expand_as(block), self.head, state)[0]


class AutoregressiveSeq2Seq(nn.Module):  # type: ignore[misc]
    """An LSTM encodes the past; another one, whose input is its own output, starts from its state."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.encoder = _Cell("lstm", hidden)
        self.decoder = _Cell("lstm", hidden)
        self.head = _linear(hidden, 1)

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


class _Cell(nn.Module):  # type: ignore[misc]
    """The weights of one torch layer with one input, computed by the kernels of this package."""

    def __init__(self, kind: str, hidden: int) -> None:
        super().__init__()
        self.kind, self.hidden = kind, hidden
        layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
        self.layer = layer(1, hidden, dtype=torch.float64, device="meta").to_empty(device="cpu")

    def forward(self, values: Tensor, head: Any, state: Tensor = None) -> tuple[Tensor, Tensor]:
        """The outputs of the head after each value, (step, wave), and the last state."""
        kernel = CELLS[self.kind]
        if state is None:
            state = torch.zeros(state_count(kernel), self.hidden, values.shape[1], dtype=torch.float64)
        inputs = torch.stack([values, torch.ones_like(values)], dim=1)
        predicted, state = run(kernel, self._input_matrix(), inputs, len(values), head.weight[0], state)
        return predicted + head.bias, state

    def free_run(self, state: Tensor, steps: int, head: Any) -> Tensor:
        """The free run: the head's output is the next input, (step, wave)."""
        if torch.is_grad_enabled():
            inputs = torch.ones(1, 1, 1, dtype=torch.float64)
            ahead, _ = run(CELLS[self.kind], self._closed_loop_matrix(head), inputs, steps, head.weight[0], state)
        else:
            ahead = run_closed_loop(self.kind, self._output_matrix(head), head.weight[0], state, steps)
        return ahead + head.bias

    def _input_matrix(self) -> Tensor:
        """The matrix over hidden state, value and one."""
        own, of_input, of_state = self._parts()
        if self.kind != "gru":
            return self._kernel_rows(torch.cat([own, of_input, (of_state + self.layer.bias_ih_l0)[:, None]], dim=1))
        gates, candidate = self._split_gates(own, of_state), self._split_gates(of_input, self.layer.bias_ih_l0)
        zeros = torch.zeros_like
        x = torch.cat([zeros(gates[1][:, :-1]), candidate[1]], dim=1)
        n = torch.cat([gates[1][:, :-1], zeros(of_input[: self.hidden]), gates[1][:, -1:]], dim=1)
        both = torch.cat([gates[0][:, :-1], candidate[0][:, :1], gates[0][:, -1:] + candidate[0][:, -1:]], dim=1)
        return torch.cat([x, n, both / 2])

    def _closed_loop_matrix(self, head: Any) -> Tensor:
        """The matrix over hidden state and one, with the head's output as input."""
        state, value, ones = self._output_matrix(head).split([self.hidden, 1, 1], dim=1)
        return torch.cat([state + value * head.weight, ones], dim=1)

    def _output_matrix(self, head: Any) -> Tensor:
        """The matrix over hidden state, output and one; an output is a value minus the head's bias."""
        state, value, ones = self._input_matrix().split([self.hidden, 1, 1], dim=1)
        return torch.cat([state, value, ones + value * head.bias], dim=1)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.layer.weight_hh_l0, self.layer.weight_ih_l0, self.layer.bias_hh_l0

    def _split_gates(self, matrix: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of the gates r and z, and those of the candidate n, each with its bias as last column."""
        whole = torch.cat([matrix, bias[:, None]], dim=1)
        return whole[: 2 * self.hidden], whole[2 * self.hidden :]

    def _kernel_rows(self, matrix: Tensor) -> Tensor:
        """The rows in the order of the kernel: for an LSTM g, i, f, o, the latter three halved."""
        if self.kind == "rnn":
            return matrix
        i, f, g, o = matrix.split(self.hidden)
        return torch.cat([g, i / 2, f / 2, o / 2])


def convolved_length(length: int) -> int:
    """The output length of a convolution of width 4 and stride 2."""
    return (length - 4) // 2 + 1


def initialise(model: Any, generator: Any) -> None:
    """Initialise every parameter as torch does: uniform within 1/√n, where n is the number of inputs of a unit."""
    with torch.no_grad():
        for module in model.modules():
            own = list(module.parameters(recurse=False))
            if own:
                width = module.hidden_size if isinstance(module, nn.RNNBase) else math.prod(own[0].shape[1:])
                for parameter in own:
                    parameter.uniform_(-1 / math.sqrt(width), 1 / math.sqrt(width), generator=generator)


def _linear(inputs: int, outputs: int) -> Any:
    return nn.utils.skip_init(nn.Linear, inputs, outputs, dtype=torch.float64)


def _convolution(inputs: int, outputs: int) -> Any:
    return nn.utils.skip_init(nn.Conv1d, inputs, outputs, 4, stride=2, dtype=torch.float64)
