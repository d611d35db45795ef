"""Forecasts of intermittent demand: the methods of Croston, of Syntetos and Boylan, and of Teunter, Syntetos and Babai.

All forecast the mean demand of a step as the probability of a demand, a value other than 0, times its mean size, and
both by exponential smoothing. The forecast is the same at every step ahead. Missing values are skipped. The methods
have no distribution of their own; quantiles are those of a demand that occurs with this probability, and whose sizes
are those of the context, scaled to the smoothed size.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness import Contexts, Floats, Forecast, TrainingData
from harness_models.pasts import BATCH, Pasts, measure_windows

SMOOTHING = 0.1


@dataclass
class _IntermittentDemand:
    """Demand that occurs with a probability and has a size, each estimated by exponential smoothing."""

    smoothing: float = SMOOTHING  # of sizes, and of intervals or probabilities

    def __post_init__(self) -> None:
        if not 0 < self.smoothing <= 1:
            raise ValueError(f"smoothing must be above 0 and at most 1, not {self.smoothing}")

    def fit(self, train: TrainingData) -> None:
        """Does nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The mean demand at every step ahead, and quantiles of its distribution."""
        levels = np.array([0.5, *contexts.quantile_levels])

        def measure(past: Pasts) -> list[Floats]:
            size, probability = (past.at_cutoffs(running) for running in self.smoothed(past.values))
            return [size * probability, _quantiles(past, size, probability, levels)]

        mean, quantiles = measure_windows(contexts, measure)  # (window, target), (window, target, level)
        shape = (len(contexts), contexts.horizon, len(contexts.targets))
        median = np.broadcast_to(quantiles[:, None, :, 0], shape)
        shown = np.broadcast_to(quantiles[:, None, :, 1:], (*shape, len(levels) - 1))
        asked = contexts.quantile_levels
        return Forecast(np.broadcast_to(mean[:, None], shape), asked, shown if asked else None, median)

    @abstractmethod
    def smoothed(self, values: Floats) -> tuple[Floats, Floats]:
        """Size and probability of a demand after every value (past, length, target), in the same shape."""


@dataclass
class Croston(_IntermittentDemand):
    """Croston's method: the smoothed size of demands over their smoothed interval.

    J. D. Croston, Forecasting and stock control for intermittent demands, Operational Research Quarterly 23, 1972. The
    first demand and its distance from the start are the initial values. Covariates are ignored.
    """

    def smoothed(self, values: Floats) -> tuple[Floats, Floats]:
        """The size, and one over the interval."""
        sizes, intervals = np.zeros(values.shape), np.full(values.shape, np.inf)
        size, interval = sizes[:, 0].copy(), intervals[:, 0].copy()  # before the first demand
        waited = np.zeros(size.shape)  # steps since the last demand
        for step in range(values.shape[1]):
            value = values[:, step]
            waited += ~np.isnan(value)
            demand = (value != 0) & ~np.isnan(value)
            first = np.isinf(interval)
            size = np.where(demand, np.where(first, value, _smooth(size, value, self.smoothing)), size)
            known = np.where(first, waited, interval)
            interval = np.where(demand, _smooth(known, waited, self.smoothing), interval)
            waited[demand] = 0
            sizes[:, step], intervals[:, step] = size, interval
        return sizes, 1 / intervals


@dataclass
class SyntetosBoylan(Croston):
    """The Syntetos–Boylan approximation: Croston's method times 1 − α/2, which nearly removes its bias.

    A. A. Syntetos and J. E. Boylan, The accuracy of intermittent demand estimates, International Journal of Forecasting
    21, 2005. Covariates are ignored.
    """

    def smoothed(self, values: Floats) -> tuple[Floats, Floats]:
        """The size, and the probability times 1 − α/2."""
        size, probability = super().smoothed(values)
        return size, probability * (1 - self.smoothing / 2)


@dataclass
class TeunterSyntetosBabai(_IntermittentDemand):
    """The method of Teunter, Syntetos and Babai, whose probability of a demand falls with every step without one.

    R. H. Teunter, A. A. Syntetos and M. Z. Babai, Intermittent demand: linking forecasting to inventory obsolescence,
    European Journal of Operational Research 214, 2011. The first value decides the initial probability, 0 or 1.
    Covariates are ignored.
    """

    probability_smoothing: float = SMOOTHING

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.probability_smoothing <= 1:
            raise ValueError(f"probability_smoothing must be above 0 and at most 1, not {self.probability_smoothing}")

    def smoothed(self, values: Floats) -> tuple[Floats, Floats]:
        """The size, and the probability."""
        sizes, probabilities = np.zeros(values.shape), np.zeros(values.shape)
        size = np.full(sizes[:, 0].shape, np.nan)  # before the first demand
        probability = size.copy()  # before the first value
        for step in range(values.shape[1]):
            value = values[:, step]
            observed = ~np.isnan(value)
            demand = (value != 0) & observed
            size = np.where(demand, np.where(np.isnan(size), value, _smooth(size, value, self.smoothing)), size)
            occurred = demand.astype(float)
            updated = _smooth(probability, occurred, self.probability_smoothing)
            probability = np.where(observed, np.where(np.isnan(probability), occurred, updated), probability)
            sizes[:, step], probabilities[:, step] = np.nan_to_num(size), np.nan_to_num(probability)
        return sizes, probabilities


def _smooth(level: Floats, value: Floats, weight: float) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):  # infinite before the first demand; later values may overflow
        return np.asarray(level + weight * (value - level))


def _quantiles(past: Pasts, size: Floats, probability: Floats, levels: Floats) -> Floats:
    """Quantiles (window, target, level) of a demand that occurs with this probability, (window, target)."""
    found = np.zeros((*size.shape, len(levels)))
    length = past.values.shape[1]
    part = max(1, BATCH // (length * size.shape[1]))
    for begin in range(0, len(size), part):
        some = slice(begin, begin + part)
        shown = past.values[past.rows[some]].swapaxes(1, 2)  # (window, target, length)
        seen = np.arange(length) < past.ends[some, None, None]
        found[some] = _mixture_quantiles(
            np.where(seen & (shown != 0), shown, np.nan), size[some], probability[some], levels
        )
    return found


def _mixture_quantiles(sizes: Floats, mean: Floats, probability: Floats, levels: Floats) -> Floats:
    """Quantiles of 0 or, with a probability, one of the sizes (…, length), which are scaled to this mean.

    Sizes that are not all positive are shifted instead. NaN among sizes is none.
    """
    ordered = np.sort(sizes, axis=-1)  # NaN last
    count = np.isfinite(ordered).sum(axis=-1)
    total = np.nansum(ordered, axis=-1)
    own = (total / np.maximum(count, 1))[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = np.where(ordered[..., :1] > 0, ordered * (mean[..., None] / own), ordered + (mean[..., None] - own))
        negative = (probability * (fitted < 0).sum(axis=-1) / np.maximum(count, 1))[..., None]
        chance = probability[..., None]
        below = levels <= negative
        share = np.where(below, levels, levels - (1 - chance)) / chance  # of the sizes
    at_zero = ~below & (levels <= negative + (1 - chance))
    quantiles = _interpolated(fitted, count, np.clip(np.nan_to_num(share), 0, 1))
    quantiles = np.where(below, np.minimum(quantiles, 0), np.maximum(quantiles, 0))  # interpolated over 0
    return np.where(at_zero | (count == 0)[..., None], 0.0, quantiles)


def _interpolated(ordered: Floats, count: NDArray[np.integer], share: Floats) -> Floats:
    """Quantiles of the first `count` ordered values (…, length), with linear interpolation, (…, level)."""
    position = share * np.maximum(count - 1, 0)[..., None]
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[..., None])
    lower, upper = (np.take_along_axis(ordered, at, axis=-1) for at in (low, high))
    return np.asarray(lower + (position - low) * (upper - lower))
