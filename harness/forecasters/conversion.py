"""Arguments of a Forecast → arrays of floats and levels, or InvalidForecast."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats, read_only
from harness.data.numbers import NotNumbers, floats
from harness.errors import InvalidForecast
from harness.fields.arguments import elements
from harness.fields.errors import FieldError, short_repr

FLOAT64, FLOATS = np.dtype(np.float64), frozenset({float})


def numbers(name: str, values: object) -> Floats:
    """An array of float64; raises InvalidForecast, which names the array."""
    if type(values) is np.ndarray and values.dtype is FLOAT64:
        return values
    if values is None or isinstance(values, str):
        raise InvalidForecast(f"the {name} must be an array of floats, not {type(values).__name__}")
    if isinstance(values, np.memmap) and values.dtype.kind == "f":
        return values  # stored forecasts stay on disk
    try:
        return floats(values)
    except NotNumbers as error:
        if not isinstance(values, list | tuple) and not hasattr(values, "__array__"):
            raise InvalidForecast(f"the {name} must be an array of floats, not {type(values).__name__}") from error
        raise InvalidForecast(f"the array {name} {error}") from error


def levels_of(levels: object) -> tuple[float, ...]:
    """Levels as a tuple; raises InvalidForecast unless they rise and all are between 0 and 1."""
    if type(levels) is tuple and FLOATS.issuperset(map(type, levels)):
        known: tuple[float, ...] = levels
    else:
        try:
            array = floats(elements(levels))
        except (FieldError, NotNumbers):
            array = np.empty((0, 0))
        if array.ndim != 1:
            raise InvalidForecast(f"quantile_levels must be a list of numbers, not {short_repr(levels)}")
        known = tuple(array.tolist())
    if not _are_valid(known):
        raise InvalidForecast(f"quantile levels must rise and lie between 0 and 1, not {short_repr(levels)}")
    return known


@lru_cache(maxsize=64)
def _are_valid(levels: tuple[float, ...]) -> bool:
    rise = all(low < high for low, high in pairwise(levels))
    return rise and all(0 < level < 1 for level in levels)


@lru_cache(maxsize=64)
def standard_normal(levels: tuple[float, ...]) -> Floats:
    """The quantiles of the standard normal distribution."""
    return read_only(np.array([NormalDist().inv_cdf(level) for level in levels]))
