"""The number of parameters of fitted estimators of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np


def parameter_count(estimators: Iterable[Any]) -> int:
    """The number of learned values; an entry of a tree's nodes counts as one for each of its fields."""
    return sum(array.size * max(1, len(array.dtype.names or ())) for array in _arrays(estimators))


def parameter_bytes(estimators: Iterable[Any]) -> int:
    """The bytes of the learned values."""
    return sum(array.nbytes for array in _arrays(estimators))


def _arrays(estimators: Iterable[Any]) -> Iterator[np.ndarray[Any, Any]]:
    """The numeric arrays in the fitted attributes of estimators, each once."""
    pending = list(estimators)
    inspected: dict[int, object] = {}  # kept, so that no two share an id
    while pending:
        value = pending.pop()
        if id(value) in inspected:
            continue
        inspected[id(value)] = value
        if isinstance(value, list | tuple):
            pending.extend(value)
        elif isinstance(value, np.ndarray | np.number | float):
            array = np.asarray(value)
            if array.dtype.kind in "fiucbV":
                yield array
        elif type(value).__module__.startswith("sklearn.") and not callable(value):  # losses can be called
            pending.extend(_fitted_attributes(value))


def _fitted_attributes(value: Any) -> list[Any]:
    """The attributes of an estimator, or of a part of one, that are not hyperparameters."""
    hyperparameters = value.get_params(deep=False) if hasattr(value, "get_params") else {}
    attributes = dict(getattr(value, "__dict__", {}))
    if not attributes and hasattr(value, "__getstate__"):  # compiled, such as a decision tree
        state = value.__getstate__()
        attributes = state if isinstance(state, dict) else {}
    return [attribute for name, attribute in attributes.items() if name not in hyperparameters]
