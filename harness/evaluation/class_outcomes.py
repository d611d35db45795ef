"""Probabilities of classes beside the classes that occurred, and the losses of them.

Every loss is (window, horizon, target), NaN where an actual or the forecast is missing. Scores of all windows together
treat a window without a forecast as wrong, and ignore missing actuals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.arrays import Bools, Floats, Ints, mean_known, ratio, read_only
from harness.evaluation.actuals import Actuals

EPSILON = float(np.finfo(np.float64).eps)  # the least probability in the log loss
BINS = 15  # of equal width, of the calibration error


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often the most probable class occurred, by bins of its probability (Guo et al. 2017, section 2)."""

    counts: Ints  # (bin,)
    confidence: Floats  # (bin,) the mean probability of the most probable class; NaN of an empty bin
    accuracy: Floats  # (bin,) how often it occurred


@dataclass(frozen=True, eq=False)
class ClassOutcomes:
    """The probabilities of a forecast beside its actuals. The arrays cannot be written to."""

    observed: Actuals
    probabilities: Floats  # (window, horizon, target, class)

    @cached_property
    def occurred(self) -> Ints:
        """The class that occurred, (window, horizon, target); 0 where the actual is missing."""
        return read_only(np.nan_to_num(self.observed.values).astype(np.int64))

    @cached_property
    def unknown(self) -> Bools:
        """Where an actual or the forecast is missing, (window, horizon, target)."""
        return read_only(np.isnan(self.observed.values) | self.failed)

    @cached_property
    def failed(self) -> Bools:
        """Where the forecast is missing, (window, horizon, target)."""
        return read_only(np.isnan(self.probabilities.sum(axis=-1)))

    @cached_property
    def probability(self) -> Floats:
        """The probability of the class that occurred, (window, horizon, target)."""
        found = np.take_along_axis(self.probabilities, self.occurred[..., None], axis=-1)[..., 0]
        return self._known(found)

    @cached_property
    def predicted(self) -> Ints:
        """The most probable class, (window, horizon, target); of equal ones the first. −1 without a forecast."""
        return read_only(np.where(self.failed, -1, self.probabilities.argmax(axis=-1)))

    @cached_property
    def log_loss(self) -> Floats:
        """−log p of the class that occurred, p clipped to [ε, 1 − ε] (Good 1952)."""
        return read_only(-np.log(np.clip(self.probability, EPSILON, 1 - EPSILON)))

    @cached_property
    def brier(self) -> Floats:
        """Σ_k (p_k − o_k)², where o_k is 1 for the class that occurred, and else 0 (Brier 1950, eq. 2); 0 to 2."""
        squares = np.einsum("...k,...k->...", self.probabilities, self.probabilities)
        return read_only(np.maximum(squares - 2 * self.probability + 1, 0.0))

    @cached_property
    def ranked_probability(self) -> Floats:
        """Σ_k (P_k − O_k)² of cumulative probabilities (Epstein 1969; Murphy 1971, eq. 6), not divided by k − 1."""
        classes = np.arange(self.probabilities.shape[-1])
        below = self.occurred[..., None] <= classes
        differences = np.cumsum(self.probabilities, axis=-1) - below
        return self._known(np.einsum("...k,...k->...", differences, differences))

    @cached_property
    def correct(self) -> Floats:
        """1 where the most probable class occurred, else 0."""
        return self._known((self.predicted == self.occurred).astype(np.float64))

    @cached_property
    def exact(self) -> Floats:
        """1 in windows in which the most probable class occurred at every step with an actual, else 0."""
        right = (self.predicted == self.occurred) | np.isnan(self.observed.values)
        return self._known(np.broadcast_to(right.all(axis=1, keepdims=True), right.shape).astype(np.float64))

    def perplexity(self) -> float:
        """exp of the mean log loss (Jelinek et al. 1977); a step without a forecast has the probability ε."""
        losses = np.where(self.failed, -np.log(EPSILON), self.log_loss)[~np.isnan(self.observed.values)]
        return float(np.exp(losses.mean())) if len(losses) else math.nan

    @cached_property
    def impossible(self) -> int:
        """At how many steps the class that occurred had a probability below ε, which the log loss clips."""
        return int((self.probability < EPSILON).sum())

    def confusion(self, target: int) -> Ints:
        """How often a class occurred where another was predicted, (actual, predicted); the last one without any."""
        count = len(self.observed.categories[target])
        known = ~np.isnan(self.observed.values[:, :, target])
        actual, predicted = (array[:, :, target][known] for array in (self.occurred, self.predicted))
        cells = actual * (count + 1) + np.where(predicted < 0, count, predicted)
        return np.bincount(cells, minlength=count * (count + 1)).reshape(count, count + 1)

    def macro_f1(self) -> float:
        """The mean over classes of F1 = 2 TP / (2 TP + FP + FN), of classes that occurred or were predicted.

        The mean over targets of several.
        """
        by_target = []
        for target in range(len(self.observed.categories)):
            table = self.confusion(target).astype(np.float64)
            hits = np.diagonal(table)  # (class,)
            sizes = table.sum(axis=1) + table[:, : len(table)].sum(axis=0)
            by_target.append(mean_known(ratio(2 * hits, sizes), axis=0))
        return float(np.mean(by_target))

    @cached_property
    def reliability(self) -> Reliability:
        """The bins of the calibration error."""
        known = ~np.isnan(self.observed.values)
        confidence = np.where(self.failed, 1.0, self.probabilities.max(axis=-1))[known]
        hits = (self.predicted == self.occurred)[known].astype(np.float64)
        bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence)  # each without its lower bound
        counts = np.bincount(bins, minlength=BINS)
        means = (
            ratio(np.bincount(bins, weights=values, minlength=BINS).astype(np.float64), counts.astype(np.float64))
            for values in (confidence, hits)
        )
        return Reliability(counts, *means)

    def calibration_error(self) -> float:
        """The expected calibration error: Σ_b n_b / n · |accuracy_b − confidence_b| (Guo et al. 2017, eq. 3)."""
        bins = self.reliability
        filled = bins.counts > 0
        if not filled.any():
            return math.nan
        return float(np.average(np.abs(bins.accuracy - bins.confidence)[filled], weights=bins.counts[filled]))

    def _known(self, losses: Floats) -> Floats:
        """Losses, with NaN where an actual or the forecast is missing."""
        return read_only(np.where(self.unknown, np.nan, losses))
