"""Networks of classes: dense, convolutional and recurrent ones."""

from __future__ import annotations

from dataclasses import dataclass

from harness_models.neural.architectures import Convolutions, DenseLayers, GruLayers, LstmLayers, RnnLayers
from harness_models.neural.classes.learner import ClassForecaster


@dataclass
class Dense(ClassForecaster, DenseLayers):
    """Class probabilities of a dense network."""


@dataclass
class Cnn(ClassForecaster, Convolutions):
    """Class probabilities of a convolutional network."""


@dataclass
class Rnn(ClassForecaster, RnnLayers):
    """Class probabilities of a recurrent network of plain cells."""


@dataclass
class Lstm(ClassForecaster, LstmLayers):
    """Class probabilities of a recurrent network of LSTM cells."""


@dataclass
class Gru(ClassForecaster, GruLayers):
    """Class probabilities of a recurrent network of GRU cells."""
