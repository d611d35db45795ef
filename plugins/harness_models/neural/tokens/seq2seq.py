"""Sequence to sequence over tokens: an encoder reads one sequence, a decoder generates another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness import (
    Channel,
    Contexts,
    Floats,
    Forecast,
    Layer,
    NextClassModel,
    TrainingData,
    Unsupported,
    token_positions,
)
from harness_models.neural.devices import find_device
from harness_models.neural.limits import check_at_least, check_choice, check_flag
from harness_models.neural.stacks import StatefulStack
from harness_models.neural.summary import summarise
from harness_models.neural.tokens.decoding import DecodingNetwork
from harness_models.neural.tokens.encoder_decoder import DotAttention, TokenEncoderDecoder
from harness_models.neural.tokens.learner import TokenForecaster, categories_of
from harness_models.neural.tokens.network import token_inputs
from harness_models.neural.tokens.pairs import PairBatch, token_pairs, with_start
from harness_models.neural.tokens.windows import mean_cross_entropy
from harness_models.neural.training import Loss

CELLS = ("lstm", "gru")
DECODINGS = ("sampled", "greedy")
LONGEST_LOOKBACK = 128  # chosen automatically


@dataclass
class TokenSeq2Seq(TokenForecaster):
    """An encoder of the input sequence, and a decoder of the output whose input is its own output.

    The input is the categorical past covariate, or the history of the target if the task has no past covariate; the
    output is the target in the steps ahead. Of the input, the last `lookback` rows are read, in which missing values
    are skipped; None means as many as the longest one in the training data, at most 128. Each target has a network of
    its own. Training is by teacher forcing, without the steps whose output is missing, such as those after an end
    token. Without a validation part of the task, the last share `validation` of the pairs validates.

    With `attention`, the decoder attends to all states of the encoder (M.-T. Luong et al., 2015). With the `decoding`
    "sampled", forecasts are marginal probabilities over sampled outputs; with "greedy", they are those of each step
    after the most probable tokens before it.
    """

    cell: str = "lstm"  # or "gru"
    attention: bool = True
    decoding: str = "sampled"
    lookback: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "cell", CELLS)
        check_choice(self, "decoding", DECODINGS)
        check_flag(self, "attention")
        check_at_least(self, 1, "lookback")

    def network(self, tokens: tuple[int, int]) -> TokenEncoderDecoder:
        """An untrained network for so many tokens of the input and of the output."""
        layers = [token_inputs(self.encoding, count, self.embedding) for count in tokens]
        stacks = [
            StatefulStack(self.cell, layer.features, self.hidden, self.layers, self.dropout, int(self.bias))
            for layer in layers
        ]
        attention = DotAttention(self.hidden, self.bias) if self.attention else None
        head = nn.Linear(self.hidden, tokens[1], bias=self.output_bias)
        return TokenEncoderDecoder((layers[0], layers[1]), (stacks[0], stacks[1]), attention, head, self.dropout)

    def fit(self, train: TrainingData) -> None:
        """Trains a network for each target; `curves_` are the losses and perplexities."""
        every = categories_of(train)
        device, channels = find_device(self.device), train.panel.channels
        self.horizon_, self.gap_ = train.horizon, train.gap
        self.sources_ = [_source(channels, target) for target in train.panel.targets]
        self.input_categories_ = [tuple(channels[source].categories or ()) for source in self.sources_]
        self.lookbacks_, networks, logs = [], [], {}
        for target, source, (name, categories) in zip(train.panel.targets, self.sources_, every.items(), strict=True):
            pairs = token_pairs(train, (source, target), self.lookback, self.validation, LONGEST_LOOKBACK)
            with torch.random.fork_rng(devices=[]):  # torch initialises modules from the global generator
                network = self.network((len(channels[source].categories or ()), len(categories)))
            logs[name] = self.trained(network, _loss_of(network), (pairs[0].to(device), pairs[1].to(device)))
            networks.append(network)
            self.lookbacks_.append(pairs[0].inputs.shape[1])
        self.keep(every, networks, logs)

    @property
    def model_summary(self) -> tuple[Layer, ...]:
        """The layers of the networks, in the order of their computation."""
        device = self.network_device()

        def run(windows: int) -> None:
            for network, lookback in zip(self.networks_, self.lookbacks_, strict=True):
                inputs, observed = with_start(torch.zeros(windows, lookback, dtype=torch.int64, device=device))
                encoded, ends = network.encode(inputs, observed)
                outputs = torch.zeros(windows, self.horizon_, dtype=torch.int64, device=device)
                network.decode(outputs, ends, encoded, observed)

        return summarise(self.networks_, run)

    def predict(self, contexts: Contexts) -> Forecast:
        """The probabilities of each step, each target's by its own network."""
        if contexts.gap != self.gap_:
            raise Unsupported(f"it was trained for a gap of {self.gap_}")
        shape = (len(contexts), contexts.horizon, len(self.networks_), contexts.classes)
        probabilities = np.zeros(shape)
        for target, model in enumerate(self._models()):
            greedy = self.decoding == "greedy"
            found = model.greedy(contexts) if greedy else model.sampled(contexts, self.samples, self.seed)
            probabilities[:, :, target, : found.shape[-1]] = found
        return Forecast.from_probabilities(probabilities)

    def _models(self) -> list[DecodingNetwork]:
        every = zip(self.networks_, self.sources_, self.lookbacks_, strict=True)
        return [DecodingNetwork(*parts) for parts in every]

    def read_prompt(self, prompt: Sequence[str]) -> tuple[NextClassModel[Any], Floats, Any]:
        """Reads a prompt, the input of the only target."""
        (categories,), (model,) = self.input_categories_, self._models()
        return model, *model.read(np.array([token_positions(prompt, categories)], dtype=np.int64))


def _source(channels: Sequence[Channel], target: int) -> int:
    """The position of the input of a target; raises Unsupported for covariates that cannot be one."""
    covariates = [i for i, channel in enumerate(channels) if channel.role == "past covariate"]
    if not covariates:
        return target
    names = ", ".join(channels[i].name for i in covariates)
    if len(covariates) > 1:
        raise Unsupported(f"it reads one past covariate, and the task has {names}; choose one by `covariates`")
    if not channels[covariates[0]].categories:
        raise Unsupported(f"it reads tokens, and the past covariate {names} is not categorical")
    if channels[covariates[0]].delay:
        raise Unsupported(f"it reads the input up to the cutoff, and the past covariate {names} has a delay")
    return covariates[0]


def _loss_of(network: nn.Module) -> Loss[PairBatch]:
    """The loss of a network with teacher forcing."""

    def loss_of(batch: PairBatch, progress: float, generator: torch.Generator | None) -> Tensor:
        encoded, ends = network.encode(batch.inputs, batch.observed, generator)
        logits, _ = network.decode(batch.before, ends, encoded, batch.observed, generator)
        return mean_cross_entropy(logits, batch.outputs, batch.weights)

    return loss_of
