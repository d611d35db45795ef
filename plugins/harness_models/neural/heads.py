"""Heads: the output layers of networks, and their training losses."""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss


class MeanHead(nn.Module):  # type: ignore[misc]
    """The mean of every step and target, trained by squared error."""

    def __init__(
        self, features: int, steps: int, targets: int, levels: tuple[float, ...] = (), bias: bool = True
    ) -> None:
        super().__init__()
        self.shape = (steps, targets, 1 + len(levels))
        self.linear = nn.Linear(features, steps * targets * (1 + len(levels)), bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """(…, step, target, 1 + level) from features (…, feature): the mean, and the quantiles if there are any."""
        return self.linear(features).unflatten(-1, self.shape)

    def loss(self, outputs: Tensor, actuals: Tensor) -> Tensor:
        """The mean squared error; actuals are (…, step, target)."""
        return mse_loss(outputs[..., 0], actuals)


class QuantileHead(MeanHead):
    """The mean, and quantiles trained by the pinball loss, initialised at those of the normal distribution."""

    def __init__(self, features: int, steps: int, targets: int, levels: tuple[float, ...], bias: bool = True) -> None:
        super().__init__(features, steps, targets, levels, bias)
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        normal = [0.0, *(NormalDist().inv_cdf(level) for level in levels)]
        self.register_buffer("initial", torch.tensor(normal), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """(…, step, target, 1 + level)."""
        return super().forward(features) + self.initial

    def loss(self, outputs: Tensor, actuals: Tensor) -> Tensor:
        """The mean squared error, and twice the mean pinball loss."""
        return super().loss(outputs, actuals) + 2 * pinball(outputs[..., 1:], actuals, self.levels)


class CovariateEffects(nn.Module):  # type: ignore[misc]
    """A linear layer without a bias from covariates to outputs of a shape, whose weights are zero at first."""

    layer_type = "Linear"

    def __init__(self, covariates: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.weight = nn.Parameter(torch.zeros(math.prod(shape), covariates))

    def forward(self, covariates: Tensor) -> Tensor:
        """(…, output) from (…, covariate)."""
        return nn.functional.linear(covariates, self.weight)

    def add(self, outputs: Tensor, covariates: Tensor | None) -> Tensor:
        """Outputs of each window, or after each of its rows, with the effects of covariates added to them."""
        if covariates is None:
            return outputs
        effects = self(covariates).unflatten(-1, self.shape)
        if effects.ndim < outputs.ndim:  # of the last row, the only one whose outputs are forecasts
            effects = effects[:, None]
        return outputs + effects


class LinearPath(nn.Module):  # type: ignore[misc]
    """A linear layer from the history of each target to its forecasts, the same for all targets.

    At first they are the last value, or zero if the inputs are differences from it, as are A. Zeng et al.'s NLinear
    (Are Transformers Effective for Time Series Forecasting?, 2023) without its training.
    """

    layer_type = "Linear"

    def __init__(self, lookback: int, steps: int, values: int, starts_at_last: bool) -> None:
        super().__init__()
        self.shape = (steps, values)
        self.weight = nn.Parameter(torch.zeros(steps * values, lookback))
        self.bias = nn.Parameter(torch.zeros(steps * values))
        if starts_at_last:
            nn.init.ones_(self.weight[:, -1])

    def forward(self, history: Tensor) -> Tensor:
        """(window, step, target, 1 + level) from (window, lookback, target)."""
        forecasts = nn.functional.linear(history.transpose(1, 2), self.weight, self.bias)
        return forecasts.unflatten(-1, self.shape).transpose(1, 2)


def pinball(quantiles: Tensor, actuals: Tensor, levels: Tensor) -> Tensor:
    """The pinball loss: the mean of (actual − q)·level above a quantile and (q − actual)·(1 − level) below it."""
    error = actuals[..., None] - quantiles
    return torch.maximum(levels * error, (levels - 1) * error).mean()


def make_head(features: int, steps: int, targets: int, levels: tuple[float, ...], bias: bool = True) -> MeanHead:
    """A head for these quantile levels, or for the mean alone if there are none."""
    kind = QuantileHead if levels else MeanHead
    return kind(features, steps, targets, levels, bias)
