"""Networks that go on from what they put out themselves: small torch modules of few parts.

Each is called with the past (step, wave) and the number of steps to run freely. It returns its
predictions of the values from index `first(len(past))` on: those inside the past from true values,
the others from its own. Where the output is all that enters a cell, it is folded into the recurrence,
which is exact: with x = o h + c the matrix is W_hh + W_ih o and the bias b + W_ih c.

Everything is float64: on long free runs a line search drowns in the rounding noise of float32.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from harness_models.neural.generation.alone import alone
from harness_models.neural.generation.lagged import Layer, free_run
from harness_models.neural.generation.recurrence import CELLS, run, states_of

Tensor = Any


class Recurrent(nn.Module):  # type: ignore[misc]
    """One layer of RNN, LSTM or GRU cells, and a linear head that predicts the next value."""

    def __init__(self, kind: str, hidden: int) -> None:
        super().__init__()
        self.cell = _Cell(kind, hidden)
        self.head = _linear(hidden, 1)

    def first(self, warm_up: int) -> int:
        """The second value is the first that is predicted."""
        return 1

    def forward(self, past: Tensor, steps: int) -> Tensor:
        seen, state = self.cell(past, self.head)
        if steps == 1:
            return seen
        ahead = self.cell.alone(state, steps - 1, self.head)
        return torch.cat([seen, ahead])


class Lagged(nn.Module, ABC):  # type: ignore[misc]
    """A network over the last values; what it is made of is said by `layers`."""

    lags: int

    @abstractmethod
    def layers(self) -> list[Layer]:
        """Matrix and bias of each hidden layer, the first over the lags, the oldest first."""

    def first(self, warm_up: int) -> int:
        """The first value that has enough values before it."""
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
    """Two convolutions of width 4 and stride 2 over the lags; each is the matrix of what it does."""

    def __init__(self, lags: int, channels: int) -> None:
        super().__init__()
        self.lags = lags
        self.convolutions = nn.ModuleList([_convolution(1, channels), _convolution(channels, channels)])
        self.head = _linear(channels * halved(halved(lags)), 1)

    def layers(self) -> list[Layer]:
        """The matrix of a convolution holds what it makes of every unit impulse."""
        layers, length = [], self.lags
        for convolution in self.convolutions:
            rows = convolution.in_channels * length
            impulses = torch.eye(rows, dtype=torch.float64).view(rows, -1, length)
            matrix = nn.functional.conv1d(impulses, convolution.weight, stride=2).flatten(1).T.contiguous()
            length = halved(length)
            layers.append((matrix, convolution.bias.repeat_interleave(length)))
        return layers


class Seq2Seq(nn.Module):  # type: ignore[misc]
    """An LSTM reads a block of values; another, fed with the last of them repeated, puts out the next block."""

    def __init__(self, hidden: int, block: int) -> None:
        super().__init__()
        self.block = block
        self.encoder = _Cell("lstm", hidden)
        self.decoder = _Cell("lstm", hidden)
        self.head = _linear(hidden, 1)

    def first(self, warm_up: int) -> int:
        """What follows the first whole block, the blocks being counted from the end of the past."""
        return warm_up % self.block + self.block

    def forward(self, past: Tensor, steps: int) -> Tensor:
        begin = len(past) % self.block
        known = past[begin:].split(self.block)
        predicted = [self._next(block) for block in known]
        while sum(len(one) for one in predicted) < len(past) - begin - self.block + steps:
            predicted.append(self._next(predicted[-1]))
        return torch.cat(predicted)[: len(past) - begin - self.block + steps]

    def _next(self, block: Tensor) -> Tensor:
        _, state = self.encoder(block, self.head)
        return self.decoder(block[-1:].expand_as(block), self.head, state)[0]


class AutoregressiveSeq2Seq(nn.Module):  # type: ignore[misc]
    """An LSTM reads the past; another goes on from its state, fed with its own output."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.encoder = _Cell("lstm", hidden)
        self.decoder = _Cell("lstm", hidden)
        self.head = _linear(hidden, 1)

    def first(self, warm_up: int) -> int:
        """Nothing inside the past is predicted."""
        return warm_up

    def forward(self, past: Tensor, steps: int) -> Tensor:
        _, state = self.encoder(past, self.head)
        first, state = self.decoder(past[-1:], self.head, state)
        if steps == 1:
            return first
        ahead = self.decoder.alone(state, steps - 1, self.head)
        return torch.cat([first, ahead])


