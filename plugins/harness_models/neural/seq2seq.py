"""LSTM encoder-decoder: the encoder reads the window, the decoder starts from its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness import TrainingData
from harness_models.neural.examples import Batch, Shape
from harness_models.neural.heads import make_head
from harness_models.neural.learner import NetworkForecaster
from harness_models.neural.limits import check_at_least, check_biases, check_rate
from harness_models.neural.stacks import StatefulStack


class Seq2SeqNetwork(nn.Module):  # type: ignore[misc]
    """Two stacks of LSTM layers, and a head that forecasts one step from each state of the decoder."""

    def __init__(
        self,
        encoder: StatefulStack,
        decoder: StatefulStack,
        targets: tuple[int, int],
        levels: tuple[float, ...],
        bias: bool,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.steps, channels = targets
        self.head = make_head(decoder.features, 1, channels, levels, bias)

    def encode(self, inputs: Tensor, observed: Tensor | None, generator: torch.Generator | None) -> Any:
        """The states of the encoder's layers after the window."""
        steps = None if observed is None else observed.t()
        return self.encoder(inputs.transpose(0, 1), None, generator, steps)[1]

    def decode_directly(self, last: Tensor, states: Any, generator: torch.Generator | None) -> Tensor:
        """All steps, (window, step, target, 1 + level); the decoder's input is the last value at each."""
        repeated = last.expand(self.steps, *last.shape)
        outputs, _ = self.decoder(repeated, states, generator)
        return self.head(outputs)[:, :, 0].transpose(0, 1)

    def decode_recursively(
        self,
        last: Tensor,
        states: Any,
        generator: torch.Generator | None,
        teacher_values: list[Tensor | None],
        added: Tensor | None = None,
    ) -> Tensor:
        """The same; the decoder's input is its last output, or the value in `teacher_values` unless None.

        What is `added` to the outputs, of the same shape, is part of them.
        """
        outputs = []
        for step, actuals in enumerate(teacher_values):
            output, states = self.decoder(last[None], states, generator)
            forecast = self.head(output[0])[:, 0]
            outputs.append(forecast if added is None else forecast + added[:, step])
            last = outputs[-1][..., 0] if actuals is None else actuals
        return torch.stack(outputs, dim=1)


@dataclass
class Seq2Seq(NetworkForecaster):
    """An encoder LSTM, and a decoder LSTM whose input is the last value at every step.

    The history of past and known covariates is part of the input. Known covariates of the steps ahead and static
    covariates are ignored.

    `biases` is the number of learned bias vectors of each gate: 1 as in Keras, or 2 as in torch. With `bias` false,
    there are none. `output_bias` is whether the output layer has a bias.
    """

    hidden: int = 32
    layers: int = 1
    dropout: float = 0.0  # between layers
    biases: int = 1
    bias: bool = True
    output_bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "hidden", "layers")
        check_rate(self, "dropout")
        check_biases(self)

    def shape(self, train: TrainingData, lookback: int) -> Shape:
        """Windows whose outputs begin right after the last row: the decoder also runs through the gap."""
        return Shape(lookback, gap=0, steps=train.gap + train.horizon)

    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """An encoder and a decoder."""
        encoder, decoder = (
            StatefulStack("lstm", inputs, self.hidden, self.layers, self.dropout, self.biases if self.bias else 0)
            for inputs in (channels, targets)
        )
        return Seq2SeqNetwork(encoder, decoder, (shape.steps, targets), levels, self.output_bias)

    def outputs(self, network: nn.Module, batch: Batch, progress: float, generator: torch.Generator | None) -> Tensor:
        """All steps after the window."""
        states = network.encode(batch.inputs, batch.observed, generator)
        outputs = network.decode_directly(batch.inputs[:, -1, list(self.groups_.targets)], states, generator)
        return outputs if network.linear_path is None else outputs + self.linear_outputs(network, batch)


@dataclass
class AutoregressiveSeq2Seq(Seq2Seq):
    """An encoder LSTM, and a decoder LSTM whose input is its own output. Covariates are used as by `Seq2Seq`.

    Training uses scheduled teacher forcing: a step's input is the actual value with a probability that
    decreases linearly from `teacher_forcing` to zero over the share `forced_until` of the training.
    """

    iterations: int = 150
    teacher_forcing: float = 0.5
    forced_until: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("teacher_forcing", "forced_until"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, not {getattr(self, name)}")

    def outputs(self, network: nn.Module, batch: Batch, progress: float, generator: torch.Generator | None) -> Tensor:
        """The steps recursively."""
        states = network.encode(batch.inputs, batch.observed, generator)
        last = batch.inputs[:, -1, list(self.groups_.targets)]
        added = None if network.linear_path is None else self.linear_outputs(network, batch)
        teacher_values: list[Tensor | None] = [None] * network.steps
        if generator is not None and progress < self.forced_until:
            chance = self.teacher_forcing * (1 - progress / self.forced_until)
            forced = torch.rand(network.steps, generator=generator, device=generator.device) < chance
            teacher_values = [batch.outputs[:, step] if yes else None for step, yes in enumerate(forced.tolist())]
        return network.decode_recursively(last, states, generator, teacher_values, added)
