"""Sequences of RNN, LSTM and GRU cells in NumPy, there and back, as one function for autograd.

A step is one product, z = A s, where s stacks the hidden state and what else enters: the input and a
one for the bias, or the one alone where the output is folded into the recurrence. Arrays are laid out
(step, row, wave), so that every gate is a contiguous block. Sigmoids are taken as (1 + tanh(z/2))/2, the
half being in A already: one call of tanh serves all gates, and NumPy's is five times as fast as torch's.

Without a tape nothing but the last step is kept, which is what forecasts need.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness import Floats

CHUNK = 32  # steps whose weight gradients are summed in one product, small enough for the cache


@dataclass(frozen=True, eq=False)
class Tape:
    """What a sequence leaves for its way back; one step of it where only the end is wanted."""

    stacked: Floats  # (step + 1, hidden + entering, wave): the hidden state, and what else enters
    gates: Floats  # (step, gate, hidden, wave), after their nonlinearities
    cells: Floats  # (step + 1, hidden, wave), LSTM only
    squashed: Floats  # (step, hidden, wave), tanh of the cells


class Cell(ABC):
    """One kind of cell: a step forward, and the gradient of a chunk of steps backward."""

    gates = 1

    def forward(self, s: Tape, matrix: Floats, entering: Floats, steps: int, readout: Floats) -> Floats:
        """Fills the tape step by step, the first state being on it; the outputs, (step, wave)."""
        hidden, kept = s.squashed.shape[1], len(s.gates)
        states, outputs = len(s.stacked), np.empty((steps, s.stacked.shape[2]), s.stacked.dtype)
        flat = s.gates.reshape(kept, -1, s.stacked.shape[2])
        scratch = np.empty((hidden, s.stacked.shape[2]), s.stacked.dtype)
        for step in range(steps):
            here, there = step % states, (step + 1) % states
            s.stacked[here, hidden:] = entering[step % len(entering)]
            self.products(matrix, s.stacked[here], flat[step % kept])
            self.step(s, step % kept, here, there, scratch)
            np.dot(readout, s.stacked[there, :hidden], out=outputs[step])
        return outputs

    def products(self, matrix: Floats, stacked: Floats, out: Floats) -> None:
        """Of the matrix and what is stacked of one step."""
        np.dot(matrix, stacked, out=out)

    @abstractmethod
    def step(self, s: Tape, t: int, here: int, there: int, scratch: Floats) -> None:
        """The state `there` from the products of step t and the state `here`."""

    @abstractmethod
    def backward(self, s: Tape, steps: slice, matrix: Floats, came: Floats, dh: Floats, dc: Floats) -> Floats:
        """The gradients of the products of these steps, (step, row, wave), from the last to the first.

        `came` is what the outputs add to the gradient of each state; `dh` and `dc` are changed in place.
        """


class TanhCell(Cell):
    """h' = tanh(z)."""

    def step(self, s: Tape, t: int, here: int, there: int, scratch: Floats) -> None:
        np.tanh(s.gates[t, 0], out=s.stacked[there, : len(scratch)])

    def backward(self, s: Tape, steps: slice, matrix: Floats, came: Floats, dh: Floats, dc: Floats) -> Floats:
        after = s.stacked[steps.start + 1 : steps.stop + 1, : len(dh)]
        slopes = 1 - after * after
        products = np.empty_like(slopes)
        for t in reversed(range(len(slopes))):
            dh += came[t]
            np.multiply(dh, slopes[t], out=products[t])
            np.dot(matrix, products[t], out=dh)
        return products


class LstmCell(Cell):
    """The gates g, i, f, o in this order: c' = f c + i g, h' = o tanh(c')."""

    gates = 4

    def step(self, s: Tape, t: int, here: int, there: int, scratch: Floats) -> None:
        gates, hidden = s.gates[t], len(scratch)
        np.tanh(gates, out=gates)
        _as_sigmoids(gates[1:])
        cell = s.cells[there % len(s.cells)]
        np.multiply(gates[0], gates[1], out=scratch)
        np.multiply(gates[2], s.cells[here % len(s.cells)], out=cell)
        cell += scratch
        squashed = np.tanh(cell, out=s.squashed[t])
        np.multiply(gates[3], squashed, out=s.stacked[there, :hidden])

    def backward(self, s: Tape, steps: slice, matrix: Floats, came: Floats, dh: Floats, dc: Floats) -> Floats:
        gates, squashed = s.gates[steps], s.squashed[steps]
        slopes = np.empty_like(gates)  # of h' by the product of gate o, and of c' by those of the others
        g, i, f, o = (gates[:, gate] for gate in range(4))
        np.multiply(i, 1 - g * g, out=slopes[:, 0])
        np.multiply(g, _sigmoid_slope(i), out=slopes[:, 1])
        np.multiply(s.cells[steps], _sigmoid_slope(f), out=slopes[:, 2])
        np.multiply(squashed, _sigmoid_slope(o), out=slopes[:, 3])
        through = o * (1 - squashed * squashed)
        scratch = np.empty_like(dh)
        for t in reversed(range(len(slopes))):
            dh += came[t]
            np.multiply(dh, through[t], out=scratch)
            dc += scratch
            slopes[t, :3] *= dc
            slopes[t, 3] *= dh
            dc *= f[t]
            np.dot(matrix, slopes[t].reshape(-1, dh.shape[1]), out=dh)
        return slopes.reshape(len(slopes), -1, dh.shape[1])


