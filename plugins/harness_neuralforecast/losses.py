"""The loss of a network: that of a hyperparameter, or quantile regression at the levels of the task."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from neuralforecast.losses import pytorch as losses
from torch import nn

from harness import Floats, Forecast

LEVELS_AT_PREDICTION = {"IQLoss", "HuberIQLoss"}


def loss_of(given: str | Mapping[str, Any] | None, levels: tuple[float, ...]) -> nn.Module | None:
    """The loss with these quantile levels where it has some; None for the default of the network.

    `given` is the name of a loss of neuralforecast, or a table with `name` and parameters; None is MQLoss if the task
    has quantile levels. Raises ValueError for another name.
    """
    if given is None:
        return losses.MQLoss(quantiles=list(levels)) if levels else None
    parameters: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    name = str(parameters.pop("name", ""))
    loss_class = getattr(losses, name, None)
    if not (isinstance(loss_class, type) and issubclass(loss_class, nn.Module)) or name in LEVELS_AT_PREDICTION:
        known = sorted({"MAE", "MSE", "HuberLoss", "MQLoss", "HuberMQLoss", "DistributionLoss", "GMM", "PMM", "NBMM"})
        raise ValueError(f"loss is the name of a loss of neuralforecast such as {', '.join(known)}, not {name!r}")
    if levels and "quantiles" in inspect.signature(loss_class).parameters:
        parameters.setdefault("quantiles", list(levels))
    return loss_class(**parameters)


def default_loss(library_class: Any) -> dict[str, Any] | None:
    """The loss of a network that learns a distribution by default, such as DeepAR; None for other networks."""
    default = inspect.signature(library_class).parameters["loss"].default
    if not isinstance(default, losses.DistributionLoss):
        return None
    return {"name": "DistributionLoss", "distribution": default.distribution}


def with_median(levels: tuple[float, ...]) -> tuple[float, ...]:
    """The levels with 0.5, which tells the centre of a forecast; none if there are none."""
    return tuple(sorted({*levels, 0.5})) if levels else ()


def forecast_of(outputs: Floats, loss: nn.Module) -> Forecast:
    """The forecast of the outputs of a network, (window, horizon, target, output): quantiles, a mean, or both."""
    quantiles = getattr(loss, "quantiles", None)
    if quantiles is None:
        return Forecast.point(outputs[..., 0])
    levels = [float(format(level, ".6g")) for level in quantiles.tolist()]
    if outputs.shape[-1] == len(levels):
        return Forecast.quantiles_only(levels, outputs)
    order = np.argsort(levels)  # those that are named by intervals begin with the median
    return Forecast(outputs[..., 0], [levels[i] for i in order], outputs[..., 1 + order])
