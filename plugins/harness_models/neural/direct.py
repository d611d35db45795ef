"""Direct multi-step networks: dense and convolutional ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness_models.neural.architectures import Backbone, Convolutions, DenseLayers
from harness_models.neural.examples import Shape
from harness_models.neural.heads import CovariateEffects, make_head
from harness_models.neural.learner import NetworkForecaster


class DirectNetwork(nn.Module):  # type: ignore[misc]
    """A backbone for the features of a window, and a head for the forecasts.

    Covariates are inputs of the head as well, beside the features of the backbone; their weights are zero at first.
    """

    def __init__(
        self, backbone: nn.Module, shape: Shape, targets: int, levels: tuple[float, ...], bias: bool = True
    ) -> None:
        super().__init__()
        head = make_head(backbone.features, shape.steps, targets, levels, bias)
        self.covariates = CovariateEffects(shape.covariates, head.shape) if shape.covariates else None
        self.backbone = backbone
        self.head = head

    def forward(
        self,
        inputs: Tensor,
        observed: Tensor | None,
        generator: torch.Generator | None,
        covariates: Tensor | None = None,
    ) -> Tensor:
        """(window, horizon, target, 1 + level); after each input row, if the backbone returns features of all."""
        outputs = self.head(self.backbone(inputs, observed, generator))
        return outputs if self.covariates is None else self.covariates.add(outputs, covariates)


@dataclass
class DirectForecaster(Backbone, NetworkForecaster):
    """A forecaster whose network is a DirectNetwork."""

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """An untrained network."""
        return DirectNetwork(self.backbone(shape, channels), shape, targets, levels, self.output_bias)


@dataclass
class Dense(DenseLayers, DirectForecaster):
    """A dense network."""


@dataclass
class IidDense(Dense):
    """A dense network on the last row only, without history."""

    lookback: int | None = 1
    scale: str = "training"
    target: str = "level"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.lookback, self.scale, self.target) != (1, "training", "level"):
            raise ValueError("without history, lookback must be 1, scale 'training' and target 'level'")


@dataclass
class Cnn(Convolutions, DirectForecaster):
    """A convolutional network."""
