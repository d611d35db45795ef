"""Heads: the output layers of networks, and their training losses."""

from __future__ import annotations

from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss


class MeanHead(nn.Module):  # type: ignore[misc]
    """The mean of every step and target, trained by squared error."""

    def __init__(self, features: int, steps: int, targets: int, levels: tuple[float, ...] = ()) -> None:
        super().__init__()
        self.shape = (steps, targets, 1 + len(levels))
        self.linear = nn.Linear(features, steps * targets * (1 + len(levels)))

    def forward(self, features: Tensor) -> Tensor:
        """(…, step, target, 1 + level) from features (…, feature): the mean, and the quantiles if there are any."""
        return self.linear(features).unflatten(-1, self.shape)

    def loss(self, outputs: Tensor, actuals: Tensor) -> Tensor:
        """The mean squared error; actuals are (…, step, target)."""
        return mse_loss(outputs[..., 0], actuals)


class QuantileHead(MeanHead):
    """The mean, and quantiles trained by the pinball loss, initialised at those of the normal distribution."""

    def __init__(self, features: int, steps: int, targets: int, levels: tuple[float, ...]) -> None:
        super().__init__(features, steps, targets, levels)
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        normal = [0.0, *(NormalDist().inv_cdf(level) for level in levels)]
        self.register_buffer("initial", torch.tensor(normal), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """(…, step, target, 1 + level)."""
        return super().forward(features) + self.initial

    def loss(self, outputs: Tensor, actuals: Tensor) -> Tensor:
        """The mean squared error, and twice the mean pinball loss."""
        return super().loss(outputs, actuals) + 2 * pinball(outputs[..., 1:], actuals, self.levels)


def pinball(quantiles: Tensor, actuals: Tensor, levels: Tensor) -> Tensor:
    """The pinball loss: the mean of (actual − q)·level above a quantile and (q − actual)·(1 − level) below it."""
    error = actuals[..., None] - quantiles
    return torch.maximum(levels * error, (levels - 1) * error).mean()


def make_head(features: int, steps: int, targets: int, levels: tuple[float, ...]) -> MeanHead:
    """A head for these quantile levels, or for the mean alone if there are none."""
    kind = QuantileHead if levels else MeanHead
    return kind(features, steps, targets, levels)
