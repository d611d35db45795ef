"""Initial weights of a network, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from harness_models.neural.cells import RecurrentLayer

Initialisation = Callable[..., object]  # fills a weight in place


def initialise(network: nn.Module, name: str, generator: torch.Generator) -> None:
    """Initialise all weights; biases are zero, except an LSTM's forget bias, which is one."""
    kernel, recurrent = INITIALISATIONS[name]
    for module in network.modules():
        if isinstance(module, RecurrentLayer):
            kernel(module.weight, generator=generator)
            recurrent(module.recurrent, generator=generator)
            if module.cell == "lstm" and module.bias is not None:
                nn.init.ones_(module.bias[module.hidden : 2 * module.hidden])
        elif isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            kernel(module.weight, generator=generator)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):  # a kernel whose inputs are one-hot
            kernel(module.weight.t(), generator=generator)


def _uniform(weight: Tensor, generator: torch.Generator) -> None:
    """Uniform within one over the square root of the inputs, as torch's recurrent layers by their hidden size."""
    bound = weight[0].numel() ** -0.5
    nn.init.uniform_(weight, -bound, bound, generator=generator)


def _normal(weight: Tensor, generator: torch.Generator) -> None:
    """Normal with the variance one over the inputs."""
    nn.init.normal_(weight, 0.0, weight[0].numel() ** -0.5, generator=generator)


def _sparse(weight: Tensor, generator: torch.Generator) -> None:
    """Normal with the standard deviation 0.01, a tenth of each input's weights zero (J. Martens, 2010)."""
    nn.init.normal_(weight, 0.0, 0.01, generator=generator)
    with torch.no_grad():  # torch's own function draws the zeros from the global generator
        order = torch.rand(weight.flatten(1).shape, generator=generator).argsort(0).argsort(0)
        weight[(order < math.ceil(0.1 * len(weight))).view_as(weight)] = 0.0


def _constant(value: float) -> Initialisation:
    def fill(weight: Tensor, generator: torch.Generator) -> None:
        nn.init.constant_(weight, value)

    return fill


_xavier = nn.init.xavier_uniform_
_kaiming = partial(nn.init.kaiming_uniform_, nonlinearity="relu")
_orthogonal = nn.init.orthogonal_

# of kernels, and of recurrent kernels
INITIALISATIONS: dict[str, tuple[Initialisation, Initialisation]] = {
    "keras": (_xavier, _orthogonal),
    "uniform": (_uniform, _uniform),
    "normal": (_normal, _normal),
    "xavier": (_xavier, _xavier),
    "kaiming": (_kaiming, _kaiming),
    "orthogonal": (_orthogonal, _orthogonal),
    **{
        name: (function, function)
        for name, function in (
            ("xavier-normal", nn.init.xavier_normal_),
            ("kaiming-normal", partial(nn.init.kaiming_normal_, nonlinearity="relu")),
            ("standard-uniform", nn.init.uniform_),  # from 0 to 1
            ("standard-normal", nn.init.normal_),
            ("normal-0.01", partial(nn.init.normal_, std=0.01)),
            ("sparse", _sparse),
            ("zeros", _constant(0.0)),
            ("ones", _constant(1.0)),
        )
    },
}
