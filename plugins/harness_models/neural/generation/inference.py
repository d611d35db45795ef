"""Free runs of RNN, LSTM and GRU cells without gradients: the output is the next input.

They are computed in float32, in half of the time of float64. Sigmoids are (1 + tanh(z/2))/2, with the half in the
matrix already: NumPy's tanh is the fastest nonlinearity, and its factors and sums are part of the passes that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

Tensor = Any
Step = Callable[[], None]  # the next hidden state from the products of the step

PRECISION = torch.float32


def run_closed_loop(kind: str, matrix: Tensor, readout: Tensor, state: Tensor, steps: int) -> Tensor:
    """The outputs (step, wave) of a cell from a state (1 or 2, hidden, wave), in the precision of the state.

    `matrix` is that of `recurrence` over hidden state, output and a one.
    """
    with torch.no_grad():
        hidden, waves = state.shape[1:]
        stacked = torch.ones(hidden + 2, waves, dtype=PRECISION)  # the state, a one, and the last output
        scale = 2.0 if kind == "lstm" else 1.0  # of the state
        stacked[:hidden] = scale * state[0]
        folded, into = _fold_output(kind, matrix, readout, scale)
        products = torch.empty(len(folded), waves, dtype=PRECISION)
        step = _step(kind, products.view(-1, hidden, waves), stacked, state[-1].to(PRECISION), into)
        multiply = _product(folded, stacked[: hidden + 1], products)
        half, known, last = (readout / scale).to(PRECISION).numpy(), stacked[:hidden].numpy(), stacked[-1].numpy()
        outputs = np.empty((steps, waves), last.dtype)
        np.dot(half, known, out=last)
        for output in outputs:
            multiply()
            step()
            np.dot(half, known, out=last)
            output[:] = last
        return torch.from_numpy(outputs).to(state.dtype)


def _fold_output(kind: str, matrix: Tensor, readout: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """The matrix over state and one, which includes the output, and a GRU's rows x over a one and the output.

    The rows x depend on nothing else, and are left out of the matrix; the rows n are halved.
    """
    hidden = len(readout)
    own, of_output, ones = matrix.split([hidden, 1, 1], dim=1)
    folded = torch.cat([(own + of_output * readout) / scale, ones], dim=1)
    into = torch.cat([ones, of_output], dim=1)[:hidden]
    if kind == "gru":
        folded = folded[hidden:]
        folded[:hidden] /= 2
    return folded.to(PRECISION), into.to(PRECISION)


def _product(matrix: Tensor, stacked: Tensor, out: Tensor) -> Step:
    """The product by the library that is faster on this processor."""
    if not _numpy_is_faster():
        return lambda: torch.mm(matrix, stacked, out=out)
    arrays = matrix.numpy(), stacked.numpy(), out.numpy()
    return lambda: np.dot(arrays[0], arrays[1], out=arrays[2])


@cache
def _numpy_is_faster() -> bool:
    """True for processors with AVX-512 that are not Intel's, on which torch's MKL uses half of the vector width."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # not in all versions of torch
    return bool(capabilities.get("avx512_f")) and not str(capabilities.get("cpu_name")).startswith("Intel")


def _step(kind: str, gates: Tensor, stacked: Tensor, cells: Tensor, into: Tensor) -> Step:
    hidden = gates.shape[1]
    if kind == "rnn":
        return _rnn(gates, stacked[:hidden])
    if kind == "lstm":
        return _lstm(gates, stacked[:hidden], cells)
    return _gru(gates, stacked[:hidden], into, stacked[hidden:])


def _rnn(gates: Tensor, h: Tensor) -> Step:
    """h' = tanh(z)."""
    z, state = gates[0].numpy(), h.numpy()

    def step() -> None:
        np.tanh(z, out=state)

    return step


def _lstm(gates: Tensor, doubled: Tensor, cells: Tensor) -> Step:
    """c' = (c (1 + f) + g (1 + i))/2, 2 h' = tanh(c') (1 + o), where g, i, f and o are tanh of the products."""
    g, i, f, o = gates
    products, state = gates.numpy(), cells.numpy()
    kept, squashed = torch.empty_like(cells), torch.empty_like(cells)
    curve = squashed.numpy()

    def step() -> None:
        np.tanh(products, out=products)
        torch.addcmul(cells, cells, f, out=kept)
        g.addcmul_(g, i)
        torch.lerp(kept, g, 0.5, out=cells)
        np.tanh(state, out=curve)
        torch.addcmul(squashed, squashed, o, out=doubled)

    return step


def _gru(gates: Tensor, h: Tensor, into: Tensor, entering: Tensor) -> Step:
    """a = tanh(x + n (1 + r)), h' = a + (h − a)(1 + z)/2, where r and z are tanh of the products."""
    n, r, z = gates
    both, candidate = gates[1:].numpy(), n.numpy()

    def step() -> None:
        np.tanh(both, out=both)
        n.addcmul_(n, r).addmm_(into, entering)
        np.tanh(candidate, out=candidate)
        h.sub_(n)
        h.addcmul_(h, z)
        torch.add(n, h, alpha=0.5, out=h)

    return step
