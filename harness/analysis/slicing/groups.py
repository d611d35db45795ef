"""Which slice each window or step of a task belongs to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.evaluation.outcomes import Actuals

BINS = 4  # of lengths
FINENESS = 20  # a border between lengths is moved by no more than this part of what they span


@dataclass(frozen=True, eq=False)
class Grouping:
    """A task's windows or steps by the slice that each belongs to."""

    names: tuple[str, ...]
    of: Ints  # positions in names: (window,), or (window, horizon) where the steps of a window are told apart

    def windows(self) -> Ints:
        """How many windows have a part in each slice, (slice,)."""
        if self.of.ndim == 1:
            return self._counts(self.of)
        window = np.arange(len(self.of))[:, None]
        return self._counts(np.unique(window * len(self.names) + self.of) % len(self.names))

    def steps(self, horizon: int) -> Ints:
        """How many steps were forecast in each slice, (slice,)."""
        return self._counts(self.of) * (horizon if self.of.ndim == 1 else 1)

    def _counts(self, of: Ints) -> Ints:
        return np.bincount(of.ravel(), minlength=len(self.names)).astype(np.int64)

    def at_most(self, most: int) -> Grouping:
        """The same with neighbours joined where there are more slices, all to one length where that is possible."""
        count = len(self.names)
        if count <= most:
            return self
        least = math.ceil(count / most)
        width = next((one for one in range(least, min(2 * least + 1, count)) if count % one == 0), least)
        firsts = range(0, count, width)
        lasts = [min(first + width, count) - 1 for first in firsts]
        names = [
            self.names[first] if first == last else f"{self.names[first]}–{self.names[last]}"
            for first, last in zip(firsts, lasts, strict=True)
        ]
        return Grouping(tuple(names), self.of // width)


def by_step(actuals: Actuals) -> Grouping:
    """By horizon step, counted from 1."""
    windows, horizon, _ = actuals.values.shape
    steps = np.arange(horizon, dtype=np.int64)
    return Grouping(tuple(str(step + 1) for step in steps), np.broadcast_to(steps, (windows, horizon)))


def by_series(actuals: Actuals) -> Grouping:
    """By series, in the panel's order; those without a window are left out."""
    present, of = np.unique(actuals.series, return_inverse=True)
    return Grouping(tuple(str(actuals.ids[i]) for i in present), of.ravel().astype(np.int64))


def by_length(actuals: Actuals) -> Grouping:
    """By how many observations are known at the cutoff: each number where they are few, else quarters."""
    cutoffs = np.asarray(actuals.cutoffs, dtype=np.int64)
    present, of = np.unique(cutoffs, return_inverse=True)
    if len(present) <= BINS:
        return Grouping(tuple(str(length) for length in present), of.ravel().astype(np.int64))
    low, high = int(present[0]), int(present[-1])
    unit = _readable((high - low) / FINENESS)
    quartiles: Floats = np.quantile(cutoffs, np.arange(1, BINS) / BINS)
    inner = {round(float(one) / unit) * unit for one in quartiles}
    first, last = (low - 1) // unit * unit, -(-high // unit) * unit
    borders = np.array([first, *sorted(one for one in inner if low <= one < high), last])
    bins = np.searchsorted(borders, cutoffs, side="left") - 1  # after one border, up to and with the next
    filled, of = np.unique(bins, return_inverse=True)
    names = (_range(int(borders[i]) + 1, int(borders[i + 1])) for i in filled)
    return Grouping(tuple(names), of.ravel().astype(np.int64))


def _readable(most: float) -> int:
    """The greatest of 1, 2, 5, 10, 20, 50 … that is no more."""
    if most < 1:
        return 1
    power = 10 ** math.floor(math.log10(most))
    return int(max(digit * power for digit in (1, 2, 5) if digit * power <= most))


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


CUTS: dict[str, Callable[[Actuals], Grouping]] = {"step": by_step, "series": by_series, "length": by_length}
