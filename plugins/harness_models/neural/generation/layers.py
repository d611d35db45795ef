"""Layers of free-running networks, and their initial weights, in float64."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from harness_models.neural.generation.inference import run_closed_loop
from harness_models.neural.generation.recurrence import CELLS, state_count
from harness_models.neural.generation.sequence import run
from harness_models.neural.initialisation import INITIALISATIONS

Tensor = Any
DEFAULT = "torch"
INITIAL_WEIGHTS = (DEFAULT, *INITIALISATIONS)


class RecurrentCell(nn.Module):  # type: ignore[misc]
    """The weights of one torch layer with one input, computed by the kernels of this package."""

    def __init__(self, kind: str, hidden: int, bias: bool = True) -> None:
        super().__init__()
        self.kind, self.hidden = kind, hidden
        layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
        self.layer = layer(1, hidden, bias=bias, dtype=torch.float64, device="meta").to_empty(device="cpu")

    def forward(self, values: Tensor, head: Any, state: Tensor = None) -> tuple[Tensor, Tensor]:
        """The outputs of the head after each value, (step, wave), and the last state."""
        kernel = CELLS[self.kind]
        if state is None:
            state = self._zero_state(values)
        inputs = torch.stack([values, torch.ones_like(values)], dim=1)
        predicted, state = run(kernel, self._input_matrix(), inputs, len(values), head.weight[0], state)
        return predicted + bias_of(head), state

    def sampled(self, values: Tensor, own: Tensor, head: Any, state: Tensor = None) -> Tensor:
        """The outputs of the head after each value, where in the steps of `own` the last output is the value."""
        inputs = torch.stack([values - bias_of(head), torch.ones_like(values)], dim=1)
        state = self._zero_state(values) if state is None else state
        matrix = self._output_matrix(head)
        predicted, _ = run(CELLS[self.kind], matrix, inputs, len(values), head.weight[0], state, own)
        return predicted + bias_of(head)

    def _zero_state(self, values: Tensor) -> Tensor:
        return torch.zeros(state_count(CELLS[self.kind]), self.hidden, values.shape[1], dtype=torch.float64)

    def free_run(self, state: Tensor, steps: int, head: Any) -> Tensor:
        """The free run: the head's output is the next input, (step, wave)."""
        if torch.is_grad_enabled():
            inputs = torch.ones(1, 1, 1, dtype=torch.float64)
            ahead, _ = run(CELLS[self.kind], self._closed_loop_matrix(head), inputs, steps, head.weight[0], state)
        else:
            ahead = run_closed_loop(self.kind, self._output_matrix(head), head.weight[0], state, steps)
        return ahead + bias_of(head)

    def _input_matrix(self) -> Tensor:
        """The matrix over hidden state, value and one."""
        own, of_input = self.layer.weight_hh_l0, self.layer.weight_ih_l0
        of_state, input_bias = self._biases()
        if self.kind != "gru":
            return self._kernel_rows(torch.cat([own, of_input, (of_state + input_bias)[:, None]], dim=1))
        gates, candidate = self._split_gates(own, of_state), self._split_gates(of_input, input_bias)
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
        return torch.cat([state, value, ones + value * bias_of(head)], dim=1)

    def _biases(self) -> tuple[Tensor, Tensor]:
        if not self.layer.bias:
            zeros = torch.zeros(len(self.layer.weight_hh_l0), dtype=torch.float64)
            return zeros, zeros
        return self.layer.bias_hh_l0, self.layer.bias_ih_l0

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


