"""Scaling of the inputs and outputs of networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness import Floats, Panel, Unsupported

SCALES = ("training", "window")
TARGETS = ("level", "change")


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardises each channel by its mean and standard deviation (ddof 0) over the training data."""

    mean: Floats  # (channel,)
    spread: Floats  # (channel,) standard deviation; one where a channel is constant or has no value
    targets: tuple[int, ...]

    @classmethod
    def of(cls, panel: Panel) -> Scaler:
        """The scaler of a panel; raises Unsupported if all targets are missing, or all are constant."""
        scaled = ~np.isnan(panel.values)
        count = np.maximum(scaled.sum(axis=0), 1)
        filled = np.where(scaled, panel.values, 0.0)
        mean = filled.sum(axis=0) / count
        spread = np.sqrt((np.where(scaled, panel.values - mean, 0.0) ** 2).sum(axis=0) / count)
        targets = list(panel.targets)
        if not scaled[:, targets].any():
            raise Unsupported("all values of the training data are missing: there is nothing to learn from")
        constant = spread <= 1e-12 * np.abs(mean)
        if constant[targets].all():
            raise Unsupported("the training data is constant: there is nothing to learn from")
        return cls(mean, np.where(constant, 1.0, spread), panel.targets)

    def apply(self, values: Floats) -> Floats:
        """Values (…, channel), standardised."""
        return np.asarray((values - self.mean) / self.spread)

    def undo(self, outputs: Floats) -> Floats:
        """Outputs (…, target, value) in the units of the targets."""
        targets = list(self.targets)
        return np.asarray(outputs * self.spread[targets, None] + self.mean[targets, None])


@dataclass(frozen=True)
class WindowScaler:
    """Scales each window: by its own mean and deviation or not, with outputs as levels or changes."""

    scale: str
    target: str
    targets: tuple[int, ...]

    def apply(self, inputs: Tensor, observed: Tensor | None) -> tuple[Tensor, WindowScale]:
        """The scaled inputs (window, lookback, channel), and the scale of the outputs."""
        if self.scale == "training" and self.target == "level":
            return inputs.float(), WindowScale(None, None)
        mean, spread = _moments(inputs, observed) if self.scale == "window" else (inputs[:, -1:], None)
        location = inputs[:, -1:] if self.target == "change" else mean
        scaled = inputs - location if spread is None else (inputs - location) / spread
        if observed is not None:
            scaled = scaled * observed[..., None]
        targets = list(self.targets)
        return scaled.float(), WindowScale(location[..., targets], None if spread is None else spread[..., targets])


@dataclass(frozen=True)
class WindowScale:
    """Location and spread of the targets of each window, (window, 1, target); None is zero and one."""

    location: Tensor | None
    spread: Tensor | None

    def apply(self, outputs: Tensor) -> Tensor:
        """Actuals (window, step, target), scaled."""
        if self.location is not None:
            outputs = outputs - self.location
        if self.spread is not None:
            outputs = outputs / self.spread
        return outputs.float()

    def undo(self, outputs: Tensor) -> Tensor:
        """Outputs of the network, (window, step, target, value), scaled back."""
        if self.spread is not None:
            outputs = outputs * self.spread[..., None]
        if self.location is not None:
            outputs = outputs + self.location[..., None]
        return outputs


def _moments(inputs: Tensor, observed: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each window's observed rows, (window, 1, channel); one for a constant."""
    mask = torch.ones_like(inputs[..., :1]) if observed is None else observed[..., None].to(inputs.dtype)
    count = mask.sum(1, keepdim=True)
    mean = (inputs * mask).sum(1, keepdim=True) / count
    spread = (((inputs - mean) * mask) ** 2).sum(1, keepdim=True).div(count).sqrt()
    return mean, torch.where(spread > 1e-9 * (1 + mean.abs()), spread, 1.0)
