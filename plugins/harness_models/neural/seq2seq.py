"""Encoder and decoder: an LSTM reads the window, another one goes on from its state through the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness import TrainingData
from harness_models.neural.cells import Stack
from harness_models.neural.examples import Batch, Shape
from harness_models.neural.heads import head_of
from harness_models.neural.learner import NetworkForecaster
from harness_models.neural.limits import at_least, share


class Seq2SeqNetwork(nn.Module):  # type: ignore[misc]
    """Two stacks of LSTM layers, and a head that turns each of the decoder's states into one step."""

    def __init__(self, encoder: Stack, decoder: Stack, targets: tuple[int, int], levels: tuple[float, ...]) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.steps, channels = targets
        self.head = head_of(decoder.features, 1, channels, levels)

    def encoded(self, inputs: Tensor, observed: Tensor | None, draws: torch.Generator | None) -> Any:
        """The states of the encoder's layers after the window."""
        steps = None if observed is None else observed.t()
        return self.encoder.continued(inputs.transpose(0, 1), None, draws, steps)[1]

    def at_once(self, last: Tensor, states: Any, draws: torch.Generator | None) -> Tensor:
        """All steps, (window, step, target, 1 + level), the decoder fed with the last value at each."""
        repeated = last.expand(self.steps, *last.shape)
        outputs, _ = self.decoder.continued(repeated, states, draws)
        return self.head(outputs)[:, :, 0].transpose(0, 1)

    def step_by_step(
        self, last: Tensor, states: Any, draws: torch.Generator | None, taught: list[Tensor | None]
    ) -> Tensor:
        """The same, the decoder fed with its own output, or with what `taught` holds after that step."""
        said = []
        for truth in taught:
            output, states = self.decoder.continued(last[None], states, draws)
            said.append(self.head(output[0])[:, 0])
            last = said[-1][..., 0] if truth is None else truth
        return torch.stack(said, dim=1)


@dataclass
class Seq2Seq(NetworkForecaster):
    """An encoder LSTM, and a decoder LSTM fed with the last value again and again: the horizon in one go."""

    hidden: int = 32
    layers: int = 1
    dropout: float = 0.0  # between layers

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "hidden", "layers")
        share(self, "dropout")

    def shape(self, train: TrainingData, lookback: int) -> Shape:
        """Windows whose outputs begin right after the last row: the decoder goes through the gap, too."""
        return Shape(lookback, skipped=0, steps=train.gap + train.horizon)

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """An encoder and a decoder."""
        encoder = Stack("lstm", channels, self.hidden, self.layers, dropout=self.dropout)
        decoder = Stack("lstm", targets, self.hidden, self.layers, dropout=self.dropout)
        return Seq2SeqNetwork(encoder, decoder, (shape.steps, targets), levels)

    def outputs(self, network: nn.Module, batch: Batch, progress: float, draws: torch.Generator | None) -> Tensor:
        """All steps after the window at once."""
        states = network.encoded(batch.inputs, batch.observed, draws)
        return network.at_once(batch.inputs[:, -1, list(self.framing_.targets)], states, draws)


@dataclass
class AutoregressiveSeq2Seq(Seq2Seq):
    """An encoder LSTM, and a decoder LSTM fed with its own output.

    In training a step is fed with the truth instead, with a probability that falls in a straight line
    from `teacher_forcing` to zero over the share `forced_until` of the training.
    """

    iterations: int = 150
    teacher_forcing: float = 0.5
    forced_until: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("teacher_forcing", "forced_until"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, not {getattr(self, name)}")

    def outputs(self, network: nn.Module, batch: Batch, progress: float, draws: torch.Generator | None) -> Tensor:
        """One step after the other."""
        states = network.encoded(batch.inputs, batch.observed, draws)
        last = batch.inputs[:, -1, list(self.framing_.targets)]
        taught: list[Tensor | None] = [None] * network.steps
        if draws is not None and progress < self.forced_until:
            chance = self.teacher_forcing * (1 - progress / self.forced_until)
            forced = torch.rand(network.steps, generator=draws, device=draws.device) < chance
            taught = [batch.outputs[:, step] if yes else None for step, yes in enumerate(forced.tolist())]
        return network.step_by_step(last, states, draws, taught)
