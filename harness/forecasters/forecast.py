"""Forecast: the forecasts of many windows, mean and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from harness.arrays import Bools, Floats, Ints, read_only
from harness.data.numbers import NotNumbers, floats
from harness.errors import InvalidForecast
from harness.fields.arguments import elements
from harness.fields.errors import FieldError, short_repr

ROUNDING = 2.5e-7  # relative to the largest number of a window: about two units in the last place of float32
FLOAT64, FLOATS = np.dtype(np.float64), frozenset({float})


@dataclass(frozen=True, eq=False)
class Forecast:
    """The mean of every window, and its quantiles where the task asks for them and the forecaster has them.

    Both become arrays of float64: lists, numbers of other types and masked arrays are converted, masked values to NaN.
    Raises InvalidForecast for what are no real numbers.
    """

    mean: Floats  # (window, horizon, target)
    quantile_levels: tuple[float, ...] = ()
    quantiles: Floats | None = None  # (window, horizon, target, level); None: a point forecast

    def __post_init__(self) -> None:
        if type(self.mean) is not np.ndarray or self.mean.dtype is not FLOAT64:
            object.__setattr__(self, "mean", _numbers("mean", self.mean))
        quantiles = self.quantiles
        if quantiles is not None and (type(quantiles) is not np.ndarray or quantiles.dtype is not FLOAT64):
            object.__setattr__(self, "quantiles", _numbers("quantiles", quantiles))
        levels = self.quantile_levels
        if type(levels) is not tuple or not FLOATS.issuperset(map(type, levels)):
            object.__setattr__(self, "quantile_levels", _level_tuple(levels))

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def point(cls, mean: Floats) -> Forecast:
        """A forecast without quantiles; where quantiles are scored, all of them are the mean."""
        return cls(mean)

    @classmethod
    def from_normal(cls, mean: Floats, sd: Floats, levels: Sequence[float]) -> Forecast:
        """The forecast of normal distributions; the shape of `sd` is the mean's, or broadcasts to it."""
        mean, levels = _numbers("mean", mean), _open_levels(levels)
        if not levels:
            return cls(mean)
        sd = _numbers("sd", sd)
        if sd.shape != mean.shape:
            try:
                sd = np.broadcast_to(sd, mean.shape)
            except ValueError:
                raise InvalidForecast(f"sd of the shape {sd.shape} does not fit the mean, {mean.shape}") from None
        z = _standard_normal(levels).reshape(-1, *(1,) * mean.ndim)
        quantiles = sd * z  # (level, window, horizon, target)
        quantiles += mean
        return cls(mean, levels, quantiles.transpose(*range(1, quantiles.ndim), 0))

    @classmethod
    def from_samples(cls, paths: Floats, levels: Sequence[float]) -> Forecast:
        """The mean and empirical quantiles of sample paths, (window, path, horizon, target)."""
        if type(paths) is not np.ndarray or paths.dtype.kind != "f":
            paths = _numbers("paths", paths)
        if paths.ndim != 4 or not paths.shape[1]:
            raise InvalidForecast(f"paths must have the shape (window, path, horizon, target), not {paths.shape}")
        mean, levels = paths.mean(axis=1), _open_levels(levels)
        if not levels:
            return cls(mean)
        quantiles = np.quantile(paths, list(levels), axis=1)  # (level, window, horizon, target)
        return cls(mean, levels, np.moveaxis(quantiles, 0, -1))

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
        """Raise InvalidForecast unless its arrays have this shape, its levels are these, and no quantiles cross."""
        self.check_shape(windows, horizon, targets, levels)
        crossing = np.flatnonzero(self.crossing())
        if len(crossing):
            raise InvalidForecast(f"quantiles cross in window {crossing[0]}, {self.describe_crossing(crossing[0])}")

    def check_shape(self, windows: int, horizon: int, targets: int, levels: tuple[float, ...]) -> Forecast:
        """The forecast with exactly these levels, up to rounding its own; raises InvalidForecast for another shape."""
        shape = (windows, horizon, targets)
        if self.mean.shape != shape:
            axes = "(window, horizon, target)"
            raise InvalidForecast(f"the mean must have the shape {axes} = {shape}, not {self.mean.shape}")
        if self.quantiles is None:
            return self
        if not levels:
            raise InvalidForecast("the task asks for no quantiles: return Forecast.point(mean)")
        if self.quantiles.shape != (*shape, len(levels)):
            axes = "(window, horizon, target, level)"
            raise InvalidForecast(
                f"the quantiles must have the shape {axes} = {(*shape, len(levels))}, not {self.quantiles.shape}"
            )
        if self.quantile_levels == levels:
            return self
        if len(self.quantile_levels) != len(levels) or not np.allclose(self.quantile_levels, levels, 0, 1e-9):
            raise InvalidForecast(f"quantiles of the levels {self.quantile_levels} were given, {levels} asked")
        return replace(self, quantile_levels=levels)

    def crossing(self) -> Bools:
        """Whether quantiles of a window cross, (window,): a higher level has a value lower by more than rounding."""
        crossing = np.zeros(len(self), dtype=np.bool_)
        if self.quantiles is None or not (drops := self.quantiles[..., 1:] < self.quantiles[..., :-1]).any():
            return crossing
        windows = np.flatnonzero(drops.any(axis=(1, 2, 3)))
        quantiles = self.quantiles[windows]
        sizes = np.max(np.abs(quantiles), axis=(1, 2, 3), keepdims=True, initial=0.0, where=np.isfinite(quantiles))
        beyond = quantiles[..., 1:] < quantiles[..., :-1] - ROUNDING * sizes
        crossing[windows] = beyond.any(axis=(1, 2, 3))
        return crossing

    def describe_crossing(self, window: int) -> str:
        """Where the quantiles of a window cross most, as a part of a sentence."""
        assert self.quantiles is not None
        drops = self.quantiles[window, ..., :-1] - self.quantiles[window, ..., 1:]  # (horizon, target, level − 1)
        step, target, level = np.unravel_index(np.nanargmax(drops), drops.shape)
        low, high = self.quantiles[window, step, target, level : level + 2]
        first, second = self.quantile_levels[level : level + 2]
        return f"step {step + 1}: {low:.6g} at level {first}, {high:.6g} at level {second}"

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