class GruCell(Cell):
    """The rows x, n, r, z: a = tanh(x + r n), h' = a + z (h − a); x comes of the input, n of the state.

    Torch's form, whose reset gate acts after the product.
    """

    gates = 4

    def products(self, matrix: Floats, stacked: Floats, out: Floats) -> None:
        """In the rows x, where they read the output of the state alone, an outer product is enough."""
        hidden = len(out) // 4
        if len(stacked) == hidden + 1:  # the output is folded into the matrix
            np.dot(matrix, stacked, out=out)
            return
        np.dot(matrix[hidden:], stacked, out=out[hidden:])
        np.multiply(matrix[:hidden, hidden:][:, :1], stacked[hidden], out=out[:hidden])
        out[:hidden] += matrix[:hidden, -1:]

    def step(self, s: Tape, t: int, here: int, there: int, scratch: Floats) -> None:
        (x, n, r, z), hidden = s.gates[t], len(scratch)
        both = s.gates[t, 2:]
        np.tanh(both, out=both)
        _as_sigmoids(both)
        np.multiply(r, n, out=scratch)
        x += scratch
        np.tanh(x, out=x)
        np.subtract(s.stacked[here, :hidden], x, out=scratch)
        scratch *= z
        np.add(scratch, x, out=s.stacked[there, :hidden])

    def backward(self, s: Tape, steps: slice, matrix: Floats, came: Floats, dh: Floats, dc: Floats) -> Floats:
        a, n, r, z = (s.gates[steps, gate] for gate in range(4))
        before = s.stacked[steps, : len(dh)]
        slopes = np.empty_like(s.gates[steps])  # of h' by each product
        np.multiply(1 - z, 1 - a * a, out=slopes[:, 0])
        np.multiply(slopes[:, 0], r, out=slopes[:, 1])
        np.multiply(slopes[:, 0], n * _sigmoid_slope(r), out=slopes[:, 2])
        np.multiply(before - a, _sigmoid_slope(z), out=slopes[:, 3])
        scratch = np.empty_like(dh)
        for t in reversed(range(len(slopes))):
            dh += came[t]
            slopes[t] *= dh
            np.multiply(dh, z[t], out=scratch)
            np.dot(matrix, slopes[t].reshape(-1, dh.shape[1]), out=dh)
            dh += scratch
        return slopes.reshape(len(slopes), -1, dh.shape[1])


CELLS: dict[str, Cell] = {"rnn": TanhCell(), "lstm": LstmCell(), "gru": GruCell()}


def run(cell: Cell, matrix: Any, entering: Any, steps: int, readout: Any, state: Any) -> tuple[Any, Any]:
    """The outputs (step, wave) and the last state of a sequence, as tensors; on tape where gradients are on.

    `matrix` is A; `entering` (step or 1, row, wave or 1) is what a step reads beside the hidden state;
    `readout` (hidden,) makes an output of each hidden state; `state` (1 or 2, hidden, wave) is the first.
    """
    if torch.is_grad_enabled():
        outputs, last = Sequence.apply(cell, matrix, entering, steps, readout, state)
        return outputs, last
    weights, head, first = (one.detach().numpy() for one in (matrix, readout, state))
    tape = _tape(cell, first, weights.shape[1], 1, 2)
    passed = cell.forward(tape, weights, entering.numpy(), steps, head)
    return torch.from_numpy(passed), torch.from_numpy(_state(cell, tape, steps % 2))


class Sequence(torch.autograd.Function):  # type: ignore[misc]
    """A sequence on tape, and the gradients of all that entered it."""

    @staticmethod
    def forward(ctx: Any, cell: Cell, matrix: Any, entering: Any, steps: int, readout: Any, state: Any) -> Any:
        arrays = [one.detach().numpy() for one in (matrix, entering, readout, state)]
        tape = _tape(cell, arrays[3], arrays[0].shape[1], steps, steps + 1)
        outputs = cell.forward(tape, arrays[0], arrays[1], steps, arrays[2])
        ctx.cell, ctx.tape, ctx.matrix, ctx.readout = cell, tape, arrays[0], arrays[2]
        return torch.from_numpy(outputs), torch.from_numpy(_state(cell, tape, steps))

    @staticmethod
    def backward(ctx: Any, outputs: Any, state: Any) -> Any:
        cell, tape, wants = ctx.cell, ctx.tape, ctx.needs_input_grad
        hidden = tape.squashed.shape[1]
        came = outputs.numpy()
        dh = state[0].numpy().copy()
        dc = state[-1].numpy().copy()
        matrix = np.zeros_like(ctx.matrix)
        readout = np.zeros_like(ctx.readout)
        entered = np.empty((len(came), len(tape.stacked[0]) - hidden, came.shape[1])) if wants[2] else None
        back = np.ascontiguousarray(ctx.matrix[:, :hidden].T)
        for steps in _chunks(len(came)):
            scaled = ctx.readout[:, None] * came[steps, None]
            products = cell.backward(tape, steps, back, scaled, dh, dc)
            matrix += np.tensordot(products, tape.stacked[steps], ((0, 2), (0, 2)))
            after = tape.stacked[steps.start + 1 : steps.stop + 1, :hidden]
            readout += np.tensordot(after, came[steps], ((0, 2), (0, 1)))
            if entered is not None:
                entered[steps] = np.matmul(ctx.matrix[:, hidden:].T, products)
        first = np.stack([dh, dc]) if len(state) == 2 else dh[None]
        given = None if entered is None else torch.from_numpy(entered)
        return None, torch.from_numpy(matrix), given, None, torch.from_numpy(readout), torch.from_numpy(first)


def states_of(cell: Cell) -> int:
    """How many arrays a state is: the hidden state, and an LSTM's cells."""
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
    """By the halved product: twice s (1 − s)."""
    return np.asarray(2 * gate * (1 - gate))
