"""Measured costs on the page: which there are, what they mean, and how they are said."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.report.numbers import NOTHING, UNBOUNDED, count
from harness.report.page.numbers import seconds
from harness.results.costs import BenchCosts
from harness.results.standings import Standings


@dataclass(frozen=True)
class Cost:
    """A cost: where it is found, and how it is called."""

    quantity: str  # of the measured costs
    heading: str
    meaning: str
    kind: str  # seconds, rate or bytes: how the script says it
    say: Callable[[float], str]
    more: bool = False  # whether more is better

    def of(self, costs: BenchCosts | None) -> float | None:
        """Its value; None where it was not measured."""
        return None if costs is None else getattr(costs, self.quantity)

    def said(self, costs: BenchCosts | None) -> str:
        """Its value in words, a dash where it was not measured."""
        value = self.of(costs)
        if costs is None or value is None:
            return NOTHING
        return self.say(value) + ("" if self.quantity != "latency_p99" or bounded(costs) else UNBOUNDED)

    def interval(self, costs: BenchCosts | None) -> str:
        """The interval of a p99; nothing for the others."""
        if costs is None or self.quantity != "latency_p99" or costs.latency_p99_low is None:
            return ""
        high = "…" if costs.latency_p99_high is None else seconds(costs.latency_p99_high)
        return f"[{seconds(costs.latency_p99_low)}, {high}]"


def bounded(costs: BenchCosts) -> bool:
    """Whether there were enough repetitions for the p99 to mean something."""
    return costs.latency_p99 is None or costs.latency_p99_high is not None


def _bytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


COSTS = (
    Cost(
        "latency_p99",
        "p99",
        "latency of one window at a time: 99 % take no longer; with its 95 % interval",
        "seconds",
        seconds,
    ),
    Cost("latency_p50", "p50", "latency of one window at a time: half of them take no longer", "seconds", seconds),
    Cost("throughput", "Forecasts / s", "forecasts a second, many windows at once", "rate", count, more=True),
    Cost("training_seconds", "Fit", "seconds of one fit, imports apart", "seconds", seconds),
    Cost("memory", "Memory", "of the process at its peak, Python and the data in it", "bytes", _bytes),
)


def cost_data(standings: Standings) -> dict[str, Any]:
    """What the script draws from: the costs, and the values of each row."""
    if not standings.measured:
        return {"kinds": [], "rows": []}
    kinds = [
        {"name": one.quantity, "heading": one.heading, "meaning": one.meaning, "kind": one.kind, "more": one.more}
        for one in COSTS
    ]
    return {"kinds": kinds, "rows": [[_number(one.of(row.costs)) for one in COSTS] for row in standings.rows]}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")
