"""Direct multi-step networks with recurrent layers: RNN, LSTM and GRU."""

from __future__ import annotations

from dataclasses import dataclass

from harness_models.neural.architectures import GruLayers, LstmLayers, RecurrentLayers, RnnLayers
from harness_models.neural.direct import DirectForecaster


@dataclass
class Recurrent(RecurrentLayers, DirectForecaster):
    """A recurrent network."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learn_from == "every" and (self.scale, self.target, self.linear_path) != ("training", "level", False):
            raise ValueError("to learn from every row, scale must be 'training', target 'level' and linear_path false")


@dataclass
class Rnn(RnnLayers, Recurrent):
    """A recurrent network of plain cells."""


@dataclass
class Lstm(LstmLayers, Recurrent):
    """A recurrent network of LSTM cells."""


@dataclass
class Gru(GruLayers, Recurrent):
    """A recurrent network of GRU cells."""
