"""Forecast: the forecasts of many windows, by mean, median and quantiles, or by probabilities of classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np

from harness.arrays import Bools, Floats, Ints, all_finite
from harness.errors import InvalidForecast, NotGiven
from harness.forecasters.conversion import levels_of, numbers, standard_normal
from harness.forecasters.origins import POINT, WITHOUT_CENTRE, Origin, Origins, PointFunctional
from harness.forecasters.quantiles import between, mean_of, position

FUNCTIONALS = get_args(PointFunctional)


@dataclass(frozen=True, eq=False, init=False)
class Forecast:
    """The mean, the median and quantiles of every window, of which a forecaster gives at least one.

    One of categorical targets has `probabilities` instead (`from_probabilities`); its mean and median are NaN.

    Of a mean that is not given the substitute is the integral of the piecewise linear quantile function, if the levels
    include or surround 0.5, and otherwise the median. Of a median it is the quantile of level 0.5, interpolated between
    the levels around it if need be, and otherwise the mean. `origins` tells which was used. Where nothing tells the
    centre, such as the level 0.9 alone, both are NaN.

    All become arrays of float64: lists, numbers of other types, tensors and masked arrays are converted, masked values
    to NaN. Raises InvalidForecast for what are no real numbers, and for levels that do not rise between 0 and 1.
    """

    mean: Floats  # (window, horizon, target)
    quantile_levels: tuple[float, ...]
    quantiles: Floats | None  # (window, horizon, target, level); None: all quantiles are the median
    median: Floats  # (window, horizon, target)
    origins: Origins = field(init=False, repr=False)
    probabilities: Floats | None = field(init=False, default=None)  # (window, horizon, target, class); None: numbers

    def __init__(
        self,
        mean: Floats | None = None,
        quantile_levels: Sequence[float] = (),
        quantiles: Floats | None = None,
        median: Floats | None = None,
    ) -> None:
        if mean is None and median is None and quantiles is None:
            raise InvalidForecast("a Forecast needs a mean, a median or quantiles: return Forecast.point(values)")
        levels = levels_of(quantile_levels)
        known = None if quantiles is None else numbers("quantiles", quantiles)
        if known is not None and (known.ndim == 0 or known.shape[-1] != len(levels) or not levels):
            raise InvalidForecast(
                f"the last axis of the quantiles must have one value for each of the {len(levels)} quantile_levels; "
                f"their shape is {known.shape}"
            )
        own_mean = None if mean is None else numbers("mean", mean)
        own_median = None if median is None else own_mean if median is mean else numbers("median", median)
        known_forecast = _forecast_of(own_mean, levels if known is not None else (), known, own_median)
        vars(self).update(vars(known_forecast))

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def point(cls, values: Floats) -> Forecast:
        """One number for all functionals: the mean, the median and, where quantiles are scored, all of them."""
        values = numbers("mean", values)
        return _joined(values, (), None, values, POINT)

    @classmethod
    def quantiles_only(cls, quantile_levels: Sequence[float], quantiles: Floats) -> Forecast:
        """The forecast of a model that has only quantiles, (window, horizon, target, level), at levels of its own."""
        return cls(None, quantile_levels, quantiles)

    @classmethod
    def from_normal(cls, mean: Floats, sd: Floats, levels: Sequence[float]) -> Forecast:
        """The forecast of normal distributions; the shape of `sd` is the mean's, or broadcasts to it."""
        mean, levels = numbers("mean", mean), levels_of(levels)
        if not levels:
            return cls.point(mean)
        sd = numbers("sd", sd)
        if sd.shape != mean.shape:
            try:
                sd = np.broadcast_to(sd, mean.shape)
            except ValueError:
                raise InvalidForecast(f"sd of the shape {sd.shape} does not fit the mean, {mean.shape}") from None
        z = standard_normal(levels).reshape(-1, *(1,) * mean.ndim)
        quantiles = sd * z  # (level, window, horizon, target)
        quantiles += mean
        known = quantiles.transpose(*range(1, quantiles.ndim), 0)
        return _joined(mean, levels, known, mean, Origins(ranges=((levels[0], levels[-1]),)))

    @classmethod
    def from_samples(cls, paths: Floats, levels: Sequence[float]) -> Forecast:
        """The mean, the median and empirical quantiles of sample paths, (window, path, horizon, target)."""
        if type(paths) is not np.ndarray or paths.dtype.kind != "f":
            paths = numbers("paths", paths)
        if paths.ndim != 4 or not paths.shape[1]:
            raise InvalidForecast(f"paths must have the shape (window, path, horizon, target), not {paths.shape}")
        levels = levels_of(levels)
        asked = levels if position(levels, 0.5) is not None else (*levels, 0.5)
        quantiles = np.quantile(paths, list(asked), axis=1)  # (level, window, horizon, target)
        known = np.moveaxis(quantiles[: len(levels)], 0, -1) if levels else None
        middle = position(asked, 0.5)
        assert middle is not None
        return cls(paths.mean(axis=1), levels, known, quantiles[middle])

    @classmethod
    def from_probabilities(cls, probabilities: Floats) -> Forecast:
        """The forecast of categorical targets: the probability of each class, (window, horizon, target, class).

        Those of a target with fewer classes than another are 0 for the others' last classes.
        """
        known = numbers("probabilities", probabilities)
        if known.ndim != 4:
            raise InvalidForecast(
                f"probabilities must have the shape (window, horizon, target, class), not {known.shape}"
            )
        return _of_classes(known)

    @classmethod
    def concatenate(cls, forecasts: Sequence[Forecast]) -> Forecast:
        """Forecasts of successive windows as one, with the levels that all of them have.

        Beside others' quantiles, those of a forecast without any are its median.
        """
        if len(forecasts) == 1:
            return forecasts[0]
        of_classes = [forecast.probabilities for forecast in forecasts if forecast.probabilities is not None]
        if of_classes:
            return _of_classes(np.concatenate(of_classes))
        mean = np.concatenate([forecast.mean for forecast in forecasts])
        shared = all(forecast.median is forecast.mean for forecast in forecasts)
        median = mean if shared else np.concatenate([forecast.median for forecast in forecasts])
        origins = Origins.merged(forecast.origins for forecast in forecasts)
        probabilistic = [forecast for forecast in forecasts if forecast.quantiles is not None]
        given = list(dict.fromkeys(forecast.quantile_levels for forecast in probabilistic))
        if not given:
            return _joined(mean, (), None, median, origins)
        levels = tuple(level for level in given[0] if all(level in others for others in given))
        quantiles = [forecast.quantiles_of(levels) for forecast in forecasts]
        return _joined(mean, levels, np.concatenate(quantiles), median, origins)

    @classmethod
    def stored(
        cls,
        mean: Floats,
        quantile_levels: tuple[float, ...],
        quantiles: Floats | None,
        median: Floats,
        origins: Origins,
        probabilities: Floats | None = None,
    ) -> Forecast:
        """The forecast that had these arrays of float64, which may be on disk, and these origins."""
        return _joined(mean, quantile_levels, quantiles, median, origins, probabilities)

    def quantiles_of(self, levels: tuple[float, ...]) -> Floats:
        """The quantiles of some of its levels, (window, horizon, target, level), all the median if it has none."""
        if self.quantiles is None:
            return np.broadcast_to(self.median[..., None], (*self.median.shape, len(levels)))
        if levels == self.quantile_levels:
            return self.quantiles
        return self.quantiles[..., [self.quantile_levels.index(level) for level in levels]]

    def quantile(self, level: float) -> Floats:
        """The quantile of that level, (window, horizon, target), the median of a forecast without quantiles.

        Raises NotGiven for another level than those of the forecast.
        """
        if self.quantiles is None:
            return self.median
        if level not in self.quantile_levels:
            raise NotGiven(self.origins.without_level(level))
        return self.quantiles[..., self.quantile_levels.index(level)]

    def __repr__(self) -> str:
        """The shape and the quantile levels, in one line."""
        if self.probabilities is not None:
            return f"<Forecast: (window, horizon, target, class) = {self.probabilities.shape}>"
        levels = ", ".join(f"{level:g}" for level in self.quantile_levels)
        return f"<Forecast: (window, horizon, target) = {self.mean.shape}, quantile levels: {levels or 'none'}>"

    def check_shape(self, windows: int, horizon: int, targets: int) -> None:
        """Raise InvalidForecast unless the arrays are those of so many windows, steps and targets."""
        shape, axes = (windows, horizon, targets), "(window, horizon, target)"
        for functional in FUNCTIONALS:
            array = getattr(self, functional)
            if "own" in self.origins.of(functional) and array.shape != shape:
                raise InvalidForecast(f"the {functional} must have the shape {axes} = {shape}, not {array.shape}")
        if self.quantiles is not None and self.quantiles.shape[:-1] != shape:
            wanted = f"(window, horizon, target, level) = {(*shape, len(self.quantile_levels))}"
            raise InvalidForecast(f"the quantiles must have the shape {wanted}, not {self.quantiles.shape}")
        for functional in FUNCTIONALS:
            if (array := getattr(self, functional)).shape != shape:
                raise InvalidForecast(f"the {functional} has the shape {array.shape}, and the others {shape}")

    def with_quantiles(self, levels: tuple[float, ...], quantiles: Floats | None, origins: Origins) -> Forecast:
        """The same mean and median beside these quantiles."""
        return _joined(self.mean, levels, quantiles, self.median, origins)

    def mapped(self, function: Callable[[Floats], Floats]) -> Forecast:
        """The forecast of the same origins whose arrays a function returns; shared ones are passed once."""
        if self.probabilities is not None:
            return _of_classes(function(self.probabilities))
        mean = function(self.mean)
        median = mean if self.median is self.mean else function(self.median)
        quantiles = None if self.quantiles is None else function(self.quantiles)
        return _joined(mean, self.quantile_levels, quantiles, median, self.origins)

    def without(self, windows: Ints) -> Forecast:
        """The same with NaN in these windows."""

        def masked(array: Floats) -> Floats:
            array = array.copy()
            array[windows] = np.nan
            return array

        return self.mapped(masked)

    def among(self, windows: int, positions: Ints) -> Forecast:
        """A forecast of so many windows, with this one at these positions and NaN elsewhere."""

        def placed(array: Floats) -> Floats:
            others = np.full((windows, *array.shape[1:]), np.nan)
            others[positions] = array
            return others

        return self.mapped(placed)

    def finite(self) -> Bools:
        """Whether all numbers of a window are finite, (window,); a mean and a median that are unknown do not count."""
        arrays = [] if "none" in self.origins.mean else [self.mean]
        if self.median is not self.mean and "none" not in self.origins.median:
            arrays.append(self.median)
        arrays += [array for array in (self.quantiles, self.probabilities) if array is not None]
        finite = np.ones(len(self.mean), dtype=np.bool_)
        for array in arrays:
            if not all_finite(array):
                finite &= np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
        return finite


