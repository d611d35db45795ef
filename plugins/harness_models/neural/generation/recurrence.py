"""RNN, LSTM and GRU cells in NumPy, forward and backward.

A step is one product, z = A s, where s stacks the hidden state and the inputs: a value and a one for the
bias, or only the one where the output is part of the recurrence. Arrays are (step, row, wave), so that every
gate is a contiguous block. Sigmoids are computed as (1 + tanh(z/2))/2, with the half in A already: one call
of tanh computes all gates, and NumPy's is five times as fast as torch's.

In the steps and waves of `own`, an array (step, wave), the value is the output of the step before instead of an input.
Without gradients only the last step is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness import Floats

Bools = NDArray[np.bool_]
Back = Callable[[int, Floats, Floats], None]  # (step of the chunk, gradient of its products, out: that of its state)


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

    def forward(
        self, tape: Tape, matrix: Floats, inputs: Floats, steps: int, readout: Floats, own: Bools | None = None
    ) -> Floats:
        """Fills the tape step by step from its first state, and returns the outputs, (step, wave)."""
        hidden, taped = tape.squashed.shape[1], len(tape.gates)
        states, outputs = len(tape.stacked), np.empty((steps, tape.stacked.shape[2]), tape.stacked.dtype)
        flat = tape.gates.reshape(taped, -1, tape.stacked.shape[2])
        scratch = np.empty((hidden, tape.stacked.shape[2]), tape.stacked.dtype)
        for step in range(steps):
            current, following = step % states, (step + 1) % states
            tape.stacked[current, hidden:] = inputs[step % len(inputs)]
            if own is not None and step:
                np.copyto(tape.stacked[current, hidden], outputs[step - 1], where=own[step])
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
    def backward(self, tape: Tape, steps: slice, back: Back, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
        """The gradients of the products of these steps, (step, row, wave), from the last to the first.

        `gradients` are those of the states by the outputs; `dh` and `dc` are changed in place, `dh` by `back`.
        """


class TanhCell(Cell):
    """h' = tanh(z)."""

    def step(self, tape: Tape, t: int, current: int, following: int, scratch: Floats) -> None:
        np.tanh(tape.gates[t, 0], out=tape.stacked[following, : len(scratch)])

    def backward(self, tape: Tape, steps: slice, back: Back, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
        after = tape.stacked[steps.start + 1 : steps.stop + 1, : len(dh)]
        slopes = 1 - after * after
        products = np.empty_like(slopes)
        for t in reversed(range(len(slopes))):
            dh += gradients[t]
            np.multiply(dh, slopes[t], out=products[t])
            back(t, products[t], dh)
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

    def backward(self, tape: Tape, steps: slice, back: Back, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
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
            back(t, slopes[t].reshape(-1, dh.shape[1]), dh)
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

    def backward(self, tape: Tape, steps: slice, back: Back, gradients: Floats, dh: Floats, dc: Floats) -> Floats:
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
            back(t, slopes[t].reshape(-1, dh.shape[1]), dh)
            dh += scratch
        return slopes.reshape(len(slopes), -1, dh.shape[1])


CELLS: dict[str, Cell] = {"rnn": TanhCell(), "lstm": LstmCell(), "gru": GruCell()}


def state_count(cell: Cell) -> int:
    """The number of arrays of a state: the hidden state, and an LSTM's cells."""
    return 2 if isinstance(cell, LstmCell) else 1


def _as_sigmoids(gates: Floats) -> None:
    gates *= 0.5
    gates += 0.5


def _sigmoid_slope(gate: Floats) -> Floats:
    """The derivative by the halved product: 2 s (1 − s)."""
    return np.asarray(2 * gate * (1 - gate))
