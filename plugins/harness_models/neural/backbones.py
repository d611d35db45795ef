"""Backbones: the features of a window (window, lookback, channel), which a head turns into forecasts.

`observed`, (window, lookback), is 0 where a short context is padded with zeros; None without padding.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d

from harness_models.neural.cells import Stack, apply_dropout


class DenseBackbone(nn.Module):  # type: ignore[misc]
    """Dense layers with ReLU on the flattened window; padding is the training mean."""

    def __init__(self, lookback: int, channels: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        widths = [lookback * channels] + [hidden] * layers
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.features, self.dropout = hidden, dropout

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """(window, feature)."""
        features = inputs.flatten(1)
        for layer in self.layers:
            features = apply_dropout(layer(features).relu(), self.dropout, generator)
        return features


class ConvolutionBackbone(nn.Module):  # type: ignore[misc]
    """Convolutions without padding, max-pooling of 2 between them, and global average pooling."""

    def __init__(self, channels: int, filters: int, kernels: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        widths = [channels] + [filters] * len(kernels)
        self.layers = nn.ModuleList(
            nn.Conv1d(a, b, size) for (a, b), size in zip(pairwise(widths), kernels, strict=True)
        )
        self.features, self.dropout = filters, dropout

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """(window, feature)."""
        values = inputs.transpose(1, 2)
        for depth, layer in enumerate(self.layers):
            values = layer(max_pool1d(values, 2) if depth else values).relu()
        return apply_dropout(values.mean(2), self.dropout, generator)


class RecurrentBackbone(nn.Module):  # type: ignore[misc]
    """The last state of a stack of recurrent layers, or with `every` its states at all steps."""

    def __init__(self, stack: Stack, dropout: float, every: bool = False) -> None:
        super().__init__()
        self.stack, self.dropout, self.every = stack, dropout, every
        self.features = stack.features

    def forward(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """(window, feature), or (window, lookback, feature)."""
        steps = None if observed is None else observed.t()
        states, last = self.stack(inputs.transpose(0, 1), steps, generator)
        return apply_dropout(states.transpose(0, 1) if self.every else last, self.dropout, generator)


def least_lookback(kernels: tuple[int, ...]) -> int:
    """The least lookback for convolutions of these sizes with max-pooling between them."""
    steps = 1
    for depth, size in enumerate(reversed(kernels)):
        steps = (2 * steps if depth else steps) + size - 1
    return steps