def _forecast_of(
    mean: Floats | None, levels: tuple[float, ...], quantiles: Floats | None, median: Floats | None
) -> Forecast:
    """The forecast of what was given, with substitutes for what was not."""
    origin_of_median: Origin = "own"
    middle = None if quantiles is None else between(quantiles, levels, 0.5)
    if median is None:
        median, origin_of_median = _median_of(mean, levels, quantiles, middle)
    origin_of_mean: Origin = "own"
    if mean is None:
        mean, origin_of_mean = median, "none" if origin_of_median == "none" else "median"
        if quantiles is not None and len(levels) > 1 and middle is not None:
            mean, origin_of_mean = mean_of(quantiles, levels), "quantiles"
    given = ((levels[0], levels[-1]),) if levels else ()
    return _joined(mean, levels, quantiles, median, Origins((origin_of_mean,), (origin_of_median,), given))


def _median_of(
    mean: Floats | None, levels: tuple[float, ...], quantiles: Floats | None, middle: Floats | None
) -> tuple[Floats, Origin]:
    """The substitute of a median that was not given, and its origin; `middle` is the quantile of level 0.5."""
    if middle is not None:
        return middle, "quantiles" if position(levels, 0.5) is None else "level"
    if mean is not None:
        return mean, "mean"
    assert quantiles is not None
    return np.broadcast_to(np.nan, quantiles.shape[:-1]), "none"


def _of_classes(probabilities: Floats) -> Forecast:
    """The forecast of probabilities that were checked before."""
    unknown = np.broadcast_to(np.nan, probabilities.shape[:-1])
    return _joined(unknown, (), None, unknown, WITHOUT_CENTRE, probabilities)


def _joined(
    mean: Floats,
    levels: tuple[float, ...],
    quantiles: Floats | None,
    median: Floats,
    origins: Origins,
    probabilities: Floats | None = None,
) -> Forecast:
    """A forecast of arrays that were checked before."""
    forecast = object.__new__(Forecast)
    vars(forecast).update(
        mean=mean,
        quantile_levels=levels,
        quantiles=quantiles,
        median=median,
        origins=origins,
        probabilities=probabilities,
    )
    return forecast
