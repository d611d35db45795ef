"""Free runs of networks on lags in NumPy, forward and backward, as one autograd function.

A network is layers tanh(M a + b) and a readout; a convolution over lags is such a layer with a banded M.
Arrays are (step, row, wave); the lags of a step are a slice of the run itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from harness import Floats

Layer = tuple[Any, Any]  # matrix (row, column) and bias (row,)


def free_run(layers: list[Layer], readout: Layer, past: Any, steps: int) -> Any:
    """The free run (step, wave) from the lags (lag, wave): each output is the next step's last lag."""
    parts = [tensor for layer in (*layers, readout) for tensor in layer]
    if torch.is_grad_enabled():
        return FreeRun.apply(past, steps, *parts)
    values, _ = _forward(past.numpy(), steps, [part.detach().numpy() for part in parts], 1)
    return torch.from_numpy(values[len(past) :])


class FreeRun(torch.autograd.Function):  # type: ignore[misc]
    """A free run, and the gradients of every matrix and bias."""

    @staticmethod
    def forward(ctx: Any, past: Any, steps: int, *parts: Any) -> Any:
        arrays = [part.detach().numpy() for part in parts]
        values, layers = _forward(past.numpy(), steps, arrays, steps)
        ctx.arrays, ctx.values, ctx.layers = arrays, values, layers
        return torch.from_numpy(values[len(past) :])

    @staticmethod
    def backward(ctx: Any, outputs: Any) -> Any:
        *weights, readout, _ = ctx.arrays
        matrices = [np.ascontiguousarray(matrix.T) for matrix in weights[::2]]
        lags, values, layers = weights[0].shape[1], ctx.values, ctx.layers
        slopes = [1 - layer * layer for layer in layers]  # become the gradients of the layers' products
        gradient = np.zeros_like(values)
        gradient[lags:] = outputs.numpy()
        for step in reversed(range(len(slopes[0]))):
            below: Any = readout[0][:, None] * gradient[lags + step]
            for slope, matrix in zip(reversed(slopes), reversed(matrices), strict=True):
                slope[step] *= below
                below = matrix @ slope[step]
            gradient[step : step + lags] += below
        windows = sliding_window_view(values[:-1], lags, axis=0).transpose(0, 2, 1)  # (step, lag, wave)
        gradients = []
        for inputs, products in zip([windows, *layers], slopes, strict=False):
            gradients += [np.tensordot(products, inputs, ((0, 2), (0, 2))), products.sum((0, 2))]
        gradients += [np.tensordot(gradient[lags:], layers[-1], ((0, 1), (0, 2)))[None], gradient[lags:].sum()[None]]
        return None, None, *(torch.from_numpy(np.asarray(array)) for array in gradients)


def _forward(past: Floats, steps: int, arrays: list[Floats], taped: int) -> tuple[Floats, list[Floats]]:
    """All values, including the past, and the outputs of each layer at the steps on tape."""
    *weights, readout, constant = arrays
    lags, waves = past.shape
    values = np.empty((lags + steps, waves), past.dtype)
    values[:lags] = past
    layers = [np.empty((taped, len(matrix), waves), past.dtype) for matrix in weights[::2]]
    biases = [bias[:, None] for bias in weights[1::2]]
    for step in range(steps):
        inputs = values[step : step + lags]
        for matrix, bias, layer in zip(weights[::2], biases, layers, strict=True):
            output = layer[step % taped]
            np.dot(matrix, inputs, out=output)
            output += bias
            inputs = np.tanh(output, out=output)
        np.dot(readout[0], inputs, out=values[lags + step])
        values[lags + step] += constant
    return values, layers
