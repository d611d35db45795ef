"""Forecast: what a forecaster says of many windows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.arrays import Bools, Floats, read_only
from harness.errors import InvalidForecast


@dataclass(frozen=True, eq=False)
class Forecast:
    """The mean, and where they were asked for and given the quantiles, of every window."""

    mean: Floats  # (window, horizon, target)
    quantile_levels: tuple[float, ...] = ()
    quantiles: Floats | None = None  # (window, horizon, target, level); None: a point forecast

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def point(cls, mean: Floats) -> Forecast:
        """A forecast without quantiles; where quantiles are scored, each counts as this value."""
        return cls(np.asarray(mean, dtype=np.float64))

    @classmethod
    def from_normal(cls, mean: Floats, sd: Floats, levels: Sequence[float]) -> Forecast:
        """The forecast of normal distributions; `sd` has the mean's shape, or one that broadcasts to it."""
        mean = np.asarray(mean, dtype=np.float64)
        if not levels:
            return cls(mean)
        spread = np.asarray(sd, dtype=np.float64)
        if spread.shape != mean.shape:
            spread = np.broadcast_to(spread, mean.shape)
        z = _standard_normal(tuple(levels)).reshape(-1, *(1,) * mean.ndim)
        quantiles = spread * z  # (level, window, horizon, target)
        quantiles += mean
        return cls(mean, tuple(levels), quantiles.transpose(*range(1, quantiles.ndim), 0))

    @classmethod
    def from_samples(cls, paths: Floats, levels: Sequence[float]) -> Forecast:
        """The forecast of sampled paths, (window, path, horizon, target)."""
        mean = np.asarray(paths.mean(axis=1), dtype=np.float64)
        if not levels:
            return cls(mean)
        quantiles = np.quantile(paths, list(levels), axis=1)  # (level, window, horizon, target)
        return cls(mean, tuple(levels), np.moveaxis(quantiles, 0, -1))

    @classmethod
    def concatenate(cls, forecasts: Sequence[Forecast]) -> Forecast:
        """Forecasts of windows that follow each other, as one; a point forecast among them makes all points."""
        if len(forecasts) == 1:
            return forecasts[0]
        mean = np.concatenate([one.mean for one in forecasts])
        if any(one.quantiles is None for one in forecasts):
            return cls(mean)
        quantiles = np.concatenate([one.quantiles for one in forecasts if one.quantiles is not None])
        return cls(mean, forecasts[0].quantile_levels, quantiles)

    def quantile(self, level: float) -> Floats:
        """That quantile, (window, horizon, target); the mean of a point forecast."""
        if self.quantiles is None:
            return self.mean
        return self.quantiles[..., self.quantile_levels.index(level)]

    @property
    def median(self) -> Floats:
        """The quantile of level 0.5 where there is one, else the mean."""
        return self.quantile(0.5) if 0.5 in self.quantile_levels else self.mean

    def check(self, windows: int, horizon: int, targets: int, levels: tuple[float, ...]) -> None:
        """Raise InvalidForecast unless it is of this shape, of numbers, and its quantiles do not cross."""
        for what, array, shape in (
            ("mean", self.mean, (windows, horizon, targets)),
            ("quantiles", self.quantiles, (windows, horizon, targets, len(levels))),
        ):
            if array is None and what == "quantiles":
                continue
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
                kind = getattr(array, "dtype", type(array).__name__)
                raise InvalidForecast(f"the {what} must be an array of floats, not {kind}")
            if array.shape != shape:
                axes = "(window, horizon, target" + (", level)" if what == "quantiles" else ")")
                raise InvalidForecast(f"the {what} must have the shape {axes} = {shape}, not {array.shape}")
        if self.quantiles is not None:
            if tuple(self.quantile_levels) != levels:
                raise InvalidForecast(f"quantiles of the levels {self.quantile_levels} were given, {levels} asked")
            if (self.quantiles[..., 1:] < self.quantiles[..., :-1]).any():
                raise InvalidForecast("quantiles cross: a higher level has a lower value")

    def finite(self) -> Bools:
        """Whether all of a window's numbers are finite, (window,)."""
        fine = np.ones(len(self.mean), dtype=np.bool_)
        for array in (self.mean, self.quantiles):
            if array is not None and not _adds_up(array):
                fine &= np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
        return fine


@lru_cache(maxsize=64)
def _standard_normal(levels: tuple[float, ...]) -> Floats:
    """The quantiles of a normal distribution of mean 0 and deviation 1."""
    from statistics import NormalDist

    return read_only(np.array([NormalDist().inv_cdf(level) for level in levels]))


def _adds_up(array: Floats) -> bool:
    """Whether the sum is finite, and so every number is: much faster than to ask each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()))
