"""Networks of classes: a backbone, dense layers, and a head with the logits of each class; their loss."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness_models.neural.classes.inputs import Inputs
from harness_models.neural.examples import Shape
from harness_models.neural.heads import CovariateEffects

MISSING = -1  # the class of an output that is missing


class ClassHead(nn.Module):  # type: ignore[misc]
    """A linear layer to the logits of each class of each target at each step."""

    def __init__(self, features: int, steps: int, classes: tuple[int, ...], bias: bool) -> None:
        super().__init__()
        self.shape, self.classes = (steps, sum(classes)), classes
        self.linear = nn.Linear(features, steps * sum(classes), bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """(…, step, class of all targets) from features (…, feature)."""
        return self.linear(features).unflatten(-1, self.shape)


class ClassNetwork(nn.Module):  # type: ignore[misc]
    """The inputs, a backbone, dense layers with relu of the sizes `dense`, and a head.

    Covariates have an effect on the logits as well, whose weights are zero at first.
    """

    def __init__(
        self,
        inputs: Inputs,
        backbone: nn.Module,
        dense: tuple[int, ...],
        classes: tuple[int, ...],
        shape: Shape,
        bias: bool,
    ) -> None:
        super().__init__()
        self.inputs, self.backbone = inputs, backbone
        widths = (backbone.features, *dense)
        layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.dense = nn.Sequential(*layers) if layers else None
        self.head = ClassHead(widths[-1], shape.steps, classes, bias)
        self.covariates = CovariateEffects(shape.covariates, self.head.shape) if shape.covariates else None

    def forward(
        self,
        rows: Tensor,
        observed: Tensor | None,
        generator: torch.Generator | None,
        covariates: Tensor | None = None,
    ) -> Tensor:
        """Logits (window, horizon, class of all targets); after each input row, if the backbone has features of all."""
        features = self.backbone(self.inputs(rows), observed, generator)
        if self.dense is not None:
            features = self.dense(features)
        logits = self.head(features)
        return logits if self.covariates is None else self.covariates.add(logits, covariates)


def occurred(outputs: Tensor) -> Tensor:
    """The classes that occurred, from scaled outputs; −1 of missing ones."""
    return outputs.nan_to_num(0.0).long() - 1


def class_loss(logits: Tensor, outputs: Tensor, classes: tuple[int, ...], smoothing: float = 0.0) -> Tensor:
    """The cross-entropy, the mean over all outputs (…, step, target) that are not missing.

    With `smoothing` ε the class that occurred has the weight 1 − ε, and ε is spread evenly over all classes of the
    target (C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016, section 7).
    """
    actuals = occurred(outputs)
    losses = [
        cross_entropy(
            part.flatten(0, -2),
            actuals[..., target].flatten(),
            ignore_index=MISSING,
            reduction="sum",
            label_smoothing=smoothing,
        )
        for target, part in enumerate(logits.split(classes, dim=-1))
    ]
    return torch.stack(losses).sum() / (actuals != MISSING).sum().clamp(min=1)


def class_accuracy(logits: Tensor, outputs: Tensor, classes: tuple[int, ...]) -> Tensor:
    """The share of outputs that are not missing at which the most probable class occurred."""
    actuals = occurred(outputs)
    predicted = torch.stack([part.argmax(dim=-1) for part in logits.split(classes, dim=-1)], dim=-1)
    return (predicted == actuals).sum() / (actuals != MISSING).sum().clamp(min=1)