class ResetBeforeCell(nn.Module):  # type: ignore[misc]
    """A GRU whose reset gate acts before the recurrent product (K. Cho et al. 2014), with one bias vector.

    r, z = σ(W x + U h + b), n = tanh(W x + U (r h) + b), h' = (1 - z) n + z h, one step after the other.
    """

    def __init__(self, hidden: int, bias: bool = True) -> None:
        super().__init__()
        self.hidden = hidden
        self.recurrent = nn.Parameter(torch.empty(3 * hidden, hidden, dtype=torch.float64))
        self.weight = nn.Parameter(torch.empty(3 * hidden, 1, dtype=torch.float64))
        self.register_parameter("bias", nn.Parameter(torch.empty(3 * hidden, dtype=torch.float64)) if bias else None)

    def forward(self, values: Tensor, head: Any, state: Tensor = None) -> tuple[Tensor, Tensor]:
        """The outputs of the head after each value, (step, wave), and the last state, (1, hidden, wave)."""
        hidden = self._hidden(values, state)
        outputs = []
        for value in values:
            hidden = self._step(value, hidden)
            outputs.append(_output(head, hidden))
        return torch.stack(outputs), hidden[None]

    def sampled(self, values: Tensor, own: Tensor, head: Any, state: Tensor = None) -> Tensor:
        """The outputs of the head after each value, where in the steps of `own` the last output is the value."""
        hidden = self._hidden(values, state)
        outputs: list[Tensor] = []
        for value, is_own in zip(values, own, strict=True):
            hidden = self._step(torch.where(is_own, outputs[-1], value) if outputs else value, hidden)
            outputs.append(_output(head, hidden))
        return torch.stack(outputs)

    def free_run(self, state: Tensor, steps: int, head: Any) -> Tensor:
        """The free run: the head's output is the next input, (step, wave)."""
        hidden, outputs = state[0], [_output(head, state[0])]
        for _ in range(steps):
            hidden = self._step(outputs[-1], hidden)
            outputs.append(_output(head, hidden))
        return torch.stack(outputs[1:])

    def _hidden(self, values: Tensor, state: Tensor) -> Tensor:
        return torch.zeros(self.hidden, values.shape[1], dtype=torch.float64) if state is None else state[0]

    def _step(self, value: Tensor, hidden: Tensor) -> Tensor:
        """The next hidden state, (hidden, wave)."""
        of_value = self.weight * value
        if self.bias is not None:
            of_value = of_value + self.bias[:, None]
        gates, candidate = of_value.split([2 * self.hidden, self.hidden])
        own_gates, own_candidate = self.recurrent.split([2 * self.hidden, self.hidden])
        r, z = torch.sigmoid(torch.addmm(gates, own_gates, hidden)).chunk(2)
        n = torch.tanh(torch.addmm(candidate, own_candidate, r * hidden))
        return torch.lerp(n, hidden, z)


def _output(head: Any, hidden: Tensor) -> Tensor:
    return head(hidden.T)[:, 0]


def bias_of(layer: Any) -> Tensor:
    """The bias of a linear layer or convolution; zeros if it has none."""
    return torch.zeros(len(layer.weight), dtype=torch.float64) if layer.bias is None else layer.bias


def initialise(model: Any, generator: torch.Generator, name: str = DEFAULT) -> None:
    """Initialise every parameter.

    "torch" is uniform within 1/√n, where n is the number of inputs of a unit, as torch does. With the others biases
    are zero, except an LSTM's forget bias, which is one.
    """
    with torch.no_grad():
        for module in model.modules():
            own = list(module.parameters(recurse=False))
            if own and name == DEFAULT:
                width = module.hidden_size if isinstance(module, nn.RNNBase) else math.prod(own[0].shape[1:])
                for parameter in own:
                    parameter.uniform_(-1 / math.sqrt(width), 1 / math.sqrt(width), generator=generator)
            elif own:
                _initialise_by_name(module, generator, name)


def _initialise_by_name(module: nn.Module, generator: torch.Generator, name: str) -> None:
    kernel, recurrent = INITIALISATIONS[name]
    for parameter_name, parameter in module.named_parameters(recurse=False):
        if parameter.ndim == 1:
            nn.init.zeros_(parameter)
        else:
            is_recurrent = parameter_name in ("weight_hh_l0", "recurrent")
            (recurrent if is_recurrent else kernel)(parameter, generator=generator)
    if isinstance(module, nn.LSTM) and module.bias:
        nn.init.ones_(module.bias_ih_l0[module.hidden_size : 2 * module.hidden_size])


def linear(inputs: int, outputs: int, bias: bool = True) -> Any:
    """A linear layer, not initialised."""
    return nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias, dtype=torch.float64)


def convolution(inputs: int, outputs: int, bias: bool = True) -> Any:
    """A convolution of width 4 and stride 2, not initialised."""
    return nn.utils.skip_init(nn.Conv1d, inputs, outputs, 4, stride=2, bias=bias, dtype=torch.float64)
