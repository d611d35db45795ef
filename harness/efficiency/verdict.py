"""Whether costs are within a budget: by the 95 % intervals of figures, and by how steady the machine was.

A figure that varies between repetitions meets a limit only if its whole interval does. Other work on a machine makes
times longer and rates lower. Where it varied while a forecaster was measured, the figures may be those of the other
work, and only a verdict that they do not depend on is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from harness.efficiency.budget import (
    ALIASES,
    OPERATORS,
    VARYING,
    Budget,
    Limit,
    format_quantity,
    quantity_with_interval,
)
from harness.results.costs import BenchCosts

PERCENTILES = ("latency_p50", "latency_p90", "latency_p99")  # which need calls, not repetitions alone
FASTEST = "latency_p50"  # the percentile that other work on the machine affects least
MAX_UNREST = 0.5  # variation of the machine's speed from which on it counts as busy
MOST_NEEDED = 100  # repetitions; more are not suggested
BETTER = {figure.name: figure.metadata.get("better") for figure in fields(BenchCosts)}
Kind = Literal["met", "not met", "busy", "undecided", "not measured"]


@dataclass(frozen=True)
class Verdict:
    """Whether costs are within all limits of a budget; if not, why, and what would decide it.

    It is "busy" where the machine was too busy to decide, and "undecided" where an interval contains a limit.
    """

    kind: Kind
    reason: str = ""
    remedy: str = ""


def verdict(costs: BenchCosts | None, budget: Budget) -> Verdict:
    """Whether costs keep within a budget: not if they exceed one limit; undecided if one of them is undecided."""
    if costs is None:
        return Verdict("not measured")
    verdicts = [_verdict(costs, limit) for limit in budget]
    for kind in ("not met", "busy", "undecided"):
        found = [verdict for verdict in verdicts if verdict.kind == kind]
        if found:
            return found[0]
    return Verdict("met")


def _verdict(costs: BenchCosts, limit: Limit) -> Verdict:
    quantity = ALIASES.get(limit.quantity, limit.quantity)
    found = _by_interval(costs, quantity, limit)
    unrest = costs.unrest or 0.0
    if quantity not in VARYING or unrest <= MAX_UNREST or _holds_when_idle(costs, quantity, limit, found):
        return found
    figure = found.reason.removesuffix(f", not {limit.bound}") or _figure(costs, quantity)
    remedy = "measure again when it is idle, with `harness bench --fresh`"
    return Verdict("busy", f"{figure}; the machine's speed varied by up to {unrest:.0%}", remedy)


def _by_interval(costs: BenchCosts, quantity: str, limit: Limit) -> Verdict:
    """The verdict if the machine was steady."""
    value, compare = getattr(costs, quantity), OPERATORS[limit.comparison]
    if value is None:
        return Verdict("not met", _missing(costs, quantity))
    ends = costs.ends(quantity) if quantity in VARYING else (value, value)
    low_meets, high_meets = (None if end is None else compare(end, limit.value) for end in ends)
    best_meets, worst_meets = (low_meets, high_meets) if limit.comparison.startswith("<") else (high_meets, low_meets)
    if worst_meets:
        return Verdict("met")
    if best_meets is False:
        return Verdict("not met", f"{_figure(costs, quantity)}, not {limit.bound}")
    return Verdict("undecided", _figure(costs, quantity), _remedy(costs, quantity, limit))


def _holds_when_idle(costs: BenchCosts, quantity: str, limit: Limit, found: Verdict) -> bool:
    """Whether a verdict on figures of a busy machine holds on an idle one, which is faster or as fast.

    A latency that exceeds a limit does so on an idle machine if even the p50 exceeds it: other work delays some calls
    by much, but rarely half of them.
    """
    if getattr(costs, quantity) is None:
        return costs.server_bound is None or quantity != "server_rate"
    wants_fast = (BETTER[quantity] == "lower") == limit.comparison.startswith("<")
    if not wants_fast:
        return found.kind == "not met"
    if found.kind == "not met" and quantity in PERCENTILES:
        fastest = costs.ends(FASTEST)[0] or getattr(costs, FASTEST)
        return fastest is not None and not OPERATORS[limit.comparison](fastest, limit.value)
    return found.kind == "met"


def _figure(costs: BenchCosts, quantity: str) -> str:
    return f"{quantity} is {quantity_with_interval(costs, quantity)}"


def _missing(costs: BenchCosts, quantity: str) -> str:
    """Why a quantity has no value."""
    if quantity == "server_rate" and costs.server_bound is not None:
        return f"no rate keeps a p99 of {format_quantity('latency_p99', costs.server_bound)}"
    return f"{quantity} was not measured" + (f" ({costs.failure})" if costs.failure else "")


def _remedy(costs: BenchCosts, quantity: str, limit: Limit) -> str:
    """What would decide whether a limit is met."""
    if (costs.repetitions or 1) < 2:
        return "one repetition shows no variation; repeat `harness bench`"
    low, high = costs.ends(quantity)
    if low is None or high is None:
        if quantity not in PERCENTILES:
            return "it was not measured in enough repetitions; repeat `harness bench`"
        return "too few calls in each repetition; give `harness bench` more --seconds"
    needed = _repetitions_needed(costs, quantity, limit)
    if needed is None:
        return f"it is too close to the limit for {MOST_NEEDED} repetitions to decide"
    return f"about {needed} repetitions in all would decide: {_how_to_get(needed, costs)}"


def _how_to_get(needed: int, costs: BenchCosts) -> str:
    """How to get this number of repetitions: by runs of equal size, which give the most reliable intervals."""
    done, runs = costs.repetitions or 1, costs.runs or 1
    times = math.ceil((needed - done) / (done / runs))
    again = "once more" if times == 1 else f"{times} more times"
    return f"run the same `harness bench` command {again}, which adds its repetitions to these {done}"


def _repetitions_needed(costs: BenchCosts, quantity: str, limit: Limit) -> int | None:
    """The number of repetitions at which the interval would exclude the limit if the figure stayed; None: too many.

    The width of an interval falls with the root of their number.
    """
    low, high = costs.ends(quantity)
    value = getattr(costs, quantity)
    if not low or not high or limit.value <= 0 or value == limit.value:
        return None
    width, distance = math.log(high / low) / 2, abs(math.log(value / limit.value))
    needed = math.ceil((costs.repetitions or 1) * (width / distance) ** 2)
    return max(needed, (costs.repetitions or 1) + 1) if needed <= MOST_NEEDED else None