class _Cell(nn.Module):  # type: ignore[misc]
    """The weights of one torch layer with one input, run by our own kernels."""

    def __init__(self, kind: str, hidden: int) -> None:
        super().__init__()
        self.kind, self.hidden = kind, hidden
        layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
        self.layer = layer(1, hidden, dtype=torch.float64, device="meta").to_empty(device="cpu")

    def forward(self, values: Tensor, head: Any, state: Tensor = None) -> tuple[Tensor, Tensor]:
        """What the head makes of the states after each value, (step, wave), and the last state."""
        kernel = CELLS[self.kind]
        if state is None:
            state = torch.zeros(states_of(kernel), self.hidden, values.shape[1], dtype=torch.float64)
        entering = torch.stack([values, torch.ones_like(values)], dim=1)
        seen, state = run(kernel, self._driven(), entering, len(values), head.weight[0], state)
        return seen + head.bias, state

    def alone(self, state: Tensor, steps: int, head: Any) -> Tensor:
        """The same where the head's output is what enters next, without the last state."""
        if torch.is_grad_enabled():
            entering = torch.ones(1, 1, 1, dtype=torch.float64)
            ahead, _ = run(CELLS[self.kind], self._folded(head), entering, steps, head.weight[0], state)
        else:
            ahead = alone(self.kind, self._fed(head), head.weight[0], state, steps)
        return ahead + head.bias

    def _driven(self) -> Tensor:
        """The matrix over hidden state, value and one."""
        own, of_input, of_state = self._parts()
        if self.kind != "gru":
            return self._arranged(torch.cat([own, of_input, (of_state + self.layer.bias_ih_l0)[:, None]], dim=1))
        gates, candidate = self._split(own, of_state), self._split(of_input, self.layer.bias_ih_l0)
        nothing = torch.zeros_like
        x = torch.cat([nothing(gates[1][:, :-1]), candidate[1]], dim=1)
        n = torch.cat([gates[1][:, :-1], nothing(of_input[: self.hidden]), gates[1][:, -1:]], dim=1)
        both = torch.cat([gates[0][:, :-1], candidate[0][:, :1], gates[0][:, -1:] + candidate[0][:, -1:]], dim=1)
        return torch.cat([x, n, both / 2])

    def _folded(self, head: Any) -> Tensor:
        """The matrix over hidden state and one, the value being what the head makes of the state."""
        state, value, one = self._fed(head).split([self.hidden, 1, 1], dim=1)
        return torch.cat([state + value * head.weight, one], dim=1)

    def _fed(self, head: Any) -> Tensor:
        """The matrix over hidden state, output and one, an output being a value less the head's bias."""
        state, value, one = self._driven().split([self.hidden, 1, 1], dim=1)
        return torch.cat([state, value, one + value * head.bias], dim=1)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.layer.weight_hh_l0, self.layer.weight_ih_l0, self.layer.bias_hh_l0

    def _split(self, matrix: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of the gates r and z, and those of the candidate n, each with its bias behind it."""
        whole = torch.cat([matrix, bias[:, None]], dim=1)
        return whole[: 2 * self.hidden], whole[2 * self.hidden :]

    def _arranged(self, matrix: Tensor) -> Tensor:
        """The rows as the kernel wants them: for an LSTM g, i, f, o, the latter three halved."""
        if self.kind == "rnn":
            return matrix
        i, f, g, o = matrix.split(self.hidden)
        return torch.cat([g, i / 2, f / 2, o / 2])


def halved(length: int) -> int:
    """The length that a convolution of width 4 and stride 2 leaves."""
    return (length - 4) // 2 + 1


def initialise(model: Any, generator: Any) -> None:
    """Draws every parameter as torch does: uniform within 1/√n, n the width of what a unit reads."""
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
