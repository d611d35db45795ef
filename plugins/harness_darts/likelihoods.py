"""The likelihood of a network, and the quantile levels that Darts asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn


def symmetric(levels: tuple[float, ...]) -> list[float]:
    """The levels with 0.5 and the other end of each central interval, which Darts requires."""
    return sorted({0.5, *levels, *(round(1 - level, 9) for level in levels)})


def likelihood_of(given: str | Mapping[str, Any] | None, levels: tuple[float, ...]) -> Any:
    """A likelihood of Darts by its name, or a table with `name` and parameters.

    None is quantile regression at these levels, or no likelihood if there are none. Raises ValueError for other names.
    """
    from darts.utils.likelihood_models import torch as likelihoods

    if given is None:
        return likelihoods.QuantileRegression(quantiles=symmetric(levels)) if levels else None
    parameters: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    name = str(parameters.pop("name", ""))
    found = getattr(likelihoods, name, None)
    if not (isinstance(found, type) and issubclass(found, likelihoods.TorchLikelihood)):
        raise ValueError(
            f"likelihood is the name of a likelihood of Darts such as QuantileRegression or GaussianLikelihood, "
            f"not {name!r}"
        )
    if name == "QuantileRegression" and levels:
        parameters.setdefault("quantiles", symmetric(levels))
    return found(**parameters)


def loss_of(name: str | None) -> nn.Module | None:
    """A loss of `torch.nn` such as "L1Loss"; raises ValueError for other names."""
    if name is None:
        return None
    found = getattr(nn, name, None)
    if not (name.endswith("Loss") and isinstance(found, type)):
        raise ValueError(f"loss_fn is the name of a loss of torch.nn such as 'MSELoss' or 'L1Loss', not {name!r}")
    loss: nn.Module = found()
    return loss
