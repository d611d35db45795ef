"""A skill as a bar, and its interval as a whisker: small enough for a table's cell."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.report.page.html import Html, tag
from harness.results.standings import Interval, Row

WIDTH, HEIGHT = 96, 14


def domain(rows: Iterable[Row]) -> Interval:
    """What the bars of a table span: zero in it, and below it half of the rows; what is much worse is cut off."""
    values = [value for row in rows for value in (row.skill, *row.interval("skill")) if math.isfinite(value)]
    high, below = max([0.1, *values]), sorted(row.skill for row in rows if row.skill < 0)
    lowest = 1.2 * below[len(below) // 2] if below else 0.0
    return max(min([-0.05 * high, *values]), min(-high, lowest)), high


def skill_bar(skill: float, interval: Interval, span: Interval) -> Html:
    """A bar from zero, a whisker over it; the numbers stand beside, so it is hidden from those who listen."""
    if not math.isfinite(skill):
        return Html("")
    zero, end = _place(0.0, span), _place(skill, span)
    left, width, kind = min(zero, end), abs(end - zero), "plus" if skill >= 0 else "minus"
    parts = [
        tag("rect", x=_said(left), y=3.5, width=_said(width), height=7, class_=kind),
        tag("path", d=f"M{_said(zero)} 0V{HEIGHT}", class_="zero"),
    ]
    if all(map(math.isfinite, interval)) and interval[1] > span[0]:
        low, high = (_place(limit, span) for limit in interval)
        parts.append(tag("path", d=f"M{_said(low)} 7H{_said(high)}", class_="whisker"))
        inside = [limit for limit in interval if span[0] <= limit <= span[1]]
        parts += [tag("path", d=f"M{_said(_place(limit, span))} 4v6", class_="whisker") for limit in inside]
    if skill < span[0]:  # it goes on beyond
        parts.append(tag("path", d="M6 3L2 7l4 4", class_="whisker"))
    box, hidden = f"0 0 {WIDTH} {HEIGHT}", {"aria_hidden": "true", "focusable": "false"}
    return tag("svg", *parts, viewBox=box, width=WIDTH, height=HEIGHT, class_="bar", **hidden)


def _place(value: float, span: Interval) -> float:
    low, high = span
    inside = min(max(value, low), high)
    return 2 + (inside - low) / (high - low) * (WIDTH - 4)


def _said(value: float) -> str:
    return f"{value:.1f}"
