"""Groupings: the slice that each window, or each forecast step, of a task belongs to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.evaluation.outcomes import Actuals

LENGTH_BINS = 4
BORDER_PRECISION = 20  # a border between lengths is rounded by at most this fraction of their range


@dataclass(frozen=True, eq=False)
class Grouping:
    """A task's windows, or steps, by slice."""

    names: tuple[str, ...]
    index: Ints  # positions in names: (window,), or (window, horizon) where the steps of a window differ

    def windows(self) -> Ints:
        """The number of windows with at least one step in each slice, (slice,)."""
        if self.index.ndim == 1:
            return self._counts(self.index)
        window = np.arange(len(self.index))[:, None]
        return self._counts(np.unique(window * len(self.names) + self.index) % len(self.names))

    def steps(self, horizon: int) -> Ints:
        """The number of forecast steps in each slice, (slice,)."""
        return self._counts(self.index) * (horizon if self.index.ndim == 1 else 1)

    def _counts(self, index: Ints) -> Ints:
        return np.bincount(index.ravel(), minlength=len(self.names)).astype(np.int64)

    def at_most(self, count: int) -> Grouping:
        """At most `count` slices: neighbours are merged, into ranges of equal length where that is possible."""
        slices = len(self.names)
        if slices <= count:
            return self
        shortest = math.ceil(slices / count)
        candidates = range(shortest, min(2 * shortest + 1, slices))
        width = next((width for width in candidates if slices % width == 0), shortest)
        firsts = range(0, slices, width)
        lasts = [min(first + width, slices) - 1 for first in firsts]
        names = [
            self.names[first] if first == last else f"{self.names[first]}–{self.names[last]}"
            for first, last in zip(firsts, lasts, strict=True)
        ]
        return Grouping(tuple(names), self.index // width)


def by_step(actuals: Actuals) -> Grouping:
    """By horizon step, counted from 1."""
    windows, horizon, _ = actuals.values.shape
    steps = np.arange(horizon, dtype=np.int64)
    return Grouping(tuple(str(step + 1) for step in steps), np.broadcast_to(steps, (windows, horizon)))


def by_series(actuals: Actuals) -> Grouping:
    """By series, in the panel's order; series without a window are left out."""
    present, index = np.unique(actuals.series, return_inverse=True)
    return Grouping(tuple(str(actuals.ids[i]) for i in present), index.ravel().astype(np.int64))


def by_length(actuals: Actuals) -> Grouping:
    """By the length of the history at the cutoff: each length where there are few, else quarters."""
    cutoffs = np.asarray(actuals.cutoffs, dtype=np.int64)
    present, index = np.unique(cutoffs, return_inverse=True)
    if len(present) <= LENGTH_BINS:
        return Grouping(tuple(str(length) for length in present), index.ravel().astype(np.int64))
    low, high = int(present[0]), int(present[-1])
    unit = _round_unit((high - low) / BORDER_PRECISION)
    quartiles: Floats = np.quantile(cutoffs, np.arange(1, LENGTH_BINS) / LENGTH_BINS)
    inner = {round(float(quartile) / unit) * unit for quartile in quartiles}
    first, last = (low - 1) // unit * unit, -(-high // unit) * unit
    borders = np.array([first, *sorted(border for border in inner if low <= border < high), last])
    bins = np.searchsorted(borders, cutoffs, side="left") - 1  # above one border, up to and including the next
    present_bins, index = np.unique(bins, return_inverse=True)
    names = (_range_name(int(borders[i]) + 1, int(borders[i + 1])) for i in present_bins)
    return Grouping(tuple(names), index.ravel().astype(np.int64))


def _round_unit(limit: float) -> int:
    """The greatest of 1, 2, 5, 10, 20, 50 … that is at most `limit`."""
    if limit < 1:
        return 1
    power = 10 ** math.floor(math.log10(limit))
    return int(max(digit * power for digit in (1, 2, 5) if digit * power <= limit))


def _range_name(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


GROUPINGS: dict[str, Callable[[Actuals], Grouping]] = {"step": by_step, "series": by_series, "length": by_length}
