"""Sequences of RNN, LSTM and GRU cells in NumPy, forward and backward, as one autograd function.

A step is one product, z = A s, where s stacks the hidden state and the inputs: a value and a one for the
bias, or only the one where the output is part of the recurrence. Arrays are (step, row, wave), so that every
gate is a contiguous block. Sigmoids are computed as (1 + tanh(z/2))/2, with the half in A already: one call
of tanh computes all gates, and NumPy's is five times as fast as torch's.

Without gradients only the last step is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness import Floats

CHUNK = 32  # steps whose weight gradients are summed in one product; small enough for the cache


@dataclass(frozen=True, eq=False)
class Tape:
    """The intermediate values that the backward pass needs; of one step without gradients."""

    stacked: Floats  # (step + 1, hidden + inputs, wave): the hidden state and the inputs
    gates: Floats  # (step, gate, hidden, wave), after their nonlinearities
    cells: Floats  # (step + 1, hidden, wave), LSTM only
    squashed: Floats  # (step, hidden, wave), tanh of the cells


class Cell(ABC):
    """One kind of cell: a step forward, and the gradient of a chunk of steps backward."""

    gates = 1

    def forward(self, tape: Tape, matrix: Floats, inputs: Floats, steps: int, readout: Floats) -> Floats:
        """Fills the tape step by step from its first state, and returns the outputs, (step, wave)."""
        hidden, taped = tape.squashed.shape[1], len(tape.gates)
        states, outputs = len(tape.stacked), np.empty((steps, tape.stacked.shape[2]), tape.stacked.dtype)
        flat = tape.gates.reshape(taped, -1, tape.stacked.shape[2])
        scratch = np.empty((hidden, tape.stacked.shape[2]), tape.stacked.dtype)
        for step in range(steps):
            current, following = step % states, (step + 1) % states
            tape.stacked[current, hidden:] = inputs[step % len(inputs)]
            self.products(matrix, tape.stacked[current], flat[step % taped])
            self.step(tape, step % taped, current, following, scratch)
            np.dot(readout, tape.stacked[following, :hidden], out=outputs[step])
        return outputs

    def products(self, matrix: Floats, stacked: Floats, out: Floats) -> None:
        """The product of the matrix with the stacked state and inputs of one step."""
        np.dot(matrix, stacked, out=out)

    @abstractmethod
    def step(self, tape: Tape, t: int, current: int, following: int, scratch: Floats) -> None:
        """The state `following` from the products of step t and the state `current`."""

    @abstractmethod
    def backward(self, tape: Tape, steps: slice, matrix: Floats, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
        """The gradients of the products of these steps, (step, row, wave), from the last to the first.

        `gradients` are those of the states by the outputs; `dh` and `dc` are changed in place.
        """


class TanhCell(Cell):
    """h' = tanh(z)."""

    def step(self, tape: Tape, t: int, current: int, following: int, scratch: Floats) -> None:
        np.tanh(tape.gates[t, 0], out=tape.stacked[following, : len(scratch)])

    def backward(self, tape: Tape, steps: slice, matrix: Floats, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
        after = tape.stacked[steps.start + 1 : steps.stop + 1, : len(dh)]
        slopes = 1 - after * after
        products = np.empty_like(slopes)
        for t in reversed(range(len(slopes))):
            dh += gradients[t]
            np.multiply(dh, slopes[t], out=products[t])
            np.dot(matrix, products[t], out=dh)
        return products


class LstmCell(Cell):
    """The gates g, i, f, o in this order: c' = f c + i g, h' = o tanh(c')."""

    gates = 4

    def step(self, tape: Tape, t: int, current: int, following: int, scratch: Floats) -> None:
        gates, hidden = tape.gates[t], len(scratch)
        np.tanh(gates, out=gates)
        _as_sigmoids(gates[1:])
        cell = tape.cells[following % len(tape.cells)]
        np.multiply(gates[0], gates[1], out=scratch)
        np.multiply(gates[2], tape.cells[current % len(tape.cells)], out=cell)
        cell += scratch
        squashed = np.tanh(cell, out=tape.squashed[t])
        np.multiply(gates[3], squashed, out=tape.stacked[following, :hidden])

    def backward(self, tape: Tape, steps: slice, matrix: Floats, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
        gates, squashed = tape.gates[steps], tape.squashed[steps]
        slopes = np.empty_like(gates)  # of h' by the product of gate o, and of c' by those of the others
        g, i, f, o = (gates[:, gate] for gate in range(4))
        np.multiply(i, 1 - g * g, out=slopes[:, 0])
        np.multiply(g, _sigmoid_slope(i), out=slopes[:, 1])
        np.multiply(tape.cells[steps], _sigmoid_slope(f), out=slopes[:, 2])
        np.multiply(squashed, _sigmoid_slope(o), out=slopes[:, 3])
        through = o * (1 - squashed * squashed)
        scratch = np.empty_like(dh)
        for t in reversed(range(len(slopes))):
            dh += gradients[t]
            np.multiply(dh, through[t], out=scratch)
            dc += scratch
            slopes[t, :3] *= dc
            slopes[t, 3] *= dh
            dc *= f[t]
            np.dot(matrix, slopes[t].reshape(-1, dh.shape[1]), out=dh)
        return slopes.reshape(len(slopes), -1, dh.shape[1])


class GruCell(Cell):
    """The rows x, n, r, z: a = tanh(x + r n), h' = a + z (h − a); x depends on the input, n on the state.

    Torch's form, whose reset gate acts after the product.
    """

    gates = 4

    def products(self, matrix: Floats, stacked: Floats, out: Floats) -> None:
        """The rows x depend on the output only: an outer product."""
        hidden = len(out) // 4
        if len(stacked) == hidden + 1:  # the output is part of the recurrence
            np.dot(matrix, stacked, out=out)
            return
        np.dot(matrix[hidden:], stacked, out=out[hidden:])
        np.multiply(matrix[:hidden, hidden:][:, :1], stacked[hidden], out=out[:hidden])
        out[:hidden] += matrix[:hidden, -1:]

    def step(self, tape: Tape, t: int, current: int, following: int, scratch: Floats) -> None:
        (x, n, r, z), hidden = tape.gates[t], len(scratch)
        both = tape.gates[t, 2:]
        np.tanh(both, out=both)
        _as_sigmoids(both)
        np.multiply(r, n, out=scratch)
        x += scratch
        np.tanh(x, out=x)
        np.subtract(tape.stacked[current, :hidden], x, out=scratch)
        scratch *= z
        np.add(scratch, x, out=tape.stacked[following, :hidden])

    def backward(self, tape: Tape, steps: slice, matrix: Floats, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
        a, n, r, z = (tape.gates[steps, gate] for gate in range(4))
        before = tape.stacked[steps, : len(dh)]
        slopes = np.empty_like(tape.gates[steps])  # of h' by each product
        np.multiply(1 - z, 1 - a * a, out=slopes[:, 0])
        np.multiply(slopes[:, 0], r, out=slopes[:, 1])
        np.multiply(slopes[:, 0], n * _sigmoid_slope(r), out=slopes[:, 2])
        np.multiply(before - a, _sigmoid_slope(z), out=slopes[:, 3])
        scratch = np.empty_like(dh)
        for t in reversed(range(len(slopes))):
            dh += gradients[t]
            slopes[t] *= dh
            np.multiply(dh, z[t], out=scratch)
            np.dot(matrix, slopes[t].reshape(-1, dh.shape[1]), out=dh)
            dh += scratch
        return slopes.reshape(len(slopes), -1, dh.shape[1])


CELLS: dict[str, Cell] = {"rnn": TanhCell(), "lstm": LstmCell(), "gru": GruCell()}


def run(cell: Cell, matrix: Any, inputs: Any, steps: int, readout: Any, state: Any) -> tuple[Any, Any]:
    """The outputs (step, wave) and the last state of a sequence, as tensors; differentiable if gradients are enabled.

    `matrix` is A; `inputs` are (step or 1, row, wave or 1); `readout` (hidden,) maps a hidden state to an
    output; `state` (1 or 2, hidden, wave) is the initial state.
    """
    if torch.is_grad_enabled():
        outputs, last = Sequence.apply(cell, matrix, inputs, steps, readout, state)
        return outputs, last
    weights, head, first = (tensor.detach().numpy() for tensor in (matrix, readout, state))
    tape = _tape(cell, first, weights.shape[1], 1, 2)
    outputs = cell.forward(tape, weights, inputs.numpy(), steps, head)
    return torch.from_numpy(outputs), torch.from_numpy(_state(cell, tape, steps % 2))


class Sequence(torch.autograd.Function):  # type: ignore[misc]
    """A sequence, and the gradients of all its inputs."""

    @staticmethod
    def forward(ctx: Any, cell: Cell, matrix: Any, inputs: Any, steps: int, readout: Any, state: Any) -> Any:
        arrays = [tensor.detach().numpy() for tensor in (matrix, inputs, readout, state)]
        tape = _tape(cell, arrays[3], arrays[0].shape[1], steps, steps + 1)
        outputs = cell.forward(tape, arrays[0], arrays[1], steps, arrays[2])
        ctx.cell, ctx.tape, ctx.matrix, ctx.readout = cell, tape, arrays[0], arrays[2]
        return torch.from_numpy(outputs), torch.from_numpy(_state(cell, tape, steps))

    @staticmethod
    def backward(ctx: Any, outputs: Any, state: Any) -> Any:
        cell, tape, needed = ctx.cell, ctx.tape, ctx.needs_input_grad
        hidden = tape.squashed.shape[1]
        gradients = outputs.numpy()
        dh = state[0].numpy().copy()
        dc = state[-1].numpy().copy()
        matrix = np.zeros_like(ctx.matrix)
        readout = np.zeros_like(ctx.readout)
        input_gradients = (
            np.empty((len(gradients), len(tape.stacked[0]) - hidden, gradients.shape[1])) if needed[2] else None
        )
        transposed = np.ascontiguousarray(ctx.matrix[:, :hidden].T)
        for steps in _chunks(len(gradients)):
            scaled = ctx.readout[:, None] * gradients[steps, None]
            products = cell.backward(tape, steps, transposed, scaled, dh, dc)
            matrix += np.tensordot(products, tape.stacked[steps], ((0, 2), (0, 2)))
            after = tape.stacked[steps.start + 1 : steps.stop + 1, :hidden]
            readout += np.tensordot(after, gradients[steps], ((0, 2), (0, 1)))
            if input_gradients is not None:
                input_gradients[steps] = np.matmul(ctx.matrix[:, hidden:].T, products)
        first = np.stack([dh, dc]) if len(state) == 2 else dh[None]
        into_inputs = None if input_gradients is None else torch.from_numpy(input_gradients)
        return None, torch.from_numpy(matrix), into_inputs, None, torch.from_numpy(readout), torch.from_numpy(first)


def state_count(cell: Cell) -> int:
    """The number of arrays of a state: the hidden state, and an LSTM's cells."""
    return 2 if isinstance(cell, LstmCell) else 1


def _tape(cell: Cell, state: Floats, columns: int, steps: int, states: int) -> Tape:
    hidden, waves = state.shape[1:]
    double = isinstance(cell, LstmCell)
    tape = Tape(
        np.empty((states, columns, waves), state.dtype),
        np.empty((steps, cell.gates, hidden, waves), state.dtype),
        np.empty((states if double else 0, hidden, waves), state.dtype),
        np.empty((steps if double else 0, hidden, waves), state.dtype),
    )
    tape.stacked[0, :hidden] = state[0]
    if double:
        tape.cells[0] = state[1]
    return tape


def _state(cell: Cell, tape: Tape, step: int) -> Floats:
    hidden = tape.stacked[step, : tape.squashed.shape[1]]
    return np.stack([hidden, tape.cells[step]] if isinstance(cell, LstmCell) else [hidden])


def _chunks(steps: int) -> Iterator[slice]:
    """Slices of at most CHUNK steps, from the last to the first."""
    for first in reversed(range(0, steps, CHUNK)):
        yield slice(first, min(first + CHUNK, steps))


def _as_sigmoids(gates: Floats) -> None:
    gates *= 0.5
    gates += 0.5


def _sigmoid_slope(gate: Floats) -> Floats:
    """The derivative by the halved product: 2 s (1 − s)."""
    return np.asarray(2 * gate * (1 - gate))
