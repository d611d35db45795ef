"""The number of parameters of a forecaster whose model is a network of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
from torch import nn

from harness import Floats


class NetworkParameters(ABC):
    """Provides the size of a network, and of what was estimated beside it, such as the scale of the data."""

    @abstractmethod
    def learned_parameters(self) -> tuple[nn.Module, Iterable[Floats | float]]:
        """The fitted network, and other estimated values."""

    @property
    def parameter_count(self) -> int:
        """The number of learned parameters."""
        network, others = self.learned_parameters()
        return parameter_count(network) + sum(np.size(values) for values in others)

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the parameters and buffers of the network, and of the other values."""
        network, others = self.learned_parameters()
        tensors = [*network.parameters(), *network.buffers()]
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return int(size) + sum(np.asarray(values).nbytes for values in others)


def parameter_count(network: nn.Module) -> int:
    """The number of parameters of a network."""
    return int(sum(parameter.numel() for parameter in network.parameters()))
