"""Comparison of two forecasts of the same windows, and how much they differ."""

from __future__ import annotations

import numpy as np

from harness.arrays import Bools, Floats, Ints
from harness.data.classes import target_categories
from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Windows


def differences(windows: Windows, first: Forecast, second: Forecast, above: float = 0.0) -> Floats:
    """The largest difference of each window, (window,), relative to the size of its forecast or of its history.

    It is 0 only where both are exactly the same, and infinite where a value is missing or infinite in one of both. The
    size is the largest number of the first forecast, or the mean absolute value of the history if that is larger; the
    history is read only for differences that are larger than `above` without it.
    """
    distances: list[tuple[Floats, Floats]] = []  # and sizes, (window,) each
    for x, y in _array_pairs(first, second):
        differs = (x != y) & ~(np.isnan(x) & np.isnan(y))
        if differs.any():
            axes = tuple(range(1, x.ndim))
            with np.errstate(invalid="ignore"):
                distance = np.where(differs, np.abs(x - y), 0.0)
            distance[np.isnan(distance)] = np.inf
            size = np.max(np.abs(x), axis=axes, initial=0.0, where=np.isfinite(x))
            distances.append((distance.max(axis=axes), size))
    histories = np.zeros(len(windows))
    relative = _relative(distances, histories)
    for i in np.flatnonzero((relative > above) & np.isfinite(relative)).tolist():
        histories[i] = history_size(windows, i)
    return _relative(distances, histories)


def _relative(distances: list[tuple[Floats, Floats]], histories: Floats) -> Floats:
    """The largest quotient of distances and sizes; 1 where something differs from nothing but zeros."""
    largest = np.zeros(len(histories))
    for distance, size in distances:
        whole = np.maximum(size, histories)
        with np.errstate(divide="ignore", invalid="ignore"):
            quotients = np.where(whole > 0, distance / whole, np.where(np.isinf(distance), np.inf, 1.0))
        largest = np.maximum(largest, np.where(distance == 0, 0.0, quotients))
    return largest


def history_size(windows: Windows, i: int) -> float:
    """The mean absolute value of a window's history; 0 where nothing is known, and for categorical targets."""
    if target_categories(windows.panel.channels):
        return 0.0
    panel, begin = windows.panel, windows.panel.offsets[windows.series[i]]
    history = np.abs(panel.target_values[begin : begin + windows.cutoffs[i]])
    return 0.0 if np.isnan(history).all() else float(np.nanmean(history))


def for_windows(forecast: Forecast, positions: Ints) -> Forecast:
    """The forecast of some of the windows."""
    return forecast.mapped(lambda array: array[positions])


def both_finite(first: Forecast, second: Forecast) -> Bools:
    """Whether a window has a forecast in both, (window,)."""
    return first.finite() & second.finite()


def by_more_than(tolerance: float, difference: float) -> str:
    """The end of a sentence on a forecast that changes by a relative difference, which may be infinite."""
    if not np.isfinite(difference):
        return "; values or quantiles are missing in one of both"
    return f", by {difference:.2g} times its size; the tolerance is {tolerance:g} (ForecasterSpec.tolerance)"


def relative_difference(first: Forecast, second: Forecast) -> float:
    """The largest difference of two forecasts of all windows, relative to the largest value of a window; 0 if equal.

    It is infinite if a value is missing or infinite in one of both, or if only one has quantiles. Of categorical
    targets it is that of the probabilities.
    """
    if first.probabilities is not None and second.probabilities is not None:
        return _array_difference(first.probabilities, second.probabilities)
    pairs = [(first.mean, second.mean), (first.median, second.median)]
    if first.quantiles is not None and second.quantiles is not None:
        pairs.append((first.quantiles, second.quantiles))
    elif first.quantiles is not second.quantiles:
        return np.inf
    return max(_array_difference(x, y) for x, y in pairs)


def _array_difference(first: Floats, second: Floats) -> float:
    """The largest relative difference of arrays of shape (window, …); 0 only if they are equal."""
    if first.shape != second.shape:
        return np.inf
    differs = (first != second) & ~(np.isnan(first) & np.isnan(second))  # NaN where no mean or median follows
    if not differs.any():
        return 0.0
    sizes, others = (np.abs(each).max(axis=tuple(range(1, each.ndim)), keepdims=True) for each in (first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = float((np.abs(first - second) / np.where(sizes == 0, others, sizes))[differs].max())
    return largest if np.isfinite(largest) else np.inf


def _array_pairs(first: Forecast, second: Forecast) -> list[tuple[Floats, Floats]]:
    """Means, medians and quantiles of both, of the levels that both have; those of a point forecast are its median.

    Of categorical targets their probabilities.
    """
    if first.probabilities is not None and second.probabilities is not None:
        return [(first.probabilities, second.probabilities)]
    pairs = [(first.mean, second.mean)]
    if first.median is not first.mean or second.median is not second.mean:
        pairs.append((first.median, second.median))
    given = [forecast.quantile_levels for forecast in (first, second) if forecast.quantiles is not None]
    if given:
        levels = tuple(level for level in given[0] if level in given[-1])
        pairs.append((first.quantiles_of(levels), second.quantiles_of(levels)))
    return pairs
