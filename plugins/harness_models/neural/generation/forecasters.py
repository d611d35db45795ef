"""The free-running forecasters, one for each kind of network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness_models.neural.generation.free_running import FreeRunning
from harness_models.neural.generation.layers import RecurrentCell, ResetBeforeCell
from harness_models.neural.generation.models import (
    AutoregressiveSeq2Seq,
    Convolutional,
    Dense,
    Recurrent,
    Seq2Seq,
)
from harness_models.neural.limits import check_at_least, check_flag


@dataclass
class FreeRnn(FreeRunning):
    """An RNN with tanh."""

    deviations: float = 2.0
    hidden: int = 128

    def sizes(self) -> tuple[str, ...]:
        """The hidden state."""
        return ("hidden",)

    def network(self, warm_up: int) -> Any:
        """One layer."""
        return Recurrent(RecurrentCell("rnn", self.hidden, self.bias), self.output_bias)


@dataclass
class FreeLstm(FreeRunning):
    """An LSTM."""

    hidden: int = 64

    def sizes(self) -> tuple[str, ...]:
        """The hidden state."""
        return ("hidden",)

    def network(self, warm_up: int) -> Any:
        """One layer."""
        return Recurrent(RecurrentCell("lstm", self.hidden, self.bias), self.output_bias)


@dataclass
class FreeGru(FreeRunning):
    """A GRU, with the reset gate after the recurrent product as in torch, or before it if not `reset_after`."""

    deviations: float = 2.0
    hidden: int = 64
    reset_after: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag(self, "reset_after")

    def sizes(self) -> tuple[str, ...]:
        """The hidden state."""
        return ("hidden",)

    def network(self, warm_up: int) -> Any:
        """One layer."""
        if not self.reset_after:
            return Recurrent(ResetBeforeCell(self.hidden, self.bias), self.output_bias)
        return Recurrent(RecurrentCell("gru", self.hidden, self.bias), self.output_bias)


@dataclass
class FreeDense(FreeRunning):
    """A dense network on lags, with one hidden layer."""

    lags: int = 12
    hidden: int = 64

    def sizes(self) -> tuple[str, ...]:
        """The lags, and the hidden layer."""
        return ("lags", "hidden")

    def least_warm_up(self) -> int:
        """All lags."""
        return self.lags

    def network(self, warm_up: int) -> Any:
        """A network on lags."""
        return Dense(self.lags, self.hidden, self.bias, self.output_bias)


@dataclass
class FreeCnn(FreeRunning):
    """Two convolutions of width 4 and stride 2 over the lags, at least ten of them."""

    lags: int = 32
    channels: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 10, "lags")

    def sizes(self) -> tuple[str, ...]:
        """The lags, and the channels of each convolution."""
        return ("lags", "channels")

    def least_warm_up(self) -> int:
        """All lags."""
        return self.lags

    def network(self, warm_up: int) -> Any:
        """A network on lags."""
        return Convolutional(self.lags, self.channels, self.bias, self.output_bias)


@dataclass
class FreeSeq2Seq(FreeRunning):
    """An encoder LSTM of a block of values and a decoder LSTM of the next block, block by block.

    A block is no longer than the warm-up.
    """

    hidden: int = 64
    block: int = 50

    def sizes(self) -> tuple[str, ...]:
        """The hidden states, and the values of a block."""
        return ("hidden", "block")

    def teach_steps(self) -> int:
        """One block."""
        return self.block

    def network(self, warm_up: int) -> Any:
        """Blocks of at most the warm-up."""
        return Seq2Seq(self.hidden, min(self.block, warm_up), self.bias, self.output_bias)


@dataclass
class FreeAutoregressiveSeq2Seq(FreeRunning):
    """An encoder LSTM of the past, and a decoder LSTM whose input is its own output.

    The first training stage forecasts `taught` steps at once.
    """

    hidden: int = 64
    taught: int = 50

    def sizes(self) -> tuple[str, ...]:
        """The hidden states, and the steps of the first training stage."""
        return ("hidden", "taught")

    def teach_steps(self) -> int:
        """The hyperparameter `taught`."""
        return self.taught

    def network(self, warm_up: int) -> Any:
        """For a past of any length."""
        return AutoregressiveSeq2Seq(self.hidden, self.bias, self.output_bias)
