"""Forecasts of subclasses, or with arrays of subclasses → the same forecasts of exact types."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from harness.arrays import Floats
from harness.errors import InvalidForecast
from harness.forecasters.conversion import FLOAT64, FLOATS, levels_of, numbers
from harness.forecasters.forecast import Forecast
from harness.forecasters.origins import Origins


def exact_forecast(forecast: Forecast) -> Forecast:
    """A forecast whose type, arrays and levels are exactly those that are declared; the same one if they are already.

    A method that a subclass overrides has no effect on it. Raises InvalidForecast for attributes that are no arrays.
    """
    arrays = (forecast.mean, forecast.median, forecast.quantiles, forecast.probabilities)
    levels, origins = forecast.quantile_levels, forecast.origins
    are_exact = type(levels) is tuple and FLOATS.issuperset(map(type, levels)) and type(origins) is Origins
    if type(forecast) is Forecast and are_exact and all(array is None or _is_exact(array) for array in arrays):
        return forecast
    if not isinstance(origins, Origins):
        raise InvalidForecast(f"the origins of a forecast must be Origins, not {type(origins).__name__}")
    mean, median, quantiles, probabilities = arrays
    exact_mean = _exact("mean", mean)
    return Forecast.stored(
        exact_mean,
        levels_of(levels),
        None if quantiles is None else _exact("quantiles", quantiles),
        exact_mean if median is mean else _exact("median", median),
        Origins(*(getattr(origins, field.name) for field in fields(Origins))),
        None if probabilities is None else _exact("probabilities", probabilities),
    )


def _is_exact(array: object) -> bool:
    return type(array) is np.ndarray and array.dtype == FLOAT64


def _exact(name: str, array: object) -> Floats:
    """The array as one of float64, without the methods of a subclass."""
    return np.asarray(numbers(name, array), dtype=np.float64)
