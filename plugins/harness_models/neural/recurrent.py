"""Direct multi-step networks with recurrent layers: RNN, LSTM and GRU."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from harness import TrainingData
from harness_models.neural.backbones import RecurrentBackbone
from harness_models.neural.direct import DirectForecaster, DirectNetwork
from harness_models.neural.examples import Shape
from harness_models.neural.limits import (
    check_at_least,
    check_biases,
    check_choice,
    check_rate,
    check_skips,
)
from harness_models.neural.stacks import Stack

LEARN_FROM = ("last", "every")


@dataclass
class Recurrent(DirectForecaster):
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
        if self.learn_from == "every" and (self.scale, self.target, self.linear_path) != ("training", "level", False):
            raise ValueError("to learn from every row, scale must be 'training', target 'level' and linear_path false")

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

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """A recurrent network."""
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
        return DirectNetwork(RecurrentBackbone(stack, self.dropout), shape, targets, levels, self.output_bias)


@dataclass
class OneOrTwoBiases(Recurrent):
    """Recurrent layers whose gates have `biases` bias vectors: 1 as in Keras, or 2 as in torch."""

    biases: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_biases(self)

    def bias_vectors(self) -> int:
        """The bias vectors of each gate."""
        return self.biases if self.bias else 0


@dataclass
class Rnn(OneOrTwoBiases):
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
class Lstm(OneOrTwoBiases):
    """Long short-term memory (LSTM)."""

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "lstm"


@dataclass
class Gru(Recurrent):
    """Gated recurrent units (GRU).

    With `reset_after` true, the reset gate acts after the recurrent product, as in torch and Keras, and each gate has
    two bias vectors; if it is false, it acts before the product (K. Cho et al., 2014), and each gate has one.
    """

    reset_after: bool = True

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "gru" if self.reset_after else "gru-reset-before"
