"""The metadata of a panel as given → Python's own values; what does not fit is refused as bad data."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from harness.errors import BadData
from harness.fields.arguments import elements, plain, text, whole_number
from harness.fields.errors import FieldError, short_repr

T = TypeVar("T")
LARGEST = 10**9  # of whole numbers


def list_of(values: object, what: str) -> list[Any]:
    """The elements of a list or an array; raises BadData, which names the argument."""
    return _converted(elements, values, what)


def series_ids(ids: object) -> tuple[str, ...]:
    """The ids of series as texts: whole numbers are written out."""
    if type(ids) is tuple and all(type(name) is str for name in ids):
        return ids
    return tuple(_series_id(plain(name)) for name in list_of(ids, "ids"))


def _series_id(name: object) -> str:
    if isinstance(name, int) and not isinstance(name, bool):
        return str(int(name))
    if not isinstance(name, str):
        raise BadData(f"ids must be texts or whole numbers, not {short_repr(name)}")
    return str.__str__(name)


def season_length(length: object) -> int:
    """A season length as Python's whole number."""
    number = _converted(whole_number, length, "season_length")
    if number < 1:
        raise BadData(f"the season length must be at least 1, not {number}")
    if number > LARGEST:
        raise BadData(f"the season length must be at most {LARGEST:,}, not {short_repr(number)}")
    return number


def static_covariates(static: object) -> dict[str, tuple[str | float, ...]]:
    """The values of each static covariate: texts and Python's numbers; a missing one is NaN."""
    if not isinstance(static, Mapping):
        raise BadData(f"static must be a dictionary of names and lists, one value per series, not {short_repr(static)}")
    named = {_converted(text, name, "the name of a static covariate"): values for name, values in static.items()}
    return {
        name: tuple(_fact(value, name) for value in list_of(values, f"static covariate {name!r}"))
        for name, values in named.items()
    }


def _fact(value: object, name: str) -> str | float:
    if type(value) in (str, int) or (type(value) is float and math.isfinite(value)):
        return value  # type: ignore[return-value]
    value, pandas = plain(value), sys.modules.get("pandas")
    if value is None or (pandas is not None and (value is pandas.NA or value is pandas.NaT)):
        return math.nan
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and not math.isinf(value):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise BadData(f"static covariate {name!r} must hold texts or finite numbers, not {short_repr(value)}")


def _converted(convert: Callable[[object], T], value: object, what: str) -> T:
    try:
        return convert(value)
    except FieldError as error:
        raise BadData(f"{what} {error.problem}") from None
