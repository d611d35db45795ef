"""Numbers as text: a function for each kind of number, used by every view."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

NOTHING = "–"
UNBOUNDED = "*"  # marks a p99 of too few repetitions
Interval = tuple[float, float]
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
DURATIONS = ((3600, "h", 3600), (60, "min", 60), (0.995, "s", 1), (0.995e-3, "ms", 1e-3), (0, "µs", 1e-6))


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals, a dash where it is not finite."""
    return f"{value:.{decimals}f}" if math.isfinite(value) else NOTHING


def error(value: float, logarithmic: bool = False) -> str:
    """An error of any size in few characters."""
    if not math.isfinite(value):
        return NOTHING
    if logarithmic:
        return f"{math.log10(value):.2f}" if value > 0 else "−∞"
    if 1e-3 <= abs(value) < 0.1:
        return f"{value:.4f}"
    return f"{value:.3f}" if 0.1 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"


def interval(ends: Interval) -> str:
    """Both ends of an interval, a dash where there is none."""
    low, high = ends
    return NOTHING if math.isnan(low) or math.isnan(high) else f"{low:.2f}…{high:.2f}"


def significant(value: float | None) -> str:
    """Three digits, or as many as stand before the point; a dash for None."""
    if value is None:
        return NOTHING
    return f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}" if value >= 1e-3 else "<0.001"


def milliseconds(seconds: float | None) -> str:
    """A time in milliseconds, without its unit."""
    return significant(None if seconds is None else seconds * 1000)


def count(number: float | None) -> str:
    """A number in three digits, thousands and millions by letter."""
    if number is None:
        return NOTHING
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{significant(number / size)}{letter}"
    return str(number) if isinstance(number, int) else significant(number)


def megabytes(size: float | None) -> str:
    """Bytes in millions, without their unit."""
    return count(None if size is None else round(size / 1e6))


def time(seconds: float) -> str:
    """A time in three digits and the unit that suits it."""
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= size), UNITS[-1])
    return f"{significant(seconds / size)} {unit}"


def percent(change: float) -> str:
    """A change in percent with its sign."""
    if math.isnan(change):
        return NOTHING
    if math.isinf(change):
        return "∞"
    return f"{change:+.2f}" if abs(change) < 1e4 else f"{change:+.1e}"


def p_value(value: float) -> str:
    """A p-value with four decimals."""
    if math.isnan(value):
        return NOTHING
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def short_p_value(value: float) -> str:
    """A p-value with two decimals."""
    if math.isnan(value):
        return NOTHING
    return "<0.01" if value < 0.005 else f"{value:.2f}"


def distinct_decimals(values: Iterable[float], fewest: int = 3, most: int = 6) -> int:
    """The number of decimals with which different numbers look different, within limits."""
    known = {value for value in values if math.isfinite(value)}
    return next((decimals for decimals in range(fewest, most + 1) if _differ(known, decimals)), fewest)


def _differ(values: Collection[float], decimals: int) -> bool:
    return len({f"{value:.{decimals}f}" for value in values}) == len(values)


def log10_interval(skill: Interval) -> Interval:
    """The interval of the logarithm of the relative error that belongs to one of the skill."""
    low, high = (math.log10(1 - end) if end < 1 else math.nan for end in reversed(skill))
    return low, high


def number(value: float, decimals: int = 3) -> str:
    """A number with a true minus sign; large ones in scientific notation."""
    if not math.isfinite(value):
        return NOTHING
    return with_minus_sign(f"{value:.{decimals}f}" if abs(value) < 1e4 else f"{value:.2e}")


def interval_in_brackets(ends: Interval, decimals: int = 2) -> str:
    """An interval in brackets; empty where there is none."""
    low, high = ends
    return f"[{number(low, decimals)}, {number(high, decimals)}]" if math.isfinite(low) and math.isfinite(high) else ""


def duration(seconds: float) -> str:
    """A duration in two digits and the unit that suits it."""
    if not math.isfinite(seconds):
        return NOTHING
    if seconds <= 0:
        return "0 s"
    unit, size = next((unit, size) for least, unit, size in DURATIONS if seconds >= least)
    shown = seconds / size
    return f"{shown:,.{0 if shown >= 9.95 else 1}f} {unit}"


def clock_time(seconds: float) -> str:
    """How long something takes or took, as text: 0.4 s, 51 s, 2:05 as minutes and seconds, 1:00:00 with hours."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    minutes, hours = whole // 60 % 60, whole // 3600
    if whole < 60:
        return f"{whole} s"
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def moment(iso: str) -> str:
    """A moment of ISO 8601 as date and time in UTC; unchanged if it is not one."""
    try:
        found = datetime.fromisoformat(iso)
        return (found.astimezone(UTC) if found.tzinfo else found).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):
        return iso


def sortable(value: float) -> str | None:
    """A number for a script to sort by, None where it is not finite."""
    return f"{value:.8g}" if math.isfinite(value) else None


def plural(number: int, noun: str) -> str:
    """A count with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def with_minus_sign(text: str) -> str:
    """A number's text with a true minus sign, and zero without one."""
    if not text.strip("-0."):
        return text.lstrip("-")
    return re.sub(r"e([+-])0*(?=\d)", r"e\1", text).replace("e+", "e").replace("-", "−")
