"""The hyperparameters of backbones, which networks of numeric and of categorical targets have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

from torch import nn

from harness import TrainingData, Unsupported
from harness_models.neural.backbones import ConvolutionBackbone, DenseBackbone, RecurrentBackbone, least_lookback
from harness_models.neural.examples import Shape
from harness_models.neural.layers import ACTIVATIONS, HiddenLayers
from harness_models.neural.limits import (
    check_at_least,
    check_batch_size,
    check_biases,
    check_choice,
    check_rate,
    check_skips,
)
from harness_models.neural.stacks import Stack
from harness_models.neural.windowed import WindowedNetwork

LEARN_FROM = ("last", "every")


@dataclass
class Backbone(WindowedNetwork):
    """A network with a backbone, whose features of a window are the input of the output layers.

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

    @abstractmethod
    def backbone(self, shape: Shape, channels: int) -> nn.Module:
        """An untrained backbone for windows of so many channels."""


@dataclass
class DenseLayers(Backbone):
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

    def backbone(self, shape: Shape, channels: int) -> nn.Module:
        """Dense layers."""
        return DenseBackbone(shape.lookback * channels, self.hidden, self.layers, hidden_layers(self))


@dataclass
class Convolutions(Backbone):
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

    def backbone(self, shape: Shape, channels: int) -> nn.Module:
        """Convolutions; raises Unsupported if the kernels do not fit into the lookback."""
        kernels = self._kernels(shape.lookback) if self.kernels is None else tuple(self.kernels)
        if least_lookback(kernels) > shape.lookback:
            raise Unsupported(
                f"kernels of {', '.join(map(str, kernels))} steps with pooling need a lookback of "
                f"{least_lookback(kernels)}, not {shape.lookback}"
            )
        if self.skip_connections and len(kernels) < 2:
            raise Unsupported(f"skip_connections needs at least 2 kernels, and a lookback of {shape.lookback} fits 1")
        return ConvolutionBackbone(channels, self.filters, kernels, hidden_layers(self))

    @staticmethod
    def _kernels(lookback: int) -> tuple[int, ...]:
        choices: tuple[tuple[int, ...], ...] = ((24, 12, 6), (3, 3, 3), (3, 3), (3,), (1,))
        return next(kernels for kernels in choices if least_lookback(kernels) <= lookback)


@dataclass
class RecurrentLayers(Backbone):
    """Recurrent layers over the window, in one or in both directions.

    Forecasts are made from the state after the last row. With `learn_from` "every" the training loss
    includes the forecasts from the states after all rows, each as if it were the last one. Batch normalisation acts
    between the layers.
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
        check_skips(self, self.layers, "layers")
        if self.batch_normalisation and self.layers < 2:
            raise ValueError("batch_normalisation acts between recurrent layers, and needs at least 2 layers")
        check_choice(self, "learn_from", LEARN_FROM)
        if self.learn_from == "every" and self.bidirectional:
            raise ValueError(
                "to learn from every row, bidirectional must be false: the backward direction reads later rows"
            )

    @property
    @abstractmethod
    def kind(self) -> str:
        """The cell's name."""

    def bias_vectors(self) -> int:
        """The bias vectors of each gate."""
        return 1 if self.bias else 0

    def shape(self, train: TrainingData, lookback: int) -> Shape:
        """Windows with outputs after the last row, or after every row."""
        return Shape(lookback, train.gap, train.horizon, every=self.learn_from == "every")

    def backbone(self, shape: Shape, channels: int) -> nn.Module:
        """A stack of recurrent layers."""
        stack = Stack(
            self.kind,
            channels,
            self.hidden,
            self.layers,
            self.bidirectional,
            returns_last=not shape.every,
            dropout=self.layer_dropout,
            recurrent_dropout=self.recurrent_dropout,
            biases=self.bias_vectors(),
            batch_normalisation=self.batch_normalisation,
            skip_connections=self.skip_connections,
        )
        return RecurrentBackbone(stack, self.dropout)


@dataclass
class OneOrTwoBiases(RecurrentLayers):
    """Recurrent layers whose gates have `biases` bias vectors: 1 as in Keras, or 2 as in torch."""

    biases: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_biases(self)

    def bias_vectors(self) -> int:
        """The bias vectors of each gate."""
        return self.biases if self.bias else 0


@dataclass
class RnnLayers(OneOrTwoBiases):
    """Plain recurrent cells with the `activation` "tanh" or "relu"."""

    activation: str = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "activation", ("tanh", "relu"))

    @property
    def kind(self) -> str:
        """The cell's name."""
        return f"rnn-{self.activation}"


@dataclass
class LstmLayers(OneOrTwoBiases):
    """Long short-term memory (LSTM)."""

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "lstm"


@dataclass
class GruLayers(RecurrentLayers):
    """Gated recurrent units (GRU).

    With `reset_after` true, the reset gate acts after the recurrent product, as in torch and Keras, and each gate has
    two bias vectors; if it is false, it acts before the product (K. Cho et al., 2014), and each gate has one.
    """

    reset_after: bool = True

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "gru" if self.reset_after else "gru-reset-before"


def hidden_layers(forecaster: DenseLayers | Convolutions) -> HiddenLayers:
    """What its hidden layers have in common."""
    return HiddenLayers(**{each.name: getattr(forecaster, each.name) for each in fields(HiddenLayers)})
