"""Backbones: the features of a window (window, lookback, channel), which a head turns into forecasts.

`observed`, (window, lookback), is 0 where a short context is padded with zeros; None without padding.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from harness_models.neural.layers import ACTIVATIONS, BatchNorm, Dropout, GlobalAveragePool, HiddenLayers
from harness_models.neural.stacks import Stack


class DenseBackbone(nn.Module):  # type: ignore[misc]
    """Dense layers on the flattened window; padding is the training mean.

    Each layer is linear, batch normalisation, activation and dropout. Skip connections add the input of each layer
    from the second one on to its output.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, options: HiddenLayers) -> None:
        super().__init__()
        widths = [inputs] + [hidden] * layers
        self.flatten = nn.Flatten()
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=options.bias) for a, b in pairwise(widths))
        count = layers if options.batch_normalisation else 0
        self.norms = nn.ModuleList(BatchNorm(hidden) for _ in range(count))
        self.dropout = Dropout(options.dropout)
        self.activation, self.has_skips = ACTIVATIONS[options.activation], options.skip_connections
        self.features = hidden

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """(window, feature)."""
        values = self.flatten(inputs)
        for depth, layer in enumerate(self.layers):
            output = layer(values)
            if self.norms:
                output = self.norms[depth](output)
            output = self.dropout(self.activation(output), generator)
            values = values + output if self.has_skips and depth else output
        return values


class ConvolutionBackbone(nn.Module):  # type: ignore[misc]
    """Convolutions without padding, max-pooling of 2 between them, and global average pooling.

    Each layer is a convolution, batch normalisation and activation. Skip connections add the input of each convolution
    from the second one on to its output, cropped in the centre to the length of the output.
    """

    def __init__(self, channels: int, filters: int, kernels: tuple[int, ...], options: HiddenLayers) -> None:
        super().__init__()
        widths = [channels] + [filters] * len(kernels)
        self.layers = nn.ModuleList(
            nn.Conv1d(a, b, size, bias=options.bias) for (a, b), size in zip(pairwise(widths), kernels, strict=True)
        )
        count = len(kernels) if options.batch_normalisation else 0
        self.norms = nn.ModuleList(BatchNorm(filters) for _ in range(count))
        self.pools = nn.ModuleList(nn.MaxPool1d(2) for _ in kernels[1:])
        self.average, self.dropout = GlobalAveragePool(), Dropout(options.dropout)
        self.activation, self.has_skips = ACTIVATIONS[options.activation], options.skip_connections
        self.features = filters

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """(window, feature)."""
        values = inputs.transpose(1, 2)
        for depth, layer in enumerate(self.layers):
            if depth:
                values = self.pools[depth - 1](values)
            output = layer(values)
            if self.norms:
                output = self.norms[depth](output)
            output = self.activation(output)
            values = _cropped(values, output.shape[2]) + output if self.has_skips and depth else output
        return self.dropout(self.average(values), generator)


class RecurrentBackbone(nn.Module):  # type: ignore[misc]
    """The states that a stack of recurrent layers returns: the last ones, or those of all steps."""

    def __init__(self, stack: Stack, dropout: float) -> None:
        super().__init__()
        self.stack, self.dropout = stack, Dropout(dropout)
        self.features = stack.features

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """(window, feature), or (window, lookback, feature)."""
        steps = None if observed is None else observed.t()
        states = self.stack(inputs.transpose(0, 1), steps, generator)
        return self.dropout(states.transpose(0, 1) if states.ndim == 3 else states, generator)


def _cropped(values: Tensor, length: int) -> Tensor:
    """The middle of (batch, feature, time)."""
    return values.narrow(2, (values.shape[2] - length) // 2, length)


def least_lookback(kernels: tuple[int, ...]) -> int:
    """The least lookback for convolutions of these sizes with max-pooling between them."""
    steps = 1
    for depth, size in enumerate(reversed(kernels)):
        steps = (2 * steps if depth else steps) + size - 1
    return steps
