"""Free runs of networks that read the last values, in NumPy, there and back, as one function for autograd.

A network is layers tanh(M a + b) and a readout; a convolution over lags is such a layer too, M being
banded. Arrays are laid out (step, row, wave); the lags of a step are a slice of the run itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from harness import Floats

Layer = tuple[Any, Any]  # matrix (row, column) and bias (row,)


def free_run(layers: list[Layer], readout: Layer, past: Any, steps: int) -> Any:
    """The continuation (step, wave) of the lags (lag, wave), each output being the next step's last lag."""
    parts = [one for layer in (*layers, readout) for one in layer]
    if torch.is_grad_enabled():
        return FreeRun.apply(past, steps, *parts)
    values, _ = _forward(past.numpy(), steps, [one.detach().numpy() for one in parts], 1)
    return torch.from_numpy(values[len(past) :])


class FreeRun(torch.autograd.Function):  # type: ignore[misc]
    """A free run on tape, and the gradients of every matrix and bias."""

    @staticmethod
    def forward(ctx: Any, past: Any, steps: int, *parts: Any) -> Any:
        arrays = [one.detach().numpy() for one in parts]
        values, layers = _forward(past.numpy(), steps, arrays, steps)
        ctx.arrays, ctx.values, ctx.layers = arrays, values, layers
        return torch.from_numpy(values[len(past) :])

    @staticmethod
    def backward(ctx: Any, outputs: Any) -> Any:
        *weights, readout, _ = ctx.arrays
        matrices = [np.ascontiguousarray(one.T) for one in weights[::2]]
        lags, values, layers = weights[0].shape[1], ctx.values, ctx.layers
        slopes = [1 - layer * layer for layer in layers]  # each becomes the gradient of its layer's products
        came = np.zeros_like(values)
        came[lags:] = outputs.numpy()
        for step in reversed(range(len(slopes[0]))):
            below: Any = readout[0][:, None] * came[lags + step]
            for slope, matrix in zip(reversed(slopes), reversed(matrices), strict=True):
                slope[step] *= below
                below = matrix @ slope[step]
            came[step : step + lags] += below
        windows = sliding_window_view(values[:-1], lags, axis=0).transpose(0, 2, 1)  # (step, lag, wave)
        gradients = []
        for entered, products in zip([windows, *layers], slopes, strict=False):
            gradients += [np.tensordot(products, entered, ((0, 2), (0, 2))), products.sum((0, 2))]
        gradients += [np.tensordot(came[lags:], layers[-1], ((0, 1), (0, 2)))[None], came[lags:].sum()[None]]
        return None, None, *(torch.from_numpy(np.asarray(one)) for one in gradients)


def _forward(past: Floats, steps: int, arrays: list[Floats], kept: int) -> tuple[Floats, list[Floats]]:
    """All values, past first, and what each layer put out at the steps kept."""
    *weights, readout, constant = arrays
    lags, waves = past.shape
    values = np.empty((lags + steps, waves), past.dtype)
    values[:lags] = past
    layers = [np.empty((kept, len(one), waves), past.dtype) for one in weights[::2]]
    biases = [one[:, None] for one in weights[1::2]]
    for step in range(steps):
        entered = values[step : step + lags]
        for matrix, bias, layer in zip(weights[::2], biases, layers, strict=True):
            passed = layer[step % kept]
            np.dot(matrix, entered, out=passed)
            passed += bias
            entered = np.tanh(passed, out=passed)
        np.dot(readout[0], entered, out=values[lags + step])
        values[lags + step] += constant
    return values, layers
