"""Next-token networks: recurrent layers over the tokens so far, trained by teacher forcing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness import (
    Contexts,
    Floats,
    Forecast,
    Layer,
    NextClassModel,
    TrainingData,
    token_positions,
)
from harness_models.neural.devices import find_device
from harness_models.neural.examples import Rows
from harness_models.neural.limits import check_at_least, check_biases, check_choice
from harness_models.neural.stacks import StatefulStack
from harness_models.neural.summary import summarise
from harness_models.neural.tokens.learner import TokenForecaster, categories_of
from harness_models.neural.tokens.network import TokenNetwork, token_inputs
from harness_models.neural.tokens.reading import ReadingNetwork
from harness_models.neural.tokens.windows import TokenBatch, mean_cross_entropy, token_windows
from harness_models.neural.training import Loss


@dataclass
class NextToken(TokenForecaster):
    """A network that reads tokens one after the other and gives the probabilities of the next one.

    Each target has a network of its own, and covariates are ignored. Networks are trained on the next token of every
    step (teacher forcing) in windows of so many `steps`, from a state of zero (truncated back-propagation through
    time). Shorter series are padded, and missing values are skipped. Of a context, the last `lookback` values are read;
    None means as many as `steps`. If its last values are missing, they are steps of the continuation.
    """

    steps: int = 64
    lookback: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "steps", "lookback")

    @property
    @abstractmethod
    def kind(self) -> str:
        """The cell's name."""

    def bias_vectors(self) -> int:
        """The bias vectors of each gate."""
        return 1 if self.bias else 0

    def network(self, tokens: int) -> TokenNetwork:
        """An untrained network for so many tokens."""
        inputs = token_inputs(self.encoding, tokens, self.embedding)
        stack = StatefulStack(self.kind, inputs.features, self.hidden, self.layers, self.dropout, self.bias_vectors())
        return TokenNetwork(inputs, stack, tokens, self.dropout, self.output_bias)

    def fit(self, train: TrainingData) -> None:
        """Trains a network for each target; `curves_` are the losses and perplexities."""
        every = categories_of(train)
        device, rows = find_device(self.device), Rows.of(train, self.validation)
        networks, logs = [], {}
        for target, (name, categories) in zip(train.panel.targets, every.items(), strict=True):
            parts = token_windows(rows, target, self.steps, device)
            with torch.random.fork_rng(devices=[]):  # torch initialises modules from the global generator
                network = self.network(len(categories))
            logs[name] = self.trained(network, _loss_of(network), parts)
            networks.append(network)
        self.keep(every, networks, logs)

    @property
    def model_summary(self) -> tuple[Layer, ...]:
        """The layers of the networks, in the order of their computation."""

        def run(windows: int) -> list[Tensor]:
            tokens = torch.zeros(windows, self.steps, dtype=torch.int64, device=self.network_device())
            return [network(tokens)[0] for network in self.networks_]

        return summarise(self.networks_, run)

    def predict(self, contexts: Contexts) -> Forecast:
        """The marginal probabilities, each target's by its own network."""
        shape = (len(contexts), contexts.horizon, len(self.networks_), contexts.classes)
        probabilities = np.zeros(shape)
        for target, model in enumerate(self._models()):
            found = model.probabilities(contexts, self.samples, self.seed)
            probabilities[:, :, target, : found.shape[-1]] = found
        return Forecast.from_probabilities(probabilities)

    def _models(self) -> list[ReadingNetwork]:
        lookback = self.lookback or self.steps
        return [ReadingNetwork(network, target, lookback) for target, network in enumerate(self.networks_)]

    def read_prompt(self, prompt: Sequence[str]) -> tuple[NextClassModel[Any], Floats, Any]:
        """Reads all tokens of a prompt of the only target."""
        (categories,), (model,) = self.categories_.values(), self._models()
        return model, *model.read(np.array([token_positions(prompt, categories)], dtype=np.int64))


@dataclass
class OneOrTwoBiases(NextToken):
    """Networks whose gates have `biases` bias vectors: 1 as in Keras, or 2 as in torch."""

    biases: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_biases(self)

    def bias_vectors(self) -> int:
        """The bias vectors of each gate."""
        return self.biases if self.bias else 0


@dataclass
class TokenRnn(OneOrTwoBiases):
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
class TokenLstm(OneOrTwoBiases):
    """Long short-term memory (LSTM)."""

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "lstm"


@dataclass
class TokenGru(NextToken):
    """Gated recurrent units (GRU). The reset gate acts after the recurrent product; each gate has two bias vectors."""

    @property
    def kind(self) -> str:
        """The cell's name."""
        return "gru"


def _loss_of(network: nn.Module) -> Loss[TokenBatch]:
    """The loss of a network with teacher forcing."""

    def loss_of(batch: TokenBatch, progress: float, generator: torch.Generator | None) -> Tensor:
        logits, _ = network(batch.inputs, generator=generator)
        return mean_cross_entropy(logits, batch.outputs, batch.weights)

    return loss_of
