"""Arguments of a Forecast → arrays of floats and levels, or InvalidForecast."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np

from harness.arrays import Floats, read_only
from harness.data.numbers import NotNumbers, floats
from harness.errors import InvalidForecast
from harness.fields.arguments import elements
from harness.fields.errors import FieldError, short_repr

FLOAT64, FLOATS = np.dtype(np.float64), frozenset({float})
SIGNIFICANT_BITS = {"float32": 24, "float16": 11, "bfloat16": 8}


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
    """Levels as a tuple; raises InvalidForecast unless they rise and all are between 0 and 1.

    Those of a type that is less precise than float64 are the shortest decimal numbers that become them.
    """
    if type(levels) is tuple and FLOATS.issuperset(map(type, levels)):
        known: tuple[float, ...] = levels
    else:
        try:
            parts = elements(levels)
            converted = [floats(part) if hasattr(part, "dtype") else part for part in parts]
            array = floats(levels if hasattr(levels, "dtype") else converted)
        except (FieldError, NotNumbers):
            array = np.empty((0, 0))
        if array.ndim != 1:
            raise InvalidForecast(f"quantile_levels must be a list of numbers, not {short_repr(levels)}")
        bits = [_significant_bits(part) or _significant_bits(levels) for part in parts]
        known = tuple(map(_shortest, array.tolist(), bits))
    if not _are_valid(known):
        raise InvalidForecast(f"quantile levels must rise and lie between 0 and 1, not {short_repr(levels)}")
    return known


def _significant_bits(values: Any) -> int | None:
    """Of an array, a tensor, a column or a number of a type less precise than float64; None for any other."""
    return SIGNIFICANT_BITS.get(str(getattr(values, "dtype", "")).removeprefix("torch.").lower())


def _shortest(level: float, bits: int | None) -> float:
    """The decimal number with the fewest digits that is rounded to this level; 0.1 for the 0.1 of float32."""
    if bits is None or not math.isfinite(level):
        return level
    half_a_unit = 2.0 ** (math.frexp(level)[1] - bits - 1)
    decimals = (float(f"{level:.{digits}g}") for digits in range(1, 17))
    return next((decimal for decimal in decimals if abs(decimal - level) <= half_a_unit), level)


@lru_cache(maxsize=64)
def _are_valid(levels: tuple[float, ...]) -> bool:
    rise = all(low < high for low, high in pairwise(levels))
    return rise and all(0 < level < 1 for level in levels)


@lru_cache(maxsize=64)
def standard_normal(levels: tuple[float, ...]) -> Floats:
    """The quantiles of the standard normal distribution."""
    return read_only(np.array([NormalDist().inv_cdf(level) for level in levels]))
