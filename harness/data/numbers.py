"""Values of any kind → arrays of floats, in which NaN is a missing value."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from harness.arrays import Floats, Ints
from harness.errors import Failure, attempt
from harness.fields.errors import short_repr

NO_NUMBERS = {"c": "complex numbers", "U": "texts", "S": "bytes", "M": "dates", "m": "durations", "V": "records"}

_EXACT = 2**53  # below it, a float holds each whole number


class NotNumbers(ValueError):
    """Values that are no real numbers; the message is the rest of a sentence about them."""


def floats(values: Any) -> Floats:
    """The values as an array of float64; raises NotNumbers for texts, dates, complex numbers and ragged lists.

    Masked values, None and pandas' NA become NaN, true and false 1 and 0. An array of float64 is returned as it is.
    Tensors, tables and columns of other libraries are converted if they can become an array.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values
    if isinstance(values, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(values), np.nan, floats(np.ma.getdata(values)))
    if isinstance(values, list | tuple) and any(isinstance(element, np.ma.MaskedArray) for element in values):
        known = [None if element is np.ma.masked else element for element in values]
        masked = any(isinstance(element, np.ma.MaskedArray) for element in known)
        return floats(_converted(attempt(partial(np.ma.array, known)), values) if masked else known)
    array = _converted(attempt(partial(_as_array, values)), values)
    if array.dtype.name == "bfloat16":
        return np.asarray(array, dtype=np.float64)
    if array.dtype.kind == "O":
        return _from_objects(array)
    if array.dtype.kind not in "fiub":
        raise NotNumbers(f"holds {NO_NUMBERS.get(array.dtype.kind, str(array.dtype))} instead of real numbers")
    with np.errstate(over="ignore"):  # infinity is for the caller to refuse
        return np.asarray(array, dtype=np.float64)


def whole_numbers(values: Any) -> Ints:
    """The values as an array of int64; whole floats are converted. Raises NotNumbers for anything else."""
    if type(values) is np.ndarray and values.dtype == np.int64:
        return values
    numbers = floats(values)
    if _as_array(values).dtype.kind == "b":
        raise NotNumbers("holds booleans instead of whole numbers")
    unfit = ~(np.abs(numbers) < _EXACT) | (numbers != np.rint(numbers))
    if unfit.any():
        raise NotNumbers(f"holds {numbers[unfit][0]:g}, which is not a whole number")
    return numbers.astype(np.int64)


def are_dates(values: Any) -> bool:
    """Whether the values are dates: an array of datetime64, or Python's or pandas' dates."""
    array = attempt(partial(_as_array, values))
    if isinstance(array, Failure):
        return False
    first = array.ravel()[0] if array.dtype.kind == "O" and array.size else None
    return array.dtype.kind == "M" or isinstance(first, date | np.datetime64)


def _as_array(values: Any) -> Any:
    """The array of tables, tensors, lists and numbers; a tensor may be on another device or require a gradient."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype is torch.bfloat16 else values).numpy()
    if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
        return np.from_dlpack(values)
    return np.asarray(values)


def _converted(outcome: Any, values: Any) -> Any:
    """The array, unless its conversion failed."""
    if not isinstance(outcome, Failure):
        return outcome
    reason = " ".join(str(outcome).split())
    if isinstance(outcome.error, ValueError) and isinstance(values, list | tuple):
        raise NotNumbers("holds lists of different lengths, or something that is not a number") from outcome.error
    raise NotNumbers(f"cannot be converted to an array: {reason}") from outcome.error


def _from_objects(array: Any) -> Floats:
    pandas = sys.modules.get("pandas")  # its missing values exist only after its import
    missing = () if pandas is None else (pandas.NA, pandas.NaT)
    numbers = np.empty(array.size)
    for i, element in enumerate(array.ravel().tolist()):
        if element is None or element is np.ma.masked or any(element is absent for absent in missing):
            numbers[i] = np.nan
        elif isinstance(element, Real | Decimal | np.bool_) and not isinstance(element, np.timedelta64):
            outcome = attempt(partial(float, element))
            if isinstance(outcome, Failure):
                raise NotNumbers(f"holds {short_repr(element)}, which no float can hold")
            numbers[i] = outcome
        else:
            raise NotNumbers(f"holds {short_repr(element)}, which is not a number")
    return numbers.reshape(array.shape)
