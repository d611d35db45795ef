"""TokenForecaster: what networks over tokens have in common, a network for each categorical target."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from harness import TrainingData, Unsupported
from harness_models.classes import NOT_CATEGORICAL
from harness_models.neural.devices import find_device
from harness_models.neural.examples import B, WindowSet
from harness_models.neural.initialisation import INITIALISATIONS, initialise
from harness_models.neural.limits import check_at_least, check_choice, check_rate
from harness_models.neural.parameters import NetworkParameters
from harness_models.neural.tokens.network import ENCODINGS
from harness_models.neural.training import Loss, TrainingLog, TrainingSettings, train_network


@dataclass
class TokenForecaster(TrainingSettings, NetworkParameters, ABC):
    """Networks whose inputs and outputs are tokens, the classes of a categorical target.

    `encoding` is that of the inputs: "embedding", learned vectors of `embedding` numbers, or "one-hot". `dropout` acts
    on the outputs of each recurrent layer. The weights with the lowest validation loss are kept. The validation part is
    that of the task, or else the last share `validation` of each series.

    The probabilities of the first step ahead are those of the network; those of later steps are the mean over so many
    `samples` of sampled continuations.
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

    def keep(self, networks: Sequence[nn.Module], logs: Mapping[str, TrainingLog]) -> None:
        """Keep the trained networks of the targets, and their curves and remarks by name."""
        self.networks_ = nn.ModuleList(networks)
        several = len(logs) > 1
        self.curves_ = {
            curve.replace("/", f" of {name}/", 1) if several else curve: values
            for name, log in logs.items()
            for curve, values in log.curves.items()
        }
        self.remarks_ = [f"{name}: {text}" if several else text for name, log in logs.items() for text in log.remarks]

    def fitted_network(self) -> nn.Module:
        """The networks of all targets."""
        return self.networks_

    def network_device(self) -> torch.device:
        """The device of the networks."""
        return next(self.networks_.parameters()).device


def perplexities(curves: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """The exponentials of curves of losses, by names with "perplexity" in place of "loss"."""
    return {name.replace("loss", "perplexity", 1): [math.exp(value) for value in curves[name]] for name in curves}


def categories_of(train: TrainingData) -> dict[str, tuple[str, ...]]:
    """The categories of the targets, by name; raises Unsupported for numeric targets."""
    if not train.classes:
        raise Unsupported(NOT_CATEGORICAL)
    channels = [train.panel.channels[i] for i in train.panel.targets]
    return {channel.name: tuple(channel.categories or ()) for channel in channels}
