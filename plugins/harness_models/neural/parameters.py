"""The number of parameters, and the layers, of a forecaster whose model is a network of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from harness import Layer
from harness_models.neural.summary import static_summary


class NetworkParameters(ABC):
    """Provides the size of the network; the scale of the data and quantiles of residuals are no learned parameters."""

    @abstractmethod
    def fitted_network(self) -> nn.Module:
        """The network; raises AttributeError before the fit."""

    @property
    def parameter_count(self) -> int:
        """The number of parameters of the network."""
        return parameter_count(self.fitted_network())

    @property
    def model_summary(self) -> tuple[Layer, ...]:
        """The layers of the network."""
        return static_summary(self.fitted_network())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the parameters and buffers of the network."""
        network = self.fitted_network()
        return sum(tensor.numel() * tensor.element_size() for tensor in (*network.parameters(), *network.buffers()))


def parameter_count(network: nn.Module) -> int:
    """The number of parameters of a network."""
    return int(sum(parameter.numel() for parameter in network.parameters()))
