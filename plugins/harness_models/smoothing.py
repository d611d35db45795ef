"""Exponential smoothing recursions, for many pasts at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import norm

from harness import Floats, Ints


@dataclass(frozen=True, eq=False)
class SmoothingParameters:
    """Smoothing parameters in the notation of Hyndman and Athanasopoulos (section 8.5)."""

    level: float  # α
    slope: float = 0.0  # β
    season: float = 0.0  # γ
    damping: float = 1.0  # φ
    multiplicative: bool = False  # the seasonal component

    @property
    def trend_weight(self) -> float:
        """β* = β/α."""
        return self.slope / self.level if self.level > 0 else 0.0

    @property
    def season_weight(self) -> float:
        """γ* = γ/(1 − α)."""
        return self.season / (1 - self.level) if self.level < 1 else 0.0


@dataclass(frozen=True, eq=False)
class Components:
    """Level, slope and seasonal component; `seasons` starts with that of the next step."""

    level: Floats  # (past,)
    slope: Floats  # (past,)
    seasons: Floats  # (past, season length); without a season one zero, or one if multiplicative


@dataclass(frozen=True, eq=False)
class SmoothedComponents:
    """The components after every observation; column 0 is before the first."""

    parameters: SmoothingParameters
    level: Floats  # (past, length + 1)
    slope: Floats  # (past, length + 1)
    seasons: Floats  # (past, length + season length): the columns from t are those of the season after t

    @property
    def season_length(self) -> int:
        """The season length."""
        return int(self.seasons.shape[1] - self.level.shape[1] + 1)

    def at_end(self) -> Components:
        """The components after the last observation."""
        return Components(self.level[:, -1], self.slope[:, -1], self.seasons[:, -self.season_length :])

    def after(self, rows: Ints, ends: Ints) -> Components:
        """The components after the first `ends` observations of the pasts `rows`, (window, …)."""
        seasons = self.seasons[rows[:, None], ends[:, None] + np.arange(self.season_length)]
        return Components(self.level[rows, ends], self.slope[rows, ends], seasons)

    def forecast(self, rows: Ints, ends: Ints, steps: Ints) -> Floats:
        """Forecasts of `steps` after the first `ends` observations of the pasts `rows`, (window, horizon)."""
        damping = np.cumsum(self.parameters.damping ** np.arange(1, steps[-1] + 1))[steps - 1]
        trend = self.level[rows, ends][:, None] + self.slope[rows, ends][:, None] * damping
        season = self.seasons[rows[:, None], ends[:, None] + (steps - 1) % self.season_length]
        return np.asarray(trend * season if self.parameters.multiplicative else trend + season)


def smooth(values: Floats, parameters: SmoothingParameters, start: Components) -> SmoothedComponents:
    """The components along the pasts (past, length), each from its own initial components.

    The recursion is that of statsmodels' ETSModel; it is the same for additive and multiplicative errors.
    """
    past, season_length = len(values), start.seasons.shape[1]
    level, slope = np.broadcast_to(start.level, past), np.broadcast_to(start.slope, past)
    seasons = np.broadcast_to(start.seasons, (past, season_length))
    if past == 1:  # Python floats give the same numbers, ten times as fast as arrays of one
        with suppress(ZeroDivisionError):
            return _smooth(parameters, values[0].tolist(), level.item(), slope.item(), seasons[0].tolist())
    return _smooth(parameters, list(np.ascontiguousarray(values.T)), level, slope, list(seasons.T))


def _smooth(
    parameters: SmoothingParameters, series: list[Any], level: Any, slope: Any, seasons: list[Any]
) -> SmoothedComponents:
    """The components along a series whose values are floats, or arrays (past,)."""
    weights = parameters.trend_weight, parameters.season_weight
    levels, slopes, seasons = [level], [slope], [*seasons]  # `seasons` grows during the iteration
    with np.errstate(all="ignore"):  # values after a window's end may overflow
        for value, season in zip(series, seasons, strict=False):
            level, slope, season = _updated(parameters, weights, value, level, slope, season)
            levels.append(level)
            slopes.append(slope)
            seasons.append(season)
    return SmoothedComponents(
        parameters, *(np.array(steps).reshape(len(steps), -1).T for steps in (levels, slopes, seasons))
    )


def _updated(
    parameters: SmoothingParameters, weights: tuple[float, float], value: Any, level: Any, slope: Any, season: Any
) -> tuple[Any, Any, Any]:
    """Level, slope and seasonal component after a value."""
    trend_weight, season_weight = weights
    trend = level + parameters.damping * slope
    plain = value / season if parameters.multiplicative else value - season
    risen = parameters.level * plain + (1 - parameters.level) * trend
    slope = trend_weight * (risen - level) + (1 - trend_weight) * parameters.damping * slope
    seasonal = value / risen if parameters.multiplicative else value - risen
    return risen, slope, season_weight * seasonal + (1 - season_weight) * season


def simulated_paths(
    parameters: SmoothingParameters, start: Components, errors: Floats, multiplicative_errors: bool
) -> Floats:
    """Values that follow the components (window,) with one-step errors (step, path), (step, window, path).

    Multiplicative errors are relative to the one-step forecast.
    """
    level, slope = start.level[:, None], start.slope[:, None]
    seasons = list(start.seasons.T[:, :, None])  # grows during the iteration
    weights = parameters.trend_weight, parameters.season_weight
    paths = np.empty((len(errors), len(start.level), errors.shape[1]))
    with np.errstate(all="ignore"):
        for path, error, season in zip(paths, errors, seasons, strict=False):
            trend = level + parameters.damping * slope
            expected = trend * season if parameters.multiplicative else trend + season
            path[:] = expected * (1 + error) if multiplicative_errors else expected + error
            level, slope, season = _updated(parameters, weights, path, level, slope, season)
            seasons.append(season)
    return paths


@lru_cache(maxsize=8)
def standard_normal_errors(steps: int, paths: int) -> Floats:
    """Standard normal numbers, (step, path); the first steps do not depend on how many follow.

    The numbers of a step are all quantiles of the distribution in random order: Latin hypercube sampling,
    McKay, Beckman and Conover 1979. The seed is fixed.
    """
    quantiles = norm.ppf((np.arange(paths) + 0.5) / paths)
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(quantiles) for _ in range(steps)])


def initial_components(values: Floats, parameters: SmoothingParameters, slope: Floats, seasons: Floats) -> Components:
    """Initial components of pasts (past, length) whose slope and seasons (past, season length) are given.

    The level is the mean of the first season, less the trend of half a season.
    """
    shown = seasons[:, : values.shape[1]]
    first = values[:, : shown.shape[1]]
    with np.errstate(all="ignore"):
        plain = first / shown if parameters.multiplicative else first - shown
    level = plain.mean(axis=1) - slope * (shown.shape[1] + 1) / 2
    return Components(level, slope, seasons)


def variance_growth(parameters: SmoothingParameters, season_length: int, steps: Ints) -> Floats:
    """The ratio of the h-step to the one-step forecast variance, (horizon,); of additive components.

    1 + Σ_{j<h} c_j² with c_j = α + β (φ + … + φʲ) + γ [j is a multiple of m]: Hyndman, Koehler, Ord and
    Snyder 2008, table 6.1.
    """
    j = np.arange(1, steps[-1])
    response = parameters.level + parameters.slope * np.cumsum(parameters.damping**j)
    response = response + parameters.season * (j % season_length == 0)
    return np.asarray((1 + np.concatenate([[0.0], np.cumsum(response**2)]))[steps - 1])
