"""Array types, whose axes are named where an array is declared, and arithmetic that leaves out NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Times = NDArray[Any]  # datetime64, or integers where time has no calendar


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same data as an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def all_finite(array: Floats) -> bool:
    """Whether the sum is finite, and therefore every number: much faster than testing each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()))


def ratio(numerators: Floats, denominators: Floats, empty: float = float("nan")) -> Floats:
    """The quotients, and `empty` where the denominator is zero; NaN stays NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients = numerators / denominators
        if np.isfinite(quotients.sum()):
            return quotients
    return np.where(denominators == 0, empty, quotients)


def mean_known(values: Floats, axis: int) -> Floats:
    """The mean over an axis of all values that are not NaN; NaN where all are."""
    if values.shape[axis] == 1:
        only: Floats = np.take(values, 0, axis=axis)
        return only
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis).astype(np.float64))


def sums_over_steps(values: Floats) -> Floats:
    """The sums of (window, step, target) values over the steps, (window, target)."""
    if values.shape[-1] != 1:
        return np.asarray(values.sum(axis=1))
    sums: Floats = np.einsum("wst->wt", values)  # several times faster than `sum`, whose loops are as short as an axis
    return sums


def sums_by_group(values: Floats, groups: Ints, count: int) -> Floats:
    """The sums of (row, column) values over the rows of each group, (group, column), added in their order."""
    return np.stack([np.bincount(groups, weights=column, minlength=count) for column in values.T], axis=1)


def means_by_group(values: Floats, groups: Ints, count: int) -> Floats:
    """The means of (row,) values that are not NaN over the rows of each group, (group,); NaN where all are."""
    known = ~np.isnan(values)
    totals = sums_by_group(values[known, None], groups[known], count)[:, 0]
    return ratio(totals, np.bincount(groups[known], minlength=count).astype(np.float64))
