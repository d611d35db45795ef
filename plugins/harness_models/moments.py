"""Moments of every window's context, for the quantiles of naive forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import Contexts, Floats, Ints
from harness_models.pasts import Pasts, measure_windows


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, sum and sum of squares over each window's context, (window, target) each."""

    count: Floats
    total: Floats
    squares: Floats

    def squares_about(self, point: Floats) -> Floats:
        """The sum of squared distances from a point, (window, target)."""
        return np.asarray(np.maximum(self.squares - point * (2 * self.total - point * self.count), 0))


def rms_of_differences(contexts: Contexts, lag: int) -> Floats:
    """The root mean square of the observed x_t − x_{t−lag}; 0 where there are none."""
    count, squares = measure_windows(contexts, lambda past: _moments(past, _differences(past, lag), lag, (2,)))
    return np.asarray(np.sqrt(squares / np.maximum(count, 1)))


def moments_of_differences(past: Pasts) -> list[Floats]:
    """Count, sum and sum of squares of the observed x_t − x_{t−1}, (window, target) each."""
    return _moments(past, _differences(past, 1), 1, (1, 2))


def mean_of_levels(contexts: Contexts) -> Floats:
    """The mean of the observed values, (window, target); NaN where there are none."""
    count, first, total = measure_windows(contexts, lambda past: _levels(past, (1,)))
    return np.asarray(first + total / np.maximum(count, 1))


def moments_of_levels(contexts: Contexts) -> tuple[Moments, Floats]:
    """Moments of the observed values minus the first one, and that first one, (window, target)."""
    count, first, *sums = measure_windows(contexts, lambda past: _levels(past, (1, 2)))
    return Moments(count, *sums), first


def first_observation(values: Floats) -> Floats:
    """The first value that is not missing, (past, target); NaN if all are."""
    first = values[:, 0]
    if not np.isnan(first).any():
        return first
    at = np.argmax(~np.isnan(values), axis=1)
    return np.asarray(np.take_along_axis(values, at[:, None], axis=1)[:, 0])


def _levels(past: Pasts, powers: tuple[int, ...]) -> list[Floats]:
    """Count, first observed value, and sums of powers of the values minus the first, (window, target) each."""
    first = past.values[:, 0] if past.complete else first_observation(past.values)
    count, *sums = _moments(past, past.values - first[:, None], 0, powers)
    known = first[past.rows]
    return [
        count,
        known if past.complete else np.where(count > 0, known, np.nan),
        *sums,
    ]  # it may come after the end


def _differences(past: Pasts, lag: int) -> Floats:
    """x_t − x_{t−lag}, (past, length − lag, target)."""
    return past.values[:, lag:] - past.values[:, :-lag]


def _moments(past: Pasts, terms: Floats, begin: int, powers: tuple[int, ...]) -> list[Floats]:
    """Count, and sums of powers, of terms until each window's end, (window, target) each.

    `terms` are (past, column, target), from the column `begin` of the past on.
    """
    columns = np.maximum(past.ends - begin, 0)  # (window,) until the end
    if past.complete:
        count = columns[:, None] + np.zeros(terms.shape[2])
    else:
        observed = ~np.isnan(terms)
        terms = np.where(observed, terms, 0.0)
        count = _sums(past, observed, columns, np.int32)  # in less than a tenth of the time of floats
    with np.errstate(over="ignore", invalid="ignore"):  # values after a window's end may overflow
        return [count, *(_sums(past, terms**power, columns, np.float64) for power in powers)]


def _sums(past: Pasts, terms: np.ndarray[Any, Any], columns: Ints, kind: type) -> Floats:
    """Sums of the first columns, (window, target)."""
    if len(columns) == 1:
        return np.asarray(np.add.reduce(terms[:, : columns[0]], axis=1, dtype=kind))
    if not terms.shape[1]:
        return np.zeros((len(columns), terms.shape[2]))
    running: np.ndarray[Any, Any] = np.cumsum(terms, axis=1, dtype=kind)
    sums = running[past.rows, np.maximum(columns, 1) - 1]
    return np.where(columns[:, None] > 0, sums, 0)
