"""A skill as a bar with its interval as a whisker, small enough for a cell of a table."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from harness.report.numbers import log10_interval
from harness.results.standings import Interval, Row

WIDTH, HEIGHT = 72, 14  # pixels
MARGIN = 2  # pixels left and right


@dataclass(frozen=True)
class Bar:
    """The shapes of a bar; all positions are pixels from the left."""

    left: float
    length: float
    kind: str  # plus or minus
    zero: float
    whisker: tuple[float, float] | None = None
    ends: tuple[float, ...] = ()  # of the whisker, where they are inside
    beyond: bool = False  # whether the bar continues to the left of the cell
    width: int = WIDTH
    height: int = HEIGHT


def gain(row: Row, logarithmic: bool) -> tuple[float, Interval]:
    """What a bar shows, and its interval: the skill, or by how many decades the relative error is below one.

    NaN for a forecaster without a score.
    """
    if not row.has_score:
        return math.nan, (math.nan, math.nan)
    if not logarithmic:
        return row.skill, row.interval("skill")
    high, low = log10_interval(row.interval("skill"))
    return -math.log10(row.relative_error) if row.relative_error > 0 else math.nan, (-low, -high)


def domain(gains: Collection[tuple[float, Interval]]) -> Interval:
    """What the bars of a table span: zero, and half of the negative values; much worse ones are cut off."""
    values = [value for skill, interval in gains for value in (skill, *interval) if math.isfinite(value)]
    high, below = max([0.1, *values]), sorted(skill for skill, _ in gains if skill < 0)
    lowest = 1.2 * below[len(below) // 2] if below else 0.0
    return max(min([-0.05 * high, *values]), min(-high, lowest)), high


def skill_bar(skill: float, interval: Interval, span: Interval) -> Bar | None:
    """The bar of a skill, None where that is not finite."""
    if not math.isfinite(skill):
        return None
    zero, end = _position(0.0, span), _position(skill, span)
    whisker: tuple[float, float] | None = None
    ends: tuple[float, ...] = ()
    if all(map(math.isfinite, interval)) and interval[1] > span[0]:
        whisker = _position(interval[0], span), _position(interval[1], span)
        ends = tuple(_position(limit, span) for limit in interval if span[0] <= limit <= span[1])
    kind = "plus" if skill >= 0 else "minus"
    return Bar(min(zero, end), abs(end - zero), kind, zero, whisker, ends, beyond=skill < span[0])


def pixels(position: float) -> str:
    """A position as the attribute of a shape."""
    return f"{position:.1f}"


def _position(value: float, span: Interval) -> float:
    low, high = span
    inside = min(max(value, low), high)
    return MARGIN + (inside - low) / (high - low) * (WIDTH - 2 * MARGIN)
