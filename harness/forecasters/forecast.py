"""Forecast: the forecasts of many windows, mean and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from harness.arrays import Bools, Floats, Ints, read_only
from harness.errors import InvalidForecast


@dataclass(frozen=True, eq=False)
class Forecast:
    """The mean of every window, and its quantiles where the task asks for them and the forecaster has them."""

    mean: Floats  # (window, horizon, target)
    quantile_levels: tuple[float, ...] = ()
    quantiles: Floats | None = None  # (window, horizon, target, level); None: a point forecast

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def point(cls, mean: Floats) -> Forecast:
        """A forecast without quantiles; where quantiles are scored, all of them are the mean."""
        return cls(np.asarray(mean, dtype=np.float64))

    @classmethod
    def from_normal(cls, mean: Floats, sd: Floats, levels: Sequence[float]) -> Forecast:
        """The forecast of normal distributions; the shape of `sd` is the mean's, or broadcasts to it."""
        mean = np.asarray(mean, dtype=np.float64)
        if not levels:
            return cls(mean)
        sd = np.asarray(sd, dtype=np.float64)
        if sd.shape != mean.shape:
            sd = np.broadcast_to(sd, mean.shape)
        z = _standard_normal(tuple(levels)).reshape(-1, *(1,) * mean.ndim)
        quantiles = sd * z  # (level, window, horizon, target)
        quantiles += mean
        return cls(mean, tuple(levels), quantiles.transpose(*range(1, quantiles.ndim), 0))

    @classmethod
    def from_samples(cls, paths: Floats, levels: Sequence[float]) -> Forecast:
        """The mean and empirical quantiles of sample paths, (window, path, horizon, target)."""
        mean = np.asarray(paths.mean(axis=1), dtype=np.float64)
        if not levels:
            return cls(mean)
        quantiles = np.quantile(paths, list(levels), axis=1)  # (level, window, horizon, target)
        return cls(mean, tuple(levels), np.moveaxis(quantiles, 0, -1))

    @classmethod
    def concatenate(cls, forecasts: Sequence[Forecast]) -> Forecast:
        """Forecasts of successive windows as one; beside others' quantiles, those of a point forecast are its mean."""
        if len(forecasts) == 1:
            return forecasts[0]
        mean = np.concatenate([forecast.mean for forecast in forecasts])
        levels = next((forecast.quantile_levels for forecast in forecasts if forecast.quantiles is not None), ())
        if not levels:
            return cls(mean)
        quantiles = [
            np.repeat(forecast.mean[..., None], len(levels), axis=-1)
            if forecast.quantiles is None
            else forecast.quantiles
            for forecast in forecasts
        ]
        return cls(mean, levels, np.concatenate(quantiles))

    def quantile(self, level: float) -> Floats:
        """The quantile of that level, (window, horizon, target); the mean of a point forecast."""
        if self.quantiles is None:
            return self.mean
        return self.quantiles[..., self.quantile_levels.index(level)]

    @property
    def median(self) -> Floats:
        """The quantile of level 0.5 where there is one, else the mean."""
        return self.quantile(0.5) if 0.5 in self.quantile_levels else self.mean

    def check(self, windows: int, horizon: int, targets: int, levels: tuple[float, ...]) -> None:
        """Raise InvalidForecast unless its arrays are floats of this shape and its quantiles do not cross."""
        for name, array, shape in (
            ("mean", self.mean, (windows, horizon, targets)),
            ("quantiles", self.quantiles, (windows, horizon, targets, len(levels))),
        ):
            if array is None and name == "quantiles":
                continue
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
                kind = getattr(array, "dtype", type(array).__name__)
                raise InvalidForecast(f"the {name} must be an array of floats, not {kind}")
            if array.shape != shape:
                axes = "(window, horizon, target" + (", level)" if name == "quantiles" else ")")
                raise InvalidForecast(f"the {name} must have the shape {axes} = {shape}, not {array.shape}")
        if self.quantiles is not None:
            if tuple(self.quantile_levels) != levels:
                raise InvalidForecast(f"quantiles of the levels {self.quantile_levels} were given, {levels} asked")
            if (self.quantiles[..., 1:] < self.quantiles[..., :-1]).any():
                raise InvalidForecast("quantiles cross: a higher level has a lower value")

    def without(self, windows: Ints) -> Forecast:
        """The same with NaN in these windows."""
        mean, quantiles = self.mean.copy(), None if self.quantiles is None else self.quantiles.copy()
        for array in (mean, quantiles):
            if array is not None:
                array[windows] = np.nan
        return Forecast(mean, self.quantile_levels, quantiles)

    def finite(self) -> Bools:
        """Whether all numbers of a window are finite, (window,)."""
        finite = np.ones(len(self.mean), dtype=np.bool_)
        for array in (self.mean, self.quantiles):
            if array is not None and not _all_finite(array):
                finite &= np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
        return finite


@lru_cache(maxsize=64)
def _standard_normal(levels: tuple[float, ...]) -> Floats:
    """The quantiles of the standard normal distribution."""
    return read_only(np.array([NormalDist().inv_cdf(level) for level in levels]))


def _all_finite(array: Floats) -> bool:
    """Whether the sum is finite, and therefore every number: much faster than testing each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()))
