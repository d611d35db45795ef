"""What a forecaster costs: its figures as JSON, its latencies as a histogram, and skill against cost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from harness import Bench, BenchCosts, Standings, stored_bench
from harness_mlflow.charts import Band, Chart, Line, picture

BENCH, LATENCY, PARETO = "bench.json", "latency.svg", "pareto.svg"  # the artifacts
BINS, FRONT, OTHER = "#1b6b72", "#1b6b72", "#8a8a8a"
PERCENTILES = {"p50": "#1b1b1b", "p90": "#b08a1e", "p99": "#c8552b"}
Units = tuple[tuple[str, float], ...]  # what they are called, and their sizes, the largest first
PLAIN: Units = (("", 1.0),)
COUNTS: Units = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))
TIMES: Units = ((" s", 1.0), (" ms", 1e-3), (" µs", 1e-6), (" ns", 1e-9))
PARETO_COSTS = {  # what it is called, how it is said, and whether more of it is dear
    "latency_p99": ("p99 of one window", TIMES, 1),
    "throughput": ("forecasts a second, many windows at once, more to the left", COUNTS, -1),
    "training_seconds": ("one fit", TIMES, 1),
}
WIDTH = 800  # pixels
Point = tuple[float, float, str]  # logarithm of the cost, skill, forecaster


def write_costs(folder: Path, heading: str, home: Path, costs: BenchCosts | None) -> None:
    """Write a forecaster's figures and its latencies; those that there were before are replaced, or taken away."""
    bench = None if costs is None else stored_bench(home, costs)
    texts = {BENCH: "", LATENCY: ""}
    if bench is not None:
        texts = {BENCH: json.dumps(bench.to_json(), indent=1), LATENCY: latency_picture(heading, bench)}
    for name, text in texts.items():
        if text:
            (folder / name).write_text(text, encoding="utf-8")
        else:
            (folder / name).unlink(missing_ok=True)


def latency_picture(heading: str, bench: Bench) -> str:
    """The latencies of single windows as a histogram on a logarithmic axis; empty where they are not known."""
    latency = bench.latency
    if latency is None or latency.histogram is None or latency.histogram.low <= 0:
        return ""
    bins = latency.histogram
    low, high = (math.log10(1000 * one) for one in (bins.low, bins.high))
    edges = np.linspace(low, high, len(bins.counts) + 1) if high > low else np.array([low - 0.01, low + 0.01])
    outline = np.repeat(edges, 2)[1:-1]
    heights = np.repeat(np.asarray(bins.counts, dtype=np.float64), 2)
    calls = Band(outline, np.zeros(len(heights)), heights, BINS, "calls")
    marks: list[Line | Band] = [calls, Line(outline, heights, BINS, "", 0.8)]
    for name, color in PERCENTILES.items():
        found = 1000 * getattr(latency, name).seconds
        at = np.full(2, math.log10(found))
        marks.append(Line(at, np.array([0.0, max(bins.counts)]), color, f"{name} {found:.3g} ms", 1.4, "4 3"))
    title = f"{latency.repetitions:,} calls of one window each, {bench.subject.task}"
    count = bench.conditions.threads
    threads = f"{count} thread{'s' if count > 1 else ''}"
    where = f"{bench.machine.processor}, {threads}, {bench.measured[:10]}"
    ticks = _decades(float(edges[0]), float(edges[-1]), PLAIN)
    chart = Chart(tuple(marks), (title, where), "ms", "calls", from_zero=True, x_ticks=ticks)
    return picture(heading, [[chart]], WIDTH, 330)


def pareto_picture(standings: Standings) -> str:
    """Skill against each cost, and who is beaten by nobody in both; empty where nothing was measured."""
    charts = [chart for quantity in PARETO_COSTS if (chart := _pareto(standings, quantity)) is not None]
    if not charts:
        return ""
    return picture(f"{standings.title}: skill against cost", [[chart] for chart in charts], WIDTH, 330)


def pareto_points(standings: Standings, quantity: str) -> list[Point]:
    """Where each forecaster stands whose cost and skill are known; the dear has the larger cost."""
    sign = PARETO_COSTS[quantity][2]
    return [
        (sign * math.log10(value), row.skill, row.forecaster)
        for row in standings.rows
        if row.costs is not None and (value := getattr(row.costs, quantity)) and math.isfinite(row.skill)
    ]


def front(points: Iterable[Point]) -> list[Point]:
    """Whom nobody beats, cheapest first: nobody is as cheap and better, or cheaper and as good."""
    found: list[Point] = []
    for one in sorted(points, key=lambda one: (one[0], -one[1])):
        if not found or one[1] > found[-1][1] or one[:2] == found[-1][:2]:
            found.append(one)
    return found


def _pareto(standings: Standings, quantity: str) -> Chart | None:
    """Skill against one cost, dear to the right."""
    label, units, sign = PARETO_COSTS[quantity]
    points = pareto_points(standings, quantity)
    if not points:
        return None
    best = front(points)
    steps = [best[0][:2]]
    for (_, below, _), (right, above, _) in pairwise(best):
        steps += [(right, below), (right, above)]
    last = max(place for place, _, _ in points)
    steps.append((last, best[-1][1]))
    (x, y), (across, upwards), (at, skills) = (
        np.array([one[:2] for one in found]).T for found in (points, steps, best)
    )
    marks = (
        Line(across, upwards, FRONT, "front: nobody costs less and is better", 1.2),
        Line(x, y, OTHER, "", 0.0, dots=True),
        Line(at, skills, FRONT, "", 0.0, dots=True),
    )
    low, high = sorted((sign * float(x.min()), sign * float(x.max())))
    ticks = tuple((sign * place, said) for place, said in _decades(low, high, units))
    names = (*best, *(one for one in points if one not in best))
    return Chart(marks, standings.cost_notes[:1], label, "skill", x_ticks=ticks, names=names)


def _decades(low: float, high: float, units: Units) -> tuple[tuple[float, str], ...]:
    """Ticks at 1, 2 and 5 times powers of ten, of logarithms; only at the powers where there are many."""
    factors = (1, 2, 5) if high - low < 2.5 else (1,)
    found = [
        math.log10(factor * 10.0**power) for power in range(math.floor(low), math.ceil(high) + 1) for factor in factors
    ]
    inside = [one for one in found if low - 1e-9 <= one <= high + 1e-9]
    return tuple((one, _said(10.0**one, units)) for one in inside or dict.fromkeys((low, high)))


def _said(value: float, units: Units) -> str:
    """A number of three digits in the largest unit that it fills."""
    name, size = next((unit for unit in units if value > unit[1] * (1 - 1e-9)), units[-1])
    return f"{float(f'{value / size:.3g}'):g}{name}"
