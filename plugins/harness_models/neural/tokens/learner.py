"""TokenForecaster: what networks over tokens have in common, a network for each categorical target."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from harness import Floats, GeneratedTokens, NextClassModel, TrainingData, Unsupported, generate_tokens
from harness_models.classes import NOT_CATEGORICAL
from harness_models.neural.devices import find_device
from harness_models.neural.examples import B, WindowSet
from harness_models.neural.initialisation import INITIALISATIONS, initialise
from harness_models.neural.limits import check_at_least, check_choice, check_rate
from harness_models.neural.parameters import NetworkParameters
from harness_models.neural.tokens.network import ENCODINGS
from harness_models.neural.training import Loss, TrainingLog, TrainingSettings, train_network

LARGEST = 700.0  # loss, of which the exponential is finite


@dataclass
class TokenForecaster(TrainingSettings, NetworkParameters, ABC):
    """Networks whose inputs and outputs are tokens, the classes of a categorical target.

    `encoding` is that of the inputs: "embedding", learned vectors of `embedding` numbers, or "one-hot". `dropout` acts
    on the outputs of each recurrent layer. The weights with the lowest validation loss are kept. The validation part is
    that of the task, or else the last share `validation` of each series.

    The probabilities of the first step ahead are those of the network; those of later steps are the mean over so many
    `samples` of sampled continuations. `generate` generates tokens of a single target.
    """

    learning_rate: float = 1e-2
    encoding: str = "embedding"
    embedding: int = 16
    hidden: int = 64
    layers: int = 1
    dropout: float = 0.0
    bias: bool = True
    output_bias: bool = True
    samples: int = 100
    initialisation: str = "keras"
    validation: float = 0.2
    device: str = "auto"  # "auto", "cpu", "cuda" or "mps"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "encoding", ENCODINGS)
        check_at_least(self, 1, "embedding", "hidden", "layers")
        check_at_least(self, 2, "samples")
        check_rate(self, "dropout", "validation")
        check_choice(self, "initialisation", INITIALISATIONS)
        find_device(self.device)

    def trained(self, network: nn.Module, loss_of: Loss[B], parts: tuple[WindowSet[B], WindowSet[B]]) -> TrainingLog:
        """Initialise and train a network, and note its learning curves; raises Unsupported without training windows."""
        initialise(network, self.initialisation, torch.Generator().manual_seed(self.seed))
        network.to(parts[0].starts.device)
        log = train_network(network, loss_of, parts, self, self.seed)
        network.eval()
        log.curves.update(perplexities(log.curves))
        return log

    def keep(
        self, categories: Mapping[str, tuple[str, ...]], networks: Sequence[nn.Module], logs: Mapping[str, TrainingLog]
    ) -> None:
        """Keep the categories and the trained networks of the targets, and curves and remarks by name."""
        self.categories_ = dict(categories)
        self.networks_ = nn.ModuleList(networks)
        several = len(logs) > 1
        self.curves_ = {
            curve.replace("/", f" of {name}/", 1) if several else curve: values
            for name, log in logs.items()
            for curve, values in log.curves.items()
        }
        self.remarks_ = [f"{name}: {text}" if several else text for name, log in logs.items() for text in log.remarks]

    @abstractmethod
    def read_prompt(self, prompt: Sequence[str]) -> tuple[NextClassModel[Any], Floats, Any]:
        """The model of the only target, and the probabilities, (1, 1, token), and the state after a prompt."""

    def generate(
        self,
        prompt: Sequence[str] = (),
        *,
        end: str | None = None,
        most: int = 1000,
        temperature: float = 1.0,
        greedy: bool = False,
        seed: int = 0,
    ) -> GeneratedTokens:
        """The tokens after a prompt, as `harness.TokenGenerator` describes; all of the prompt is read."""
        if len(self.networks_) > 1:
            raise Unsupported(f"it generates tokens of one target, and the task has {len(self.networks_)}")
        (categories,) = self.categories_.values()
        model, first, state = self.read_prompt(prompt)

        def step(token: int) -> Floats:
            nonlocal state
            probabilities, state = model.step(state, np.array([[token]]))
            return np.asarray(probabilities[0, 0])

        return generate_tokens(
            categories, first[0, 0], step, end=end, most=most, temperature=temperature, greedy=greedy, seed=seed
        )

    def fitted_network(self) -> nn.Module:
        """The networks of all targets."""
        return self.networks_

    def network_device(self) -> torch.device:
        """The device of the networks."""
        return next(self.networks_.parameters()).device


def perplexities(curves: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """The exponentials of curves of losses, by names with "perplexity" in place of "loss"."""
    return {
        name.replace("loss", "perplexity", 1): [math.exp(min(value, LARGEST)) for value in curves[name]]
        for name in curves
    }


def categories_of(train: TrainingData) -> dict[str, tuple[str, ...]]:
    """The categories of the targets, by name; raises Unsupported for numeric targets."""
    if not train.classes:
        raise Unsupported(NOT_CATEGORICAL)
    channels = [train.panel.channels[i] for i in train.panel.targets]
    return {channel.name: tuple(channel.categories or ()) for channel in channels}
