"""Naive forecasts, the usual baselines, for all windows at once.

Missing values are skipped: "the last value" is the last one observed. Quantiles are those of
normal distributions after Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd
edition, section 5.5; σ² is the mean squared residual of the context, and 0 where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness import Contexts, Floats, Forecast, Ints, TrainingData
from harness_models.moments import (
    Moments,
    first_observation,
    mean_of_levels,
    moments_of_differences,
    moments_of_levels,
    rms_of_differences,
)
from harness_models.pasts import Pasts, all_finite, forward_fill, measure_windows


@dataclass
class Naive:
    """The last observed value; σ_h = σ√h as of a random walk. Covariates are ignored."""

    def fit(self, train: TrainingData) -> None:
        """Does nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The last observed value at every step ahead."""
        mean = _repeat(_last_observation(contexts), contexts)
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        sigma = rms_of_differences(contexts, 1)
        return Forecast.from_normal(mean, _outer(sigma, np.sqrt(_steps(contexts))), contexts.quantile_levels)


@dataclass
class SeasonalNaive:
    """The last observed value of the same season.

    `season_length` replaces the task's. A season without observations is forecast by the last observed
    value, and a window whose context is shorter than a season by the naive forecast.
    σ_h = σ √(⌊(h − 1)/m⌋ + 1), of residuals x_t − x_{t−m}. Covariates are ignored.
    """

    season_length: int | None = None

    def __post_init__(self) -> None:
        if self.season_length is not None and self.season_length < 1:
            raise ValueError(f"season_length must be at least 1, not {self.season_length}")

    def fit(self, train: TrainingData) -> None:
        """Does nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The last season, repeated."""
        season = self.season_length or contexts.season_length
        short = contexts.lengths < season
        if season == 1 or short.all():
            return Naive().predict(contexts)
        steps = _steps(contexts)
        mean = _last_season(contexts, season)[:, (steps - 1) % season]
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        sigma = rms_of_differences(contexts, season)
        sd = _outer(sigma, np.sqrt((steps - 1) // season + 1))
        if short.any():
            naive = rms_of_differences(contexts, 1)
            sd[short] = _outer(naive, np.sqrt(steps))[short]
        return Forecast.from_normal(mean, sd, contexts.quantile_levels)


@dataclass
class Drift:
    """Random walk with drift: the line through the first and the last observed value, extrapolated.

    σ_h = σ √(h (1 + h/(n − 1))), of residuals x_t − x_{t−1} − slope, n observations. Covariates are ignored.
    """

    def fit(self, train: TrainingData) -> None:
        """Does nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The last observed value, and the slope times the steps ahead."""
        measure = _line_and_differences if contexts.quantile_levels else _line
        level, slope, age, *difference_moments = measure_windows(contexts, measure)  # (window, target) each
        steps = _steps(contexts)
        mean = (level + slope * age)[:, None] + _outer(slope, steps)
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        moments = Moments(*difference_moments)
        count = np.maximum(moments.count, 1)  # n − 1
        variance = moments.squares_about(slope) / count
        variances = _outer(variance, steps)
        variances += _outer(variance / count, steps**2)
        return Forecast.from_normal(mean, np.sqrt(variances, out=variances), contexts.quantile_levels)


@dataclass
class Mean:
    """The mean of the last `length` values, or of the whole context; σ_h = s √(1 + 1/n) with ddof 1.

    Covariates are ignored.
    """

    length: int | None = None

    def __post_init__(self) -> None:
        if self.length is not None and self.length < 1:
            raise ValueError(f"length must be at least 1, not {self.length}")

    def fit(self, train: TrainingData) -> None:
        """Does nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The mean at every step ahead."""
        if self.length is not None:
            shown = self.length if contexts.max_context is None else min(self.length, contexts.max_context)
            contexts = replace(contexts, max_context=shown)
        if not contexts.quantile_levels:
            return Forecast.point(_repeat(mean_of_levels(contexts), contexts))
        moments, first = moments_of_levels(contexts)
        distance = moments.total / np.maximum(moments.count, 1)
        mean = _repeat(first + distance, contexts)
        variance = moments.squares_about(distance) / np.maximum(moments.count - 1, 1)
        sd = np.sqrt(variance * (1 + 1 / np.maximum(moments.count, 1)))
        return Forecast.from_normal(mean, sd[:, None], contexts.quantile_levels)


def _steps(contexts: Contexts) -> Ints:
    """The steps from the last known observation to each forecast, (horizon,)."""
    return np.arange(1, contexts.horizon + 1) + contexts.gap


def _repeat(values: Floats, contexts: Contexts) -> Floats:
    """Values (window, target) at every step ahead, (window, horizon, target), as a view."""
    return np.broadcast_to(values[:, None], (len(contexts), contexts.horizon, len(contexts.targets)))


def _outer(sigma: Floats, growth: Floats | Ints) -> Floats:
    """σ (window, target) times its growth (horizon,), as (window, horizon, target)."""
    return np.asarray(sigma[:, None] * growth[:, None])


def _last_observation(contexts: Contexts) -> Floats:
    """The last value that is not missing, (window, target)."""
    last = contexts.last_targets(1)[:, 0]
    if all_finite(last):
        return last
    incomplete = np.flatnonzero(np.isnan(last).any(axis=1))
    if not len(incomplete):
        return last
    last = last.copy()
    (last[incomplete],) = measure_windows(
        contexts.take(incomplete), lambda past: [past.at_cutoffs(forward_fill(past.values))]
    )
    return last


def _last_season(contexts: Contexts, season: int) -> Floats:
    """The last observed value of each season, or of any where there is none, (window, season, target)."""
    values = contexts.last_targets(season)
    if all_finite(values):
        return values
    incomplete = np.flatnonzero(np.isnan(values).any(axis=(1, 2)))
    if not len(incomplete):
        return values
    whole = contexts.lengths >= season

    def measure(past: Pasts) -> list[Floats]:
        columns = past.ends[:, None] + np.arange(-season, 0)  # (window, season)
        by_phase = forward_fill(past.values, season)[past.rows[:, None], np.maximum(columns, 0)]
        last = past.at_cutoffs(forward_fill(past.values))[:, None]
        usable = whole[incomplete[past.windows]][:, None, None] & ~np.isnan(by_phase)
        return [np.where(usable, by_phase, last)]

    values = values.copy()
    (values[incomplete],) = measure_windows(contexts.take(incomplete), measure)
    return values


def _line(past: Pasts) -> list[Floats]:
    """The last observed value, the slope from the first to it, and the steps since, (window, target) each."""
    end = past.ends[:, None] - 1
    if past.complete:
        first, last = past.values[past.rows, 0], past.at_cutoffs(past.values)
        return [last, (last - first) / np.maximum(end, 1), np.zeros_like(last)]
    first = first_observation(past.values)[past.rows]
    positions = np.arange(past.values.shape[1], dtype=float)[:, None]
    times = np.where(np.isnan(past.values), np.nan, positions)
    last, last_time = past.at_cutoffs(forward_fill(past.values)), past.at_cutoffs(forward_fill(times))
    run = last_time - first_observation(times)[past.rows]
    return [last, (last - first) / np.where(run > 0, run, 1), end - last_time]  # one observation has no slope


def _line_and_differences(past: Pasts) -> list[Floats]:
    """The same, and the moments of the first differences."""
    return [*_line(past), *moments_of_differences(past)]
