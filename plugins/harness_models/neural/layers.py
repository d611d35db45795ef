"""Layers that networks have in common: activations, dropout, batch normalisation and pooling.

Dropout draws from a generator; without one there is none. In a model summary each is a row, whose type is
`layer_type` if it has one, or else the name of its class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, elu

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "elu": elu,
    "sigmoid": torch.sigmoid,
}


@dataclass(frozen=True)
class HiddenLayers:
    """What the hidden layers of a network have in common."""

    activation: str = "relu"
    dropout: float = 0.0
    batch_normalisation: bool = False
    skip_connections: bool = False
    bias: bool = True


class Dropout(nn.Module):  # type: ignore[misc]
    """A share of the values is zero, the others are scaled up."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        """Values of the same shape; unchanged without a generator."""
        return apply_dropout(values, self.rate, generator)


class BatchNorm(nn.BatchNorm1d):  # type: ignore[misc]
    """Batch normalisation (S. Ioffe and C. Szegedy, 2015) of (batch, feature) or (batch, feature, time).

    A batch with one value of each feature is normalised by the running statistics, since it has no variance.
    """

    layer_type = "BatchNorm1d"

    def forward(self, values: Tensor) -> Tensor:
        """Values of the same shape."""
        if self.training and values.numel() // values.shape[1] < 2:
            return batch_norm(values, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(values)


class SequenceBatchNorm(BatchNorm):
    """Batch normalisation of the observed steps of sequences, (time, batch, feature)."""

    def forward(self, values: Tensor, observed: Tensor | None = None) -> Tensor:
        """Values of the same shape; steps that are not observed, (time, batch), stay zero."""
        if observed is None:
            return super().forward(values.flatten(0, 1)).view_as(values)
        steps = observed.bool()
        normalised = torch.zeros_like(values)
        normalised[steps] = super().forward(values[steps])
        return normalised


class GlobalAveragePool(nn.Module):  # type: ignore[misc]
    """The mean over time."""

    def forward(self, values: Tensor) -> Tensor:
        """(batch, feature) from (batch, feature, time)."""
        return values.mean(2)


def apply_dropout(values: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Dropout: a share of the values is zero, the others are scaled up; unchanged without a generator."""
    if generator is None or rate == 0:
        return values
    return values * torch.empty_like(values).bernoulli_(1 - rate, generator=generator).div_(1 - rate)
