"""Sequences of cells as one autograd function, whose inputs are given or the outputs of the step before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness import Floats
from harness_models.neural.generation.recurrence import Back, Bools, Cell, LstmCell, Tape

CHUNK = 32  # steps whose weight gradients are summed in one product; small enough for the cache


def run(cell: Cell, matrix: Any, inputs: Any, steps: int, readout: Any, state: Any, own: Any = None) -> tuple[Any, Any]:
    """The outputs (step, wave) and the last state of a sequence, as tensors; differentiable if gradients are enabled.

    `matrix` is A; `inputs` are (step or 1, row, wave or 1); `readout` (hidden,) maps a hidden state to an
    output; `state` (1 or 2, hidden, wave) is the initial state; `own` (step, wave) is None where all inputs are given.
    """
    if torch.is_grad_enabled():
        outputs, last = Sequence.apply(cell, matrix, inputs, steps, readout, state, own)
        return outputs, last
    weights, head, first = (tensor.detach().numpy() for tensor in (matrix, readout, state))
    tape = _tape(cell, first, weights.shape[1], 1, 2)
    outputs = cell.forward(tape, weights, inputs.numpy(), steps, head, None if own is None else own.numpy())
    return torch.from_numpy(outputs), torch.from_numpy(_state(cell, tape, steps % 2))


class Sequence(torch.autograd.Function):  # type: ignore[misc]
    """A sequence, and the gradients of all its inputs."""

    @staticmethod
    def forward(ctx: Any, cell: Cell, matrix: Any, inputs: Any, steps: int, readout: Any, state: Any, own: Any) -> Any:
        arrays = [tensor.detach().numpy() for tensor in (matrix, inputs, readout, state)]
        tape = _tape(cell, arrays[3], arrays[0].shape[1], steps, steps + 1)
        ctx.own = None if own is None else own.numpy()
        outputs = cell.forward(tape, arrays[0], arrays[1], steps, arrays[2], ctx.own)
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
        feedback = None if ctx.own is None else Feedback.of(ctx.matrix, ctx.readout, ctx.own)
        transposed = np.ascontiguousarray(ctx.matrix[:, :hidden].T)
        for steps in _chunks(len(gradients)):
            scaled = ctx.readout[:, None] * gradients[steps, None]
            back = _back(transposed) if feedback is None else feedback.back(transposed, steps.start)
            products = cell.backward(tape, steps, back, scaled, dh, dc)
            matrix += np.tensordot(products, tape.stacked[steps], ((0, 2), (0, 2)))
            after = tape.stacked[steps.start + 1 : steps.stop + 1, :hidden]
            totals = gradients[steps] if feedback is None else gradients[steps] + feedback.following(steps)
            readout += np.tensordot(after, totals, ((0, 2), (0, 1)))
            if input_gradients is not None:
                input_gradients[steps] = np.matmul(ctx.matrix[:, hidden:].T, products)
        if feedback is not None and input_gradients is not None:
            input_gradients[:, 0][feedback.own] = 0
        first = np.stack([dh, dc]) if len(state) == 2 else dh[None]
        into_inputs = None if input_gradients is None else torch.from_numpy(input_gradients)
        into = (torch.from_numpy(array) for array in (matrix, readout, first))
        into_matrix, into_readout, into_state = into
        return None, into_matrix, into_inputs, None, into_readout, into_state, None


@dataclass(frozen=True, eq=False)
class Feedback:
    """The gradients of the outputs that are the values of the next step."""

    of_value: Floats  # (row,) the column of the matrix
    readout: Floats  # (hidden,)
    own: Bools  # (step, wave); none in the first step
    gradients: Floats  # (step + 1, wave) of these values, zero where they are inputs

    @classmethod
    def of(cls, matrix: Floats, readout: Floats, own: Bools) -> Feedback:
        """Without gradients yet."""
        own = own.copy()
        own[0] = False
        column = np.ascontiguousarray(matrix[:, len(readout)])
        return cls(column, readout, own, np.zeros((len(own) + 1, own.shape[1]), matrix.dtype))

    def back(self, transposed: Floats, begin: int) -> Back:
        """The gradient of a state by the products of the next step, and by the output that is its value."""

        def back(t: int, products: Floats, out: Floats) -> None:
            np.dot(transposed, products, out=out)
            gradient = np.dot(self.of_value, products, out=self.gradients[begin + t])
            gradient *= self.own[begin + t]
            out += self.readout[:, None] * gradient

        return back

    def following(self, steps: slice) -> Floats:
        """The gradients of the outputs of these steps by the next ones."""
        return self.gradients[steps.start + 1 : steps.stop + 1]


def _back(transposed: Floats) -> Back:
    def back(t: int, products: Floats, out: Floats) -> None:
        np.dot(transposed, products, out=out)

    return back


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
