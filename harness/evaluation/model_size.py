"""Model size: how many parameters a forecaster learned, and their bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from harness.data.panel import Panel
from harness.errors import Failure, attempt
from harness.forecasters.forecast import Forecast
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

DIAGNOSTICS = ("curves_", "gradient_norms_", "remarks_")  # fitted attributes about the training, not the model
NOT_LEARNED = (TrainingData, Panel, Context, Contexts, Forecast, Failure)  # data that a forecaster may keep
MOST_OBJECTS = 200_000  # inspected; the size of a forecaster that keeps more is unknown
NUMERIC = "fciub"  # kinds of NumPy arrays that count


@dataclass(frozen=True)
class ModelSize:
    """The number of learned parameters and their bytes; None where nothing could be counted."""

    parameters: int | None = None
    bytes: int | None = None


def model_size(forecaster: object) -> ModelSize:
    """The `parameter_count` and `parameter_bytes` of a forecaster that has them, or else what its attributes hold.

    Counted are the arrays and numbers in fitted attributes, whose names end in an underscore, and in the
    containers and objects that these hold; training data that is kept is not.
    """
    size = attempt(partial(_model_size, forecaster))
    return ModelSize() if isinstance(size, Failure) else size


def _model_size(forecaster: object) -> ModelSize:
    count, size = (getattr(forecaster, name, None) for name in ("parameter_count", "parameter_bytes"))
    if count is None:
        return _count(forecaster)
    return ModelSize(int(count), None if size is None else int(size))


def _count(forecaster: object) -> ModelSize:
    attributes = getattr(forecaster, "__dict__", {})
    pending = [value for name, value in attributes.items() if name.endswith("_") and name not in DIAGNOSTICS]
    inspected: dict[int, object] = {}  # kept, so that no two share an id
    count = size = 0
    while pending:
        value = pending.pop()
        if id(value) in inspected or isinstance(value, NOT_LEARNED):
            continue
        inspected[id(value)] = value
        if len(inspected) > MOST_OBJECTS:
            return ModelSize()
        leaf = _leaf_size(value)
        if leaf is None:
            pending.extend(_parts(value))
        else:
            count, size = count + leaf[0], size + leaf[1]
    return ModelSize(count, size) if size else ModelSize()


def _leaf_size(value: object) -> tuple[int, int] | None:
    """The numbers and bytes of an array or a number, zero for what has none; None for a container or an object."""
    if isinstance(value, float | complex | np.inexact):
        return 1, 8
    if value is None or isinstance(value, int | str | bytes | type | np.generic):
        return 0, 0
    if isinstance(value, np.ndarray):
        return _array_size(value)
    if all(hasattr(value, name) for name in ("shape", "dtype", "nbytes")):  # an array of another library
        return int(np.prod(value.shape)), int(value.nbytes)  # type: ignore[attr-defined]
    return None


def _array_size(array: np.ndarray[Any, Any]) -> tuple[int, int] | None:
    if array.dtype.kind == "O":
        return None
    if array.dtype.names:
        return array.size * len(array.dtype.names), array.nbytes
    return (array.size, array.nbytes) if array.dtype.kind in NUMERIC else (0, 0)


def _parts(value: Any) -> list[Any]:
    """The elements of a container, or the attributes of an object."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, np.ndarray):
        return list(value.flat)
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    return list(getattr(value, "__dict__", {}).values())
