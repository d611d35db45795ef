"""Measured costs in a table: numbers in few characters, and the columns that standings show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from harness.results.costs import BenchCosts
from harness.results.standings import Row, Standings

NOTHING = "–"
UNBOUNDED = "*"  # a p99 of too few repetitions
WHERE = ("processor", "measured", "task", "threads", "device", "failure", "key")  # not figures
FIGURES = tuple(one.name for one in dataclasses.fields(BenchCosts) if one.name not in WHERE)


def digits(value: float | None) -> str:
    """Three digits, or as many as stand before the point; a dash for no number."""
    if value is None:
        return NOTHING
    return f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}" if value >= 1e-3 else "<0.001"


def milli(seconds: float | None) -> str:
    """A time in milliseconds."""
    return digits(None if seconds is None else seconds * 1000)


def count(number: float | None) -> str:
    """A number in three digits, thousands and millions by letter."""
    if number is None:
        return NOTHING
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{digits(number / size)}{letter}"
    return str(number) if isinstance(number, int) else digits(number)


def bounded(costs: BenchCosts) -> bool:
    """Whether there were enough repetitions for the p99 to mean something."""
    return costs.latency_p99 is None or costs.latency_p99_high is not None


def p99(costs: BenchCosts) -> str:
    """A p99 in milliseconds, marked where too few repetitions bound it."""
    return milli(costs.latency_p99) + ("" if bounded(costs) else UNBOUNDED)


def cell(row: Row, say: Callable[[BenchCosts], str]) -> str:
    """What is said of a row's costs, a dash where none were measured."""
    return NOTHING if row.costs is None else say(row.costs)


TERMINAL: dict[str, Callable[[BenchCosts], str]] = {
    "p50 ms": lambda costs: milli(costs.latency_p50),
    "p99 ms": p99,
    "fit s": lambda costs: digits(costs.training_seconds),
}
MARKDOWN: dict[str, Callable[[BenchCosts], str]] = {
    "p99 ms": p99,
    "/s": lambda costs: count(costs.throughput),
    "MB": lambda costs: count(None if costs.memory is None else round(costs.memory / 1e6)),
}


def unbounded_line(standings: Standings) -> list[str]:
    """What the mark at a p99 means, where there is one."""
    some = any(row.costs is not None and not bounded(row.costs) for row in standings.rows)
    return [f"{UNBOUNDED} too few repetitions to bound the p99 from above"] if some else []


def csv_cells(row: Row) -> list[str]:
    """All figures of a row, in seconds, bytes and joules."""
    values = [None if row.costs is None else getattr(row.costs, name) for name in FIGURES]
    return ["" if value is None else str(value) for value in values]