def _numbers(name: str, values: object) -> Floats:
    """An array of float64; raises InvalidForecast, which names the array."""
    if values is None or isinstance(values, str):
        raise InvalidForecast(f"the {name} must be an array of floats, not {type(values).__name__}")
    if isinstance(values, np.memmap) and values.dtype.kind == "f":
        return values  # stored forecasts stay on disk
    try:
        return floats(values)
    except NotNumbers as error:
        raise InvalidForecast(f"the array {name} {error}") from error


def _level_tuple(levels: object) -> tuple[float, ...]:
    """Levels as Python's floats; raises InvalidForecast for what is no list of numbers."""
    if type(levels) is tuple and FLOATS.issuperset(map(type, levels)):
        return levels
    try:
        numbers = floats(elements(levels))
    except (FieldError, NotNumbers):
        numbers = np.empty((0, 0))
    if numbers.ndim != 1:
        raise InvalidForecast(f"quantile_levels must be a list of numbers, not {short_repr(levels)}")
    return tuple(numbers.tolist())


def _open_levels(levels: object) -> tuple[float, ...]:
    """Levels as a tuple; raises InvalidForecast unless all are between 0 and 1."""
    numbers = _level_tuple(levels)
    if not all(0 < level < 1 for level in numbers):
        raise InvalidForecast(f"quantile levels must lie between 0 and 1, not {short_repr(levels)}")
    return numbers


@lru_cache(maxsize=64)
def _standard_normal(levels: tuple[float, ...]) -> Floats:
    """The quantiles of the standard normal distribution."""
    return read_only(np.array([NormalDist().inv_cdf(level) for level in levels]))


def _all_finite(array: Floats) -> bool:
    """Whether the sum is finite, and therefore every number: much faster than testing each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()))
