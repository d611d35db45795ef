"""Direct multi-step networks: dense, convolutional and recurrent ones."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from harness import TrainingData, Unsupported
from harness_models.neural.backbones import ConvolutionBackbone, DenseBackbone, RecurrentBackbone, least_lookback
from harness_models.neural.cells import Stack
from harness_models.neural.examples import Shape
from harness_models.neural.heads import make_head
from harness_models.neural.learner import NetworkForecaster
from harness_models.neural.limits import check_at_least, check_choice, check_rate

LEARN_FROM = ("last", "every")


class DirectNetwork(nn.Module):  # type: ignore[misc]
    """A backbone for the features of a window, and a head for the forecasts.

    Covariates are inputs of the head as well, beside the features of the backbone; their weights are zero at first.
    """

    def __init__(self, backbone: nn.Module, shape: Shape, targets: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = make_head(backbone.features, shape.steps, targets, levels)
        outputs = self.head.linear.out_features
        weight = nn.Parameter(torch.zeros(outputs, shape.covariates)) if shape.covariates else None
        self.register_parameter("covariate_weight", weight)

    def forward(
        self,
        inputs: Tensor,
        observed: Tensor | None,
        generator: torch.Generator | None,
        covariates: Tensor | None = None,
    ) -> Tensor:
        """(window, horizon, target, 1 + level); after each input row, if the backbone returns features of all."""
        outputs = self.head(self.backbone(inputs, observed, generator))
        if covariates is None:
            return outputs
        effects = linear(covariates, self.covariate_weight).unflatten(-1, self.head.shape)
        if effects.ndim < outputs.ndim:  # of the last row, the only one whose outputs are forecasts
            effects = effects[:, None]
        return outputs + effects


class DirectForecaster(NetworkForecaster):
    """A forecaster whose network is a DirectNetwork."""

    uses_covariates: ClassVar[bool] = True


@dataclass
class Dense(DirectForecaster):
    """A dense network with ReLU on the flattened window."""

    hidden: int = 32
    layers: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "hidden", "layers")
        check_rate(self, "dropout")

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """A dense network."""
        backbone = DenseBackbone(shape.lookback, channels, self.hidden, self.layers, self.dropout)
        return DirectNetwork(backbone, shape, targets, levels)


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
    """Convolutions with ReLU, max-pooling of 2 between them, and global average pooling.

    `kernels` are the sizes of the convolutions; None means 24, 12 and 6, or if the lookback is too short
    for them, as many convolutions of size 3 as fit, at most three.
    """

    filters: int = 16
    kernels: tuple[int, ...] | None = None
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "filters")
        check_rate(self, "dropout")
        if self.kernels is not None and (not self.kernels or min(self.kernels) < 1):
            raise ValueError(f"kernels must be one size or more, each at least 1, not {list(self.kernels)}")

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """A convolutional network; raises Unsupported if its kernels do not fit into the lookback."""
        kernels = self._kernels(shape.lookback) if self.kernels is None else tuple(self.kernels)
        if least_lookback(kernels) > shape.lookback:
            raise Unsupported(
                f"kernels of {', '.join(map(str, kernels))} steps with pooling need a lookback of "
                f"{least_lookback(kernels)}, not {shape.lookback}"
            )
        backbone = ConvolutionBackbone(channels, self.filters, kernels, self.dropout)
        return DirectNetwork(backbone, shape, targets, levels)

    @staticmethod
    def _kernels(lookback: int) -> tuple[int, ...]:
        choices: tuple[tuple[int, ...], ...] = ((24, 12, 6), (3, 3, 3), (3, 3), (3,), (1,))
        return next(kernels for kernels in choices if least_lookback(kernels) <= lookback)


@dataclass
class Recurrent(DirectForecaster):
    """Recurrent layers over the window, in one or in both directions.

    Forecasts are made from the state after the last row. With `learn_from` "every" the training loss
    includes the forecasts from the states after all rows, each as if it were the last one.
    """

    hidden: int = 32
    layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0  # before the head
    layer_dropout: float = 0.0  # between layers
    recurrent_dropout: float = 0.0  # of the state in the recurrent product, one mask per sequence
    learn_from: str = "last"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "hidden", "layers")
        check_rate(self, "dropout", "layer_dropout", "recurrent_dropout")
        check_choice(self, "learn_from", LEARN_FROM)
        if self.learn_from == "every" and self.bidirectional:
            raise ValueError(
                "to learn from every row, bidirectional must be false: the backward direction reads later rows"
            )
        if self.learn_from == "every" and (self.scale, self.target) != ("training", "level"):
            raise ValueError("to learn from every row, scale must be 'training' and target 'level'")

    @property
    @abstractmethod
    def kind(self) -> str:
        """The cell's name."""

    def shape(self, train: TrainingData, lookback: int) -> Shape:
        """Windows with outputs after the last row, or after every row."""
        return Shape(lookback, train.gap, train.horizon, every=self.learn_from == "every")

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """A recurrent network."""
        stack = Stack(
            self.kind,
            channels,
            self.hidden,
            self.layers,
            self.bidirectional,
            dropout=self.layer_dropout,
            recurrent_dropout=self.recurrent_dropout,
        )
        return DirectNetwork(RecurrentBackbone(stack, self.dropout, shape.every), shape, targets, levels)


@dataclass
class Rnn(Recurrent):
    """Plain recurrent cells with the activation "tanh" or "relu"."""

    activation: str = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "activation", ("tanh", "relu"))

    @property
    def kind(self) -> str:
        """The cell's name."""
        return f"rnn-{self.activation}"


@dataclass
class Lstm(Recurrent):
    """Long short-term memory (LSTM)."""

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "lstm"


@dataclass
class Gru(Recurrent):
    """Gated recurrent units (GRU), with the reset gate after the product."""

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "gru"
