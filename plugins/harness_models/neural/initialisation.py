"""Initial values of a network's parameters, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from harness_models.neural.cells import RecurrentLayer


def initialise(network: nn.Module, name: str, generator: torch.Generator) -> None:
    """Initialise all weights; biases are zero, except an LSTM's forget bias, which is one."""
    kernel, recurrent = INITIALISATIONS[name]
    for module in network.modules():
        if isinstance(module, RecurrentLayer):
            kernel(module.weight, generator=generator)
            recurrent(module.recurrent, generator=generator)
            if module.cell == "lstm":
                nn.init.ones_(module.bias[module.hidden : 2 * module.hidden])
        elif isinstance(module, nn.Linear | nn.Conv1d):
            kernel(module.weight, generator=generator)
            nn.init.zeros_(module.bias)


def _uniform(weight: Tensor, generator: torch.Generator) -> None:
    """Uniform within one over the square root of the inputs, as torch's recurrent layers by their hidden size."""
    bound = weight[0].numel() ** -0.5
    nn.init.uniform_(weight, -bound, bound, generator=generator)


def _normal(weight: Tensor, generator: torch.Generator) -> None:
    """Normal with the variance one over the inputs."""
    nn.init.normal_(weight, 0.0, weight[0].numel() ** -0.5, generator=generator)


_xavier = nn.init.xavier_uniform_
_kaiming = partial(nn.init.kaiming_uniform_, nonlinearity="relu")
_orthogonal = nn.init.orthogonal_

# of kernels, and of recurrent kernels
INITIALISATIONS: dict[str, tuple[Callable[..., object], Callable[..., object]]] = {
    "keras": (_xavier, _orthogonal),
    "uniform": (_uniform, _uniform),
    "normal": (_normal, _normal),
    "xavier": (_xavier, _xavier),
    "kaiming": (_kaiming, _kaiming),
    "orthogonal": (_orthogonal, _orthogonal),
}
