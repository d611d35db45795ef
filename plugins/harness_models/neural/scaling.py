"""What is done to numbers before a network sees them, and undone to what it says."""

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
    """Standardises each channel by its mean and deviation (ddof 0) over the training data."""

    mean: Floats  # (channel,)
    spread: Floats  # (channel,); one where a channel is constant or has no value
    targets: tuple[int, ...]

    @classmethod
    def of(cls, panel: Panel) -> Scaler:
        """Raises Unsupported if the targets hold no value, or nothing but one value each."""
        seen = ~np.isnan(panel.values)
        count = np.maximum(seen.sum(axis=0), 1)
        filled = np.where(seen, panel.values, 0.0)
        mean = filled.sum(axis=0) / count
        spread = np.sqrt((np.where(seen, panel.values - mean, 0.0) ** 2).sum(axis=0) / count)
        targets = list(panel.targets)
        if not seen[:, targets].any():
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
class Framing:
    """How each window is seen: scaled by itself or not, its outputs levels or changes from its last row."""

    scale: str
    target: str
    targets: tuple[int, ...]

    def frame(self, inputs: Tensor, observed: Tensor | None) -> tuple[Tensor, Frame]:
        """The window's inputs (window, lookback, channel) as the network sees them, and their frame."""
        if self.scale == "training" and self.target == "level":
            return inputs.float(), Frame(None, None)
        mean, spread = _moments(inputs, observed) if self.scale == "window" else (inputs[:, -1:], None)
        middle = inputs[:, -1:] if self.target == "change" else mean
        seen = inputs - middle if spread is None else (inputs - middle) / spread
        if observed is not None:
            seen = seen * observed[..., None]
        targets = list(self.targets)
        return seen.float(), Frame(middle[..., targets], None if spread is None else spread[..., targets])


@dataclass(frozen=True)
class Frame:
    """Where the targets of each window lie, and how wide, (window, 1, target); None is at zero, one wide."""

    middle: Tensor | None
    spread: Tensor | None

    def apply(self, outputs: Tensor) -> Tensor:
        """The truth (window, step, target) as the network should say it."""
        if self.middle is not None:
            outputs = outputs - self.middle
        if self.spread is not None:
            outputs = outputs / self.spread
        return outputs.float()

    def undo(self, outputs: Tensor) -> Tensor:
        """What the network says, (window, step, target, value), out of the frame."""
        if self.spread is not None:
            outputs = outputs * self.spread[..., None]
        if self.middle is not None:
            outputs = outputs + self.middle[..., None]
        return outputs


def _moments(inputs: Tensor, observed: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each window over what it shows, (window, 1, channel); a constant one is one wide."""
    shown = torch.ones_like(inputs[..., :1]) if observed is None else observed[..., None].to(inputs.dtype)
    count = shown.sum(1, keepdim=True)
    mean = (inputs * shown).sum(1, keepdim=True) / count
    spread = (((inputs - mean) * shown) ** 2).sum(1, keepdim=True).div(count).sqrt()
    return mean, torch.where(spread > 1e-9 * (1 + mean.abs()), spread, 1.0)
