"""The number of parameters of fitted estimators of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

NOT_LEARNED = ("_bin_mapper",)  # the borders of bins are quantiles of the inputs, and forecast nothing


def parameter_count(estimators: Iterable[Any]) -> int:
    """The number of learned values: of a tree, the variable and threshold of each split, and the value of each leaf."""
    return sum(_count(array) for array in _arrays(estimators))


def parameter_bytes(estimators: Iterable[Any]) -> int:
    """The bytes of the learned values."""
    return sum(array.nbytes for array in _arrays(estimators))


def _count(array: np.ndarray[Any, Any]) -> int:
    """The learned values of an array, or of the nodes of a tree."""
    names = array.dtype.names
    if names is None:
        return array.size
    if "is_leaf" in names:  # of histogram gradient boosting
        leaves = int(array["is_leaf"].sum())
        return 2 * (array.size - leaves) + leaves
    return 2 * int((array["left_child"] >= 0).sum())  # the values of a decision tree are another array


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
            if array.dtype.kind in "fcV":
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
    skipped = {*hyperparameters, *NOT_LEARNED}
    return [attribute for name, attribute in attributes.items() if name not in skipped]
