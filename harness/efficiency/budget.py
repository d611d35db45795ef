"""Budgets such as "latency_p99 < 5ms, memory < 500MB", and which costs fit."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
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
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMBER = r"[0-9]+(?:_?[0-9]+)*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+"
AMOUNT = re.compile(rf"({NUMBER})\s*(\S*)")
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


def violation(costs: BenchCosts | None, budget: Budget) -> str:
    """Why costs do not fit a budget; empty where they do."""
    if costs is None:
        return "not measured on this machine; run `harness bench`"
    return next((why for limit in budget if (why := _violation(costs, limit))), "")


def _violation(costs: BenchCosts, limit: Limit) -> str:
    value = getattr(costs, limit.quantity)
    if value is None and limit.quantity == "latency_p99_high" and costs.latency_p99 is not None:
        return "too few repetitions to bound the p99 from above; give `harness bench` more --seconds"
    if value is None and limit.quantity == "server_rate" and costs.server_bound is not None:
        return f"no rate keeps a p99 of {format_quantity('latency_p99', costs.server_bound)}"
    if value is None:
        return f"{limit.quantity} was not measured" + (f" ({costs.failure})" if costs.failure else "")
    if OPERATORS[limit.comparison](value, limit.value):
        return ""
    return f"{limit.quantity} is {format_quantity(limit.quantity, value)}, not {limit.bound}"


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
    match = LIMIT.fullmatch(part)
    if match is None:
        raise BadInput(f"{part!r} is not a limit; write a quantity, one of < <= > >=, and a value: {EXAMPLE}")
    quantity, comparison, amount = match.groups()
    if quantity not in QUANTITIES:
        raise UnknownName("quantity of a budget", quantity, QUANTITIES)
    return Limit(quantity, comparison, _value(amount, QUANTITIES[quantity], quantity, EXAMPLE), part)


def _value(text: str, units: dict[str, float], what: str, example: str) -> float:
    match = AMOUNT.fullmatch(text)
    number = float(match[1].replace("_", "")) if match else math.nan
    if match is None or not math.isfinite(number):
        raise BadInput(f"{what} takes a number and a unit, such as {example}, not {text!r}")
    if match[2] not in units:
        allowed = ", ".join(name for name in units if name and name != "μs") or "plain numbers"
        given = repr(match[2]) if match[2] else "without a unit"
        raise BadInput(f"{what} is given in {allowed}, not {given}; for example {example}")
    return number * units[match[2]]
