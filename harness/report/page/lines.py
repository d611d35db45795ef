"""Long lines as few small numbers: thinned where nobody could see the difference, extremes kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.arrays import Floats, Ints

MOST, LEAST = 150, 40  # points of a line
BUDGET = 500_000  # points of all lines of a page
DIGITS = 5  # significant, of a line's largest value


@dataclass(frozen=True)
class Limit:
    """How many points a line may have."""

    points: int = MOST

    @classmethod
    def of(cls, lines: int) -> Limit:
        """What so many lines can have each."""
        return cls(min(max(BUDGET // max(lines, 1), LEAST), MOST))

    def line(self, values: Sequence[float]) -> dict[str, Any]:
        """A line for a linear scale: its values `y`, times ten to the `e`."""
        line = np.asarray(values, dtype=np.float64)
        exponent = _exponent(line)
        with np.errstate(all="ignore"):
            scaled = line * 10.0**-exponent if exponent <= 0 else line / 10.0**exponent
        return {"e": exponent, **self._kept(line, lambda place: round(scaled[place]))}

    def curve(self, values: Sequence[float]) -> dict[str, Any]:
        """A line for a logarithmic scale, on which small values show as well: each has its digits."""
        line = np.asarray(values, dtype=np.float64)
        return {"e": 0, **self._kept(line, lambda place: float(f"{line[place]:.{DIGITS}g}"))}

    def _kept(self, line: Floats, written: Callable[[int], float]) -> dict[str, Any]:
        """The `n` steps of a line; of a thinned one `x`, from each step that is kept to the next."""
        kept, known = thinned(line, self.points), np.isfinite(line)
        found = {"n": len(line), "y": [written(place) if known[place] else None for place in kept]}
        return found if len(kept) == len(line) else {**found, "x": np.diff(kept, prepend=0).tolist()}


def thinned(line: Floats, points: int) -> Ints:
    """Which steps to keep: evenly spaced ones, and of equal parts the lowest and the highest."""
    if len(line) <= points:
        return np.arange(len(line))
    parts = points // 6
    even = np.linspace(0, len(line) - 1, points - 2 * parts).round().astype(np.int64)
    length = -(-len(line) // parts)
    padded = np.full(parts * length, np.nan)
    padded[: len(line)] = np.where(np.isfinite(line), line, np.nan)
    table, starts = padded.reshape(parts, length), np.arange(parts) * length
    lowest = np.argmin(np.where(np.isnan(table), np.inf, table), axis=1)
    highest = np.argmax(np.where(np.isnan(table), -np.inf, table), axis=1)
    kept: Ints = np.unique(np.concatenate([even, starts + lowest, starts + highest]))
    return kept[kept < len(line)]


def _exponent(line: Floats) -> int:
    """Of the unit in which the largest value has so many digits."""
    finite = np.abs(line[np.isfinite(line)])
    largest = float(finite.max()) if len(finite) else 0.0
    return max(math.floor(math.log10(largest)) - DIGITS + 1, -300) if largest > 0 else 0
