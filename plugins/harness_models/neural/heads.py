"""Heads: from features to the steps ahead, and the loss that they are trained by."""

from __future__ import annotations

from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss


class MeanHead(nn.Module):  # type: ignore[misc]
    """The mean of every step and target, by squared error."""

    def __init__(self, features: int, steps: int, targets: int, levels: tuple[float, ...] = ()) -> None:
        super().__init__()
        self.shape = (steps, targets, 1 + len(levels))
        self.linear = nn.Linear(features, steps * targets * (1 + len(levels)))

    def forward(self, features: Tensor) -> Tensor:
        """(…, step, target, 1 + level) of features (…, feature): the mean, and the quantiles if there are any."""
        return self.linear(features).unflatten(-1, self.shape)

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """The mean squared error; truth is (…, step, target)."""
        return mse_loss(outputs[..., 0], truth)


class QuantileHead(MeanHead):
    """The mean, and beside it quantiles by the pinball loss, which begin at those of the normal distribution."""

    def __init__(self, features: int, steps: int, targets: int, levels: tuple[float, ...]) -> None:
        super().__init__(features, steps, targets, levels)
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        normal = [0.0, *(NormalDist().inv_cdf(level) for level in levels)]
        self.register_buffer("begin", torch.tensor(normal), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """(…, step, target, 1 + level)."""
        return super().forward(features) + self.begin

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """The mean squared error, and twice the mean pinball loss."""
        return super().loss(outputs, truth) + 2 * pinball(outputs[..., 1:], truth, self.levels)


def pinball(quantiles: Tensor, truth: Tensor, levels: Tensor) -> Tensor:
    """The mean of (truth − q)·level above a quantile and (q − truth)·(1 − level) below it."""
    error = truth[..., None] - quantiles
    return torch.maximum(levels * error, (levels - 1) * error).mean()


def head_of(features: int, steps: int, targets: int, levels: tuple[float, ...]) -> MeanHead:
    """A head for these quantile levels, or for the mean alone if there are none."""
    kind = QuantileHead if levels else MeanHead
    return kind(features, steps, targets, levels)
