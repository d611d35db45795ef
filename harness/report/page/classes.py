"""What a board's page shows of forecasts of classes: a confusion matrix and a reliability diagram."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.evaluation.class_outcomes import BINS
from harness.evaluation.outcomes import Outcomes

MOST_CLASSES = 20  # of a confusion matrix
MAX_TARGETS = 3
SIZE, MARGIN = 220, 30  # pixels of a reliability diagram, and left of and below its axes
SHADES = (0.05, 0.3, 0.6)  # shares of the actual class from which a cell is darker


@dataclass(frozen=True)
class Confusion:
    """How often each class of a target occurred, by the most probable one."""

    target: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]  # (actual, predicted), the last one of windows without a forecast
    shades: tuple[tuple[int, ...], ...]  # of the same shape, 0 to 3

    @property
    def has_failures(self) -> bool:
        """Whether there are windows without a forecast."""
        return any(row[-1] for row in self.counts)


@dataclass(frozen=True)
class ReliabilityBar:
    """A bin of the probability of the most probable class: the shapes of its bar, in pixels, and what it means."""

    left: float
    top: float
    width: float
    height: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class ClassSummary:
    """The forecasts of classes of a forecaster on a task."""

    confusions: tuple[Confusion, ...]  # by target; of those with few enough classes
    bars: tuple[ReliabilityBar, ...]
    calibration_error: float
    classes: int
    size: int = SIZE
    margin: int = MARGIN


def class_summary(outcomes: Outcomes) -> ClassSummary | None:
    """The summary of a forecast; None of a forecast of numbers."""
    if outcomes.forecast.probabilities is None:
        return None
    observed, classes = outcomes.observed, outcomes.classes
    bins, axis = classes.reliability, SIZE - MARGIN
    bars = [
        ReliabilityBar(
            MARGIN + axis * i / BINS,
            axis * (1 - float(bins.accuracy[i])),
            axis / BINS,
            axis * float(bins.accuracy[i]),
            float(bins.confidence[i]),
            float(bins.accuracy[i]),
            int(bins.counts[i]),
        )
        for i in range(BINS)
        if bins.counts[i]
    ]
    shown = [i for i, names in enumerate(observed.categories[:MAX_TARGETS]) if len(names) <= MOST_CLASSES]
    confusions = tuple(_confusion(outcomes, target) for target in shown)
    most = max(map(len, observed.categories))
    return ClassSummary(confusions, tuple(bars), classes.calibration_error() if bars else math.nan, most)


def _confusion(outcomes: Outcomes, target: int) -> Confusion:
    table, names = outcomes.classes.confusion(target), outcomes.observed.categories[target]
    shares = table / table.sum(axis=1, keepdims=True).clip(min=1)
    shades = sum((shares >= limit).astype(int) for limit in SHADES)
    rows, dark = (tuple(tuple(row) for row in array.tolist()) for array in (table, shades))
    return Confusion(outcomes.observed.targets[target], names, rows, dark)
