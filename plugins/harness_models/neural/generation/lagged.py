"""Free runs of networks on lags in NumPy, forward and backward, as one autograd function.

A network is layers tanh(M a + b) and a readout; a convolution over lags is such a layer with a banded M.
Arrays are (step, row, wave); the lags of a step are a slice of the run itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from harness import Floats
from harness_models.neural.generation.recurrence import Bools

Layer = tuple[Any, Any]  # matrix (row, column) and bias (row,)
Mixed = tuple[Floats, Bools] | None  # the actual values, and where the outputs take their place, (step, wave)


def free_run(layers: list[Layer], readout: Layer, past: Any, steps: int, actuals: Any = None, own: Any = None) -> Any:
    """The free run (step, wave) from the lags (lag, wave): each output is the next step's last lag.

    With `actuals` (step, wave) that is so only in the steps and waves of `own`; elsewhere the actual value is.
    """
    parts = [tensor for layer in (*layers, readout) for tensor in layer]
    mixed = None if own is None else (actuals.numpy(), own.numpy())
    if torch.is_grad_enabled():
        return FreeRun.apply(past, steps, mixed, *parts)
    run = _forward(past.numpy(), steps, [part.detach().numpy() for part in parts], 1, mixed)
    return torch.from_numpy(run.outputs)


@dataclass(frozen=True, eq=False)
class Run:
    """The values of a run, and what its backward pass needs."""

    values: Floats  # (lag + step, wave), the past first
    outputs: Floats  # (step, wave); of a free run, these values
    layers: list[Floats]  # (step on tape, row, wave) the outputs of each layer


class FreeRun(torch.autograd.Function):  # type: ignore[misc]
    """A free run, and the gradients of every matrix and bias."""

    @staticmethod
    def forward(ctx: Any, past: Any, steps: int, mixed: Mixed, *parts: Any) -> Any:
        arrays = [part.detach().numpy() for part in parts]
        ctx.run = _forward(past.numpy(), steps, arrays, steps, mixed)
        ctx.arrays, ctx.own = arrays, None if mixed is None else mixed[1]
        return torch.from_numpy(ctx.run.outputs)

    @staticmethod
    def backward(ctx: Any, outputs: Any) -> Any:
        *weights, readout, _ = ctx.arrays
        matrices = [np.ascontiguousarray(matrix.T) for matrix in weights[::2]]
        lags, values, layers = weights[0].shape[1], ctx.run.values, ctx.run.layers
        slopes = [1 - layer * layer for layer in layers]  # become the gradients of the layers' products
        gradient = np.zeros_like(values)  # of the values; where they are outputs, of these
        if ctx.own is None:
            gradient[lags:] = outputs.numpy()
        for step in reversed(range(len(slopes[0]))):
            if ctx.own is not None:
                gradient[lags + step] *= ctx.own[step]
                gradient[lags + step] += outputs[step].numpy()
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
        return None, None, None, *(torch.from_numpy(np.asarray(array)) for array in gradients)


def _forward(past: Floats, steps: int, arrays: list[Floats], taped: int, mixed: Mixed = None) -> Run:
    """The run, with the outputs of each layer at the steps on tape."""
    *weights, readout, constant = arrays
    lags, waves = past.shape
    values = np.empty((lags + steps, waves), past.dtype)
    values[:lags] = past
    outputs = values[lags:] if mixed is None else np.empty((steps, waves), past.dtype)
    layers = [np.empty((taped, len(matrix), waves), past.dtype) for matrix in weights[::2]]
    biases = [bias[:, None] for bias in weights[1::2]]
    for step in range(steps):
        inputs = values[step : step + lags]
        for matrix, bias, layer in zip(weights[::2], biases, layers, strict=True):
            output = layer[step % taped]
            np.dot(matrix, inputs, out=output)
            output += bias
            inputs = np.tanh(output, out=output)
        np.dot(readout[0], inputs, out=outputs[step])
        outputs[step] += constant
        if mixed is not None:
            actuals, own = mixed
            values[lags + step] = np.where(own[step], outputs[step], actuals[step])
    return Run(values, outputs, layers)
