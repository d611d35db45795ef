"""Naive forecasts: the yardsticks, for all windows at once.

Missing values are passed over: "the last value" is the last one observed. Quantiles are those of
normal distributions after Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd
edition, section 5.5; σ² is the mean squared residual of the context, and 0 where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness import Contexts, Floats, Forecast, Ints, TrainingData
from harness_models.pasts import Pasts, adds_up, carried, over_windows
from harness_models.spread import (
    Moments,
    deviation_of_differences,
    first_observed,
    mean_of_levels,
    moments_of_levels,
    moments_of_moves,
)


@dataclass
class Naive:
    """The last value observed; its error grows like a random walk's, σ√h."""

    def fit(self, train: TrainingData) -> None:
        """Nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The last value observed at every step ahead."""
        mean = _repeated(_last_observed(contexts), contexts)
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        sigma = deviation_of_differences(contexts, 1)
        return Forecast.from_normal(mean, _spread(sigma, np.sqrt(_steps(contexts))), contexts.quantile_levels)


@dataclass
class SeasonalNaive:
    """The last value observed in the same phase of the season.

    `season_length` replaces the task's. A phase never observed takes the last value observed; where
    a context is shorter than a season, the forecast is the naive one.
    σ_h = σ √(⌊(h − 1)/m⌋ + 1), of residuals x_t − x_{t−m}.
    """

    season_length: int | None = None

    def __post_init__(self) -> None:
        if self.season_length is not None and self.season_length < 1:
            raise ValueError(f"season_length must be at least 1, not {self.season_length}")

    def fit(self, train: TrainingData) -> None:
        """Nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The last season, repeated."""
        season = self.season_length or contexts.season_length
        short = contexts.lengths < season
        if season == 1 or short.all():
            return Naive().predict(contexts)
        steps = _steps(contexts)
        mean = _last_season_observed(contexts, season)[:, (steps - 1) % season]
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        sigma = deviation_of_differences(contexts, season)
        spread = _spread(sigma, np.sqrt((steps - 1) // season + 1))
        if short.any():
            naive = deviation_of_differences(contexts, 1)
            spread[short] = _spread(naive, np.sqrt(steps))[short]
        return Forecast.from_normal(mean, spread, contexts.quantile_levels)


@dataclass
class Drift:
    """The line through the first and the last value observed, continued.

    σ_h = σ √(h (1 + h/(n − 1))), of residuals x_t − x_{t−1} − slope, n observations.
    """

    def fit(self, train: TrainingData) -> None:
        """Nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The last value observed, and a slope from there on."""
        measure = _line_and_moves if contexts.quantile_levels else _line
        level, slope, age, *moves = over_windows(contexts, measure)  # (window, target) each
        steps = _steps(contexts)
        mean = (level + slope * age)[:, None] + _spread(slope, steps)
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        moments = Moments(*moves)
        count = np.maximum(moments.count, 1)  # n − 1
        variance = moments.squares_about(slope) / count
        spread = _spread(variance, steps)
        spread += _spread(variance / count, steps**2)
        np.sqrt(spread, out=spread)
        return Forecast.from_normal(mean, spread, contexts.quantile_levels)


@dataclass
class Mean:
    """The mean of the last `length` values, or of the whole context; σ_h = s √(1 + 1/n) with ddof 1."""

    length: int | None = None

    def __post_init__(self) -> None:
        if self.length is not None and self.length < 1:
            raise ValueError(f"length must be at least 1, not {self.length}")

    def fit(self, train: TrainingData) -> None:
        """Nothing: each window is forecast from its own context."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The mean at every step ahead."""
        if self.length is not None:
            shown = self.length if contexts.max_context is None else min(self.length, contexts.max_context)
            contexts = replace(contexts, max_context=shown)
        if not contexts.quantile_levels:
            return Forecast.point(_repeated(mean_of_levels(contexts), contexts))
        moments, first = moments_of_levels(contexts)
        distance = moments.total / np.maximum(moments.count, 1)
        mean = _repeated(first + distance, contexts)
        variance = moments.squares_about(distance) / np.maximum(moments.count - 1, 1)
        sd = np.sqrt(variance * (1 + 1 / np.maximum(moments.count, 1)))
        return Forecast.from_normal(mean, sd[:, None], contexts.quantile_levels)


def _steps(contexts: Contexts) -> Ints:
    """How many steps after the last observation known each forecast lies, (horizon,)."""
    return np.arange(1, contexts.horizon + 1) + contexts.gap


def _repeated(values: Floats, contexts: Contexts) -> Floats:
    """Values (window, target) at every step ahead, (window, horizon, target), as a view."""
    return np.broadcast_to(values[:, None], (len(contexts), contexts.horizon, len(contexts.targets)))


def _spread(sigma: Floats, growth: Floats | Ints) -> Floats:
    """σ (window, target) times its growth (horizon,), as (window, horizon, target)."""
    return np.asarray(sigma[:, None] * growth[:, None])


def _last_observed(contexts: Contexts) -> Floats:
    """The last value that is not missing, (window, target)."""
    last = contexts.last_targets(1)[:, 0]
    if adds_up(last):
        return last
    lacking = np.flatnonzero(np.isnan(last).any(axis=1))
    if not len(lacking):
        return last
    last = last.copy()
    (last[lacking],) = over_windows(contexts.take(lacking), lambda past: [past.known(carried(past.values))])
    return last


def _last_season_observed(contexts: Contexts, season: int) -> Floats:
    """The last value observed of each phase, or of any where there is none, (window, season, target)."""
    values = contexts.last_targets(season)
    if adds_up(values):
        return values
    lacking = np.flatnonzero(np.isnan(values).any(axis=(1, 2)))
    if not len(lacking):
        return values
    whole = contexts.lengths >= season

    def measure(past: Pasts) -> list[Floats]:
        columns = past.ends[:, None] + np.arange(-season, 0)  # (window, season)
        by_phase = carried(past.values, season)[past.rows[:, None], np.maximum(columns, 0)]
        last = past.known(carried(past.values))[:, None]
        usable = whole[lacking[past.windows]][:, None, None] & ~np.isnan(by_phase)
        return [np.where(usable, by_phase, last)]

    values = values.copy()
    (values[lacking],) = over_windows(contexts.take(lacking), measure)
    return values


def _line(past: Pasts) -> list[Floats]:
    """The last value observed, the slope from the first to it, and the steps since, (window, target) each."""
    end = past.ends[:, None] - 1
    if past.complete:
        first, last = past.values[past.rows, 0], past.known(past.values)
        return [last, (last - first) / np.maximum(end, 1), np.zeros_like(last)]
    first = first_observed(past.values)[past.rows]
    positions = np.arange(past.values.shape[1], dtype=float)[:, None]
    times = np.where(np.isnan(past.values), np.nan, positions)
    last, last_time = past.known(carried(past.values)), past.known(carried(times))
    run = last_time - first_observed(times)[past.rows]
    return [last, (last - first) / np.where(run > 0, run, 1), end - last_time]  # one observation has no slope


def _line_and_moves(past: Pasts) -> list[Floats]:
    """The same, and the moments of the moves along it."""
    return [*_line(past), *moments_of_moves(past)]
