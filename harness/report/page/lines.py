"""Lines of a chart as JSON values: rounded, and long ones thinned so that their extremes remain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.arrays import Floats, Ints

MOST, LEAST = 1500, 40  # points of a line
BUDGET = 300_000  # points of all lines of a page
DIGITS = 5  # significant, of a line's largest value


@dataclass(frozen=True)
class Limit:
    """How many points a line may have."""

    points: int = MOST

    @classmethod
    def of(cls, lines: int) -> Limit:
        """The limit of each line, so that all of them stay within the budget of a page."""
        return cls(min(max(BUDGET // max(lines, 1), LEAST), MOST))

    def line(self, values: Sequence[float]) -> dict[str, Any]:
        """A line for a linear scale: its values `y`, times ten to the `e`."""
        line = np.asarray(values, dtype=np.float64)
        exponent = _exponent(line)
        with np.errstate(all="ignore"):
            scaled = line * 10.0**-exponent if exponent <= 0 else line / 10.0**exponent
        return {"e": exponent, **self._steps(line, lambda position: round(scaled[position]))}

    def curve(self, values: Sequence[float]) -> dict[str, Any]:
        """A line for a logarithmic scale, on which small values matter: each has as many significant digits."""
        line = np.asarray(values, dtype=np.float64)
        return {"e": 0, **self._steps(line, lambda position: float(f"{line[position]:.{DIGITS}g}"))}

    def _steps(self, line: Floats, rounded: Callable[[int], float]) -> dict[str, Any]:
        """The number of steps `n` and the values `y`; of a thinned line also `x`, differences of the steps kept."""
        kept, known = thin(line, self.points), np.isfinite(line)
        found = {"n": len(line), "y": [rounded(position) if known[position] else None for position in kept]}
        return found if len(kept) == len(line) else {**found, "x": np.diff(kept, prepend=0).tolist()}


def thin(line: Floats, points: int) -> Ints:
    """The steps to keep: the first, the last, and the lowest and the highest of equal parts, so that the envelope of
    a wave remains."""
    if len(line) <= points:
        return np.arange(len(line))
    parts = max((points - 2) // 2, 1)
    length = -(-len(line) // parts)
    padded = np.full(parts * length, np.nan)
    padded[: len(line)] = np.where(np.isfinite(line), line, np.nan)
    table, starts = padded.reshape(parts, length), np.arange(parts) * length
    lowest = np.argmin(np.where(np.isnan(table), np.inf, table), axis=1)
    highest = np.argmax(np.where(np.isnan(table), -np.inf, table), axis=1)
    kept: Ints = np.unique(np.concatenate([[0, len(line) - 1], starts + lowest, starts + highest]))
    return kept[kept < len(line)]


def _exponent(line: Floats) -> int:
    """The power of ten by which values are divided, so that the largest has DIGITS digits."""
    finite = np.abs(line[np.isfinite(line)])
    largest = float(finite.max()) if len(finite) else 0.0
    return max(math.floor(math.log10(largest)) - DIGITS + 1, -300) if largest > 0 else 0
