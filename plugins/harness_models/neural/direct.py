"""Direct multi-step networks: dense and convolutional ones."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from torch import Tensor, nn

from harness import Unsupported
from harness_models.neural.backbones import ConvolutionBackbone, DenseBackbone, least_lookback
from harness_models.neural.examples import Shape
from harness_models.neural.heads import make_head
from harness_models.neural.layers import ACTIVATIONS, HiddenLayers
from harness_models.neural.learner import NetworkForecaster
from harness_models.neural.limits import (
    check_at_least,
    check_batch_size,
    check_choice,
    check_rate,
    check_skips,
)


class DirectNetwork(nn.Module):  # type: ignore[misc]
    """A backbone for the features of a window, and a head for the forecasts.

    Covariates are inputs of the head as well, beside the features of the backbone; their weights are zero at first.
    """

    def __init__(
        self, backbone: nn.Module, shape: Shape, targets: int, levels: tuple[float, ...], bias: bool = True
    ) -> None:
        super().__init__()
        head = make_head(backbone.features, shape.steps, targets, levels, bias)
        outputs = head.linear.out_features
        self.covariates = CovariateEffects(shape.covariates, outputs) if shape.covariates else None
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
        if covariates is None or self.covariates is None:
            return outputs
        effects = self.covariates(covariates).unflatten(-1, self.head.shape)
        if effects.ndim < outputs.ndim:  # of the last row, the only one whose outputs are forecasts
            effects = effects[:, None]
        return outputs + effects


class CovariateEffects(nn.Module):  # type: ignore[misc]
    """A linear layer without a bias, whose weights are zero at first."""

    layer_type = "Linear"

    def __init__(self, covariates: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, covariates))

    def forward(self, covariates: Tensor) -> Tensor:
        """(…, output) from (…, covariate)."""
        return nn.functional.linear(covariates, self.weight)


@dataclass
class DirectForecaster(NetworkForecaster):
    """A forecaster whose network is a DirectNetwork.

    With `batch_normalisation`, the outputs of hidden layers are normalised by the mean and variance of the batch
    (S. Ioffe and C. Szegedy, 2015). With `skip_connections`, the input of each hidden layer from the second one on is
    added to its output (K. He et al., 2016). With `bias` false, hidden layers have no bias vectors. `output_bias` is
    whether the output layer has a bias.
    """

    batch_normalisation: bool = False
    skip_connections: bool = False
    bias: bool = True
    output_bias: bool = True

    uses_covariates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_batch_size(self)


@dataclass
class Dense(DirectForecaster):
    """A dense network on the flattened window.

    `activation` is that of hidden layers: "relu", "tanh", "elu" or "sigmoid".
    """

    hidden: int = 32
    layers: int = 1
    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "hidden", "layers")
        check_rate(self, "dropout")
        check_choice(self, "activation", ACTIVATIONS)
        check_skips(self, self.layers, "layers")

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """A dense network."""
        backbone = DenseBackbone(shape.lookback * channels, self.hidden, self.layers, hidden_layers(self))
        return DirectNetwork(backbone, shape, targets, levels, self.output_bias)


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
class Cnn(DirectForecaster):
    """Convolutions with an activation, max-pooling of 2 between them, and global average pooling.

    `kernels` are the sizes of the convolutions; None means 24, 12 and 6, or if the lookback is too short
    for them, as many convolutions of size 3 as fit, at most three. `activation` is "relu", "tanh", "elu" or "sigmoid".
    """

    filters: int = 16
    kernels: tuple[int, ...] | None = None
    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "filters")
        check_rate(self, "dropout")
        if self.kernels is not None and (not self.kernels or min(self.kernels) < 1):
            raise ValueError(f"kernels must be one size or more, each at least 1, not {list(self.kernels)}")
        check_choice(self, "activation", ACTIVATIONS)
        if self.kernels is not None:
            check_skips(self, len(self.kernels), "kernels")

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """A convolutional network; raises Unsupported if its kernels do not fit into the lookback."""
        kernels = self._kernels(shape.lookback) if self.kernels is None else tuple(self.kernels)
        if least_lookback(kernels) > shape.lookback:
            raise Unsupported(
                f"kernels of {', '.join(map(str, kernels))} steps with pooling need a lookback of "
                f"{least_lookback(kernels)}, not {shape.lookback}"
            )
        if self.skip_connections and len(kernels) < 2:
            raise Unsupported(f"skip_connections needs at least 2 kernels, and a lookback of {shape.lookback} fits 1")
        backbone = ConvolutionBackbone(channels, self.filters, kernels, hidden_layers(self))
        return DirectNetwork(backbone, shape, targets, levels, self.output_bias)

    @staticmethod
    def _kernels(lookback: int) -> tuple[int, ...]:
        choices: tuple[tuple[int, ...], ...] = ((24, 12, 6), (3, 3, 3), (3, 3), (3,), (1,))
        return next(kernels for kernels in choices if least_lookback(kernels) <= lookback)


def hidden_layers(forecaster: Dense | Cnn) -> HiddenLayers:
    """What its hidden layers have in common."""
    return HiddenLayers(**{each.name: getattr(forecaster, each.name) for each in fields(HiddenLayers)})
