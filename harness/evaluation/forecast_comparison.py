"""Comparison of two forecasts of the same window, and how much they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats
from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Windows


@dataclass(frozen=True)
class ForecastComparison:
    """Compares forecasts of windows of a batch; differences are relative to the forecast, or to a larger history.

    The arguments are the window `i` of the batch, its position in one forecast and its position in another.
    """

    batch: Windows
    tolerance: float

    def is_close(
        self, i: int, first: Forecast, position: int, second: Forecast, other: int, tolerance: float | None = None
    ) -> bool:
        """Whether both are the same up to a tolerance, by default that of the comparison; 0 means exactly the same."""
        relative = self.tolerance if tolerance is None else tolerance
        for x, y in _array_pairs(first, position, second, other):
            if np.array_equal(x, y, equal_nan=True):
                continue
            if not relative or not np.allclose(x, y, relative, relative * self._size(i, x), equal_nan=True):
                return False
        return True

    def difference(self, i: int, first: Forecast, position: int, second: Forecast, other: int) -> float:
        """The largest difference relative to the size; infinite if a value is missing or infinite in one of both."""
        largest = 0.0
        for x, y in _array_pairs(first, position, second, other):
            differs = (x != y) & ~(np.isnan(x) & np.isnan(y))
            if differs.any():
                greatest = float(np.abs(x[differs] - y[differs]).max())
                if not np.isfinite(greatest):
                    return np.inf
                largest = max(largest, greatest / (self._size(i, x) or greatest))
        return largest

    def _size(self, i: int, x: Floats) -> float:
        """The largest number of a forecast, or the mean absolute value of the window's history if that is larger."""
        return max(float(np.max(np.abs(x), initial=0.0, where=np.isfinite(x))), self._history_size(i))

    def _history_size(self, i: int) -> float:
        """The mean absolute value of a window's history; 0 where nothing is known."""
        panel, begin = self.batch.panel, self.batch.panel.offsets[self.batch.series[i]]
        history = np.abs(panel.target_values[begin : begin + self.batch.cutoffs[i]])
        return 0.0 if np.isnan(history).all() else float(np.nanmean(history))


def by_more_than(tolerance: float, difference: float) -> str:
    """The end of a sentence on a forecast that changes by a relative difference, which may be infinite."""
    if not np.isfinite(difference):
        return "; values or quantiles are missing in one of both"
    return f", by {difference:.2g} relative to its size; the tolerance is {tolerance:g} (ForecasterSpec.tolerance)"


def relative_difference(first: Forecast, second: Forecast) -> float:
    """The largest difference of two forecasts of all windows, relative to the largest value of a window; 0 if equal.

    It is infinite if a value is missing or infinite in one of both, or if only one has quantiles.
    """
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


def _array_pairs(first: Forecast, position: int, second: Forecast, other: int) -> list[tuple[Floats, Floats]]:
    """Means, medians and quantiles of both, of the levels that both have; those of a point forecast are its median."""
    pairs = [(first.mean[position], second.mean[other])]
    if first.median is not first.mean or second.median is not second.mean:
        pairs.append((first.median[position], second.median[other]))
    given = [forecast.quantile_levels for forecast in (first, second) if forecast.quantiles is not None]
    if given:
        levels = tuple(level for level in given[0] if level in given[-1])
        x, y = first.quantiles_of(levels), second.quantiles_of(levels)
        pairs.append((x[position], y[other]))
    return pairs
