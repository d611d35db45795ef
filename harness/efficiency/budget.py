"""Budgets such as "latency_p99 < 5ms, memory < 500MB": how they are written; `verdict` says which costs fit."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from harness.errors import BadInput, UnknownName
from harness.results.costs import BenchCosts

EXAMPLE = "'latency_p99 < 5ms, memory < 500MB'"
TIMES = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}  # Unicode has two µ
INPUT_ONLY = ("us", "μs", "KiB", "MiB", "GiB")  # accepted, but not used in output
BYTES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
JOULES = {"mJ": 1e-3, "J": 1.0, "kJ": 1e3}
RATES = {"/s": 1.0, "": 1.0}
COUNTS = {"": 1.0}
UNITS = {"s": TIMES, "B": BYTES, "J": JOULES, "1/s": RATES, "1": COUNTS}
QUANTITIES = {
    figure.name: UNITS[figure.metadata["unit"]] for figure in fields(BenchCosts) if figure.metadata.get("better")
}
VARYING = {figure.name for figure in fields(BenchCosts) if figure.metadata.get("varies")}
ALIASES = {"latency_p99_high": "latency_p99"}  # a limit on the upper end of an interval, which every limit is
HEADINGS = {"p50": "latency_p50", "p90": "latency_p90", "p99": "latency_p99"}  # of tables; accepted as names
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SPELLINGS = {  # of units, without the s of a plural: suggested, not accepted
    "sec": "s",
    "second": "s",
    "minute": "min",
    "msec": "ms",
    "millisecond": "ms",
    "microsecond": "us",
    "nanosecond": "ns",
    "joule": "J",
    "byte": "B",
    "kilobyte": "kB",
    "megabyte": "MB",
    "gigabyte": "GB",
}
NUMBER = r"[0-9]+(?:_?[0-9]+)*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+"
AMOUNT = re.compile(rf"({NUMBER})\s*(\S*)")
CONJUNCTION = re.compile(r"\s+and\s+|\s*(?:&+|;)\s*", re.IGNORECASE)  # written in place of a comma
LIMIT = re.compile(r"(\w+)\s*(<=|>=|<|>)\s*(.+)")


@dataclass(frozen=True)
class Limit:
    """An upper or lower limit on one quantity."""

    quantity: str
    comparison: str
    value: float  # in seconds, bytes, joules, or without a unit
    text: str  # as it was written

    def __str__(self) -> str:
        return self.text

    @property
    def bound(self) -> str:
        """The comparison and the value, as they were written."""
        return self.text.removeprefix(self.quantity).strip()


Budget = tuple[Limit, ...]


def parse_budget(text: str) -> Budget:
    """The limits of a text; raises BadInput, or UnknownName for an unknown quantity."""
    parts = [" ".join(part.split()) for part in text.split(",")]
    return tuple(_limit(part) for part in parts)


def parse_seconds(text: str) -> float:
    """The seconds of a time such as "5ms"; raises BadInput for any other text."""
    return _value(text.strip(), TIMES, "a time", "5ms")


def quantity_with_interval(costs: BenchCosts, quantity: str) -> str:
    """A measured quantity, with its interval if it has one."""
    text = format_quantity(quantity, getattr(costs, quantity))
    low, high = costs.ends(quantity)
    if low is None and high is None:
        return text
    shown = ["…" if end is None else format_quantity(quantity, end) for end in (low, high)]
    return f"{text} [{', '.join(shown)}]"


def format_quantity(quantity: str, value: float) -> str:
    """A value in the largest unit that leaves it at 1 or more."""
    units = QUANTITIES[quantity]
    if units is RATES or units is COUNTS:
        number = f"{value:,.0f}" if value >= 1e4 else f"{value:.4g}"
        return number + ("/s" if units is RATES else "")
    shown = [name for name in units if name not in INPUT_ONLY]
    best = max((name for name in shown if value >= units[name]), key=lambda name: units[name], default=shown[0])
    return f"{value / units[best]:.3g} {best}"


def _limit(part: str) -> Limit:
    if CONJUNCTION.search(part):
        raise BadInput(f"limits are separated by commas: {CONJUNCTION.sub(', ', part)!r}, not {part!r}")
    match = LIMIT.fullmatch(part)
    if match is None:
        raise BadInput(f"{part!r} is not a limit; write a quantity, one of < <= > >=, and a value: {EXAMPLE}")
    name, comparison, amount = match.groups()
    quantity = HEADINGS.get(name, name)
    if quantity.removesuffix("_low") in QUANTITIES and quantity not in QUANTITIES:
        raise BadInput(f"no limit on {name}: all of the interval decides; did you mean {name.removesuffix('_low')!r}?")
    if quantity not in QUANTITIES:
        raise UnknownName("quantity of a budget", quantity, QUANTITIES)
    value = _value(amount, QUANTITIES[quantity], quantity, EXAMPLE)
    return Limit(quantity, comparison, value, quantity + part.removeprefix(name))


def _value(text: str, units: dict[str, float], what: str, example: str) -> float:
    match = AMOUNT.fullmatch(text)
    number = float(match[1].replace("_", "")) if match else math.nan
    if match is None or not math.isfinite(number):
        raise BadInput(f"{what} takes a number and a unit, such as {example}, not {text!r}")
    if match[2] not in units:
        allowed = ", ".join(name for name in units if name and name != "μs") or "plain numbers"
        given = repr(match[2]) if match[2] else "without a unit"
        suggested = _suggested_unit(match[2], units)
        hint = f"did you mean {match[1]}{suggested}?" if suggested else f"for example {example}"
        raise BadInput(f"{what} is given in {allowed}, not {given}; {hint}")
    return number * units[match[2]]


def _suggested_unit(given: str, units: Iterable[str]) -> str:
    """The unit that another spelling stands for, such as MB for mb and min for minutes; empty where there is none."""
    singular = given.lower().removesuffix("s")
    for spelling in (given.lower(), singular, SPELLINGS.get(singular, "").lower()):
        for unit in units:
            if unit and unit.lower() == spelling:
                return unit
    return ""
