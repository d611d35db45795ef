"""The recursion of exponential smoothing, for many pasts at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import Floats, Ints


@dataclass(frozen=True, eq=False)
class Weights:
    """How fast the parts follow the data, as Hyndman and Athanasopoulos (section 8.5) write them."""

    level: float  # α
    slope: float = 0.0  # β
    season: float = 0.0  # γ
    damping: float = 1.0  # φ
    multiplicative: bool = False  # whether the season multiplies


@dataclass(frozen=True, eq=False)
class Parts:
    """Level, slope and season; `seasons` starts with the phase that comes next."""

    level: Floats  # (past,)
    slope: Floats  # (past,)
    seasons: Floats  # (past, season length); zeros, or ones if it multiplies, of length 1 without a season


@dataclass(frozen=True, eq=False)
class Smoothed:
    """The parts after every observation; column 0 is before the first."""

    weights: Weights
    level: Floats  # (past, length + 1)
    slope: Floats  # (past, length + 1)
    seasons: Floats  # (past, length + season length): columns t … of a season are those that follow t

    @property
    def season_length(self) -> int:
        """The columns of `seasons` beyond those of `level`, and the one before the first."""
        return int(self.seasons.shape[1] - self.level.shape[1] + 1)

    def at_end(self) -> Parts:
        """The parts after the last observation."""
        return Parts(self.level[:, -1], self.slope[:, -1], self.seasons[:, -self.season_length :])

    def forecast(self, rows: Ints, ends: Ints, steps: Ints) -> Floats:
        """What `steps` after the first `ends` observations of the pasts `rows` bring, (window, horizon)."""
        damping = np.cumsum(self.weights.damping ** np.arange(1, steps[-1] + 1))[steps - 1]
        trend = self.level[rows, ends][:, None] + self.slope[rows, ends][:, None] * damping
        season = self.seasons[rows[:, None], ends[:, None] + (steps - 1) % self.season_length]
        return np.asarray(trend * season if self.weights.multiplicative else trend + season)


def smoothed(values: Floats, weights: Weights, start: Parts) -> Smoothed:
    """The parts along the pasts (past, length), each from its own start.

    The recursion is that of statsmodels' ETSModel; whether errors add or multiply does not enter it.
    """
    past, season_length = len(values), start.seasons.shape[1]
    level, slope = np.broadcast_to(start.level, past), np.broadcast_to(start.slope, past)
    seasons = np.broadcast_to(start.seasons, (past, season_length))
    if past == 1:  # Python's own floats are the same numbers, ten times as fast as arrays of one
        with suppress(ZeroDivisionError):
            return _smoothed(weights, values[0].tolist(), level.item(), slope.item(), seasons[0].tolist())
    return _smoothed(weights, list(np.ascontiguousarray(values.T)), level, slope, list(seasons.T))


def _smoothed(weights: Weights, series: list[Any], level: Any, slope: Any, seasons: list[Any]) -> Smoothed:
    """The parts along a series whose values are floats, or arrays (past,), from its first parts."""
    turn = weights.slope / weights.level if weights.level > 0 else 0.0  # β* = β/α
    sway = weights.season / (1 - weights.level) if weights.level < 1 else 0.0  # γ* = γ/(1 − α)
    levels, slopes, seasons = [level], [slope], [*seasons]  # the last grows while it is walked along
    with np.errstate(all="ignore"):  # what breaks after a window's end is not its business
        for value, season in zip(series, seasons, strict=False):
            trend = level + weights.damping * slope
            plain = value / season if weights.multiplicative else value - season
            before, level = level, weights.level * plain + (1 - weights.level) * trend
            slope = turn * (level - before) + (1 - turn) * weights.damping * slope
            seasonal = value / level if weights.multiplicative else value - level
            levels.append(level)
            slopes.append(slope)
            seasons.append(sway * seasonal + (1 - sway) * season)
    return Smoothed(weights, *(np.array(one).reshape(len(one), -1).T for one in (levels, slopes, seasons)))


def restarted(values: Floats, weights: Weights, slope: Floats, seasons: Floats) -> Parts:
    """Parts before pasts (past, length) whose slope and seasons (past, season length) are known from elsewhere.

    The level is that of the first season shown, less half a season's rise.
    """
    shown = seasons[:, : values.shape[1]]
    first = values[:, : shown.shape[1]]
    with np.errstate(all="ignore"):
        plain = first / shown if weights.multiplicative else first - shown
    level = plain.mean(axis=1) - slope * (shown.shape[1] + 1) / 2
    return Parts(level, slope, seasons)


def growth_of_variance(weights: Weights, season_length: int, steps: Ints) -> Floats:
    """How many times the one-step variance that of `steps` ahead is, (horizon,); without multiplications.

    1 + Σ_{j<h} c_j² with c_j = α + β (φ + … + φʲ) + γ [j is whole seasons]: Hyndman, Koehler, Ord and
    Snyder 2008, table 6.1.
    """
    j = np.arange(1, steps[-1])
    response = weights.level + weights.slope * np.cumsum(weights.damping**j)
    response = response + weights.season * (j % season_length == 0)
    return np.asarray((1 + np.concatenate([[0.0], np.cumsum(response**2)]))[steps - 1])
