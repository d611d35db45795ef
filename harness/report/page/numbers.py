"""Numbers as a reader wants them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from harness.report import numbers
from harness.results.standings import Interval

NONE = "–"


def number(value: float, digits: int = 3) -> str:
    """A number with so many decimals and a true minus sign, a dash where there is none."""
    return NONE if not math.isfinite(value) else _signed(f"{value:.{digits}f}" if abs(value) < 1e4 else f"{value:.2e}")


def error(value: float, logarithmic: bool) -> str:
    """An error of any size in few characters."""
    return _signed(numbers.error(value, logarithmic))


def interval(limits: Interval, digits: int = 2) -> str:
    """An interval in brackets; nothing where there is none."""
    low, high = limits
    return f"[{number(low, digits)}, {number(high, digits)}]" if math.isfinite(low) and math.isfinite(high) else ""


def seconds(value: float) -> str:
    """A duration with its unit."""
    if not math.isfinite(value):
        return NONE
    if value <= 0:
        return "0 s"
    units = ((3600, "h", 3600), (60, "min", 60), (0.995, "s", 1), (0.995e-3, "ms", 1e-3), (0, "µs", 1e-6))
    unit, size = next((unit, size) for least, unit, size in units if value >= least)
    count = value / size
    return f"{count:,.{0 if count >= 9.95 else 1}f} {unit}"


def moment(iso: str) -> str:
    """A moment of ISO 8601 as date and time in UTC; as it is, if it is none."""
    try:
        found = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return (found.astimezone(UTC) if found.tzinfo else found).strftime("%Y-%m-%d %H:%M UTC")


def plain(value: float) -> str | None:
    """A number for a script to sort by, None where there is none."""
    return f"{value:.8g}" if math.isfinite(value) else None


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _signed(said: str) -> str:
    if not said.strip("-0."):
        return said.lstrip("-")
    return said.replace("e+", "e").replace("-", "−")
