"""Measured costs: figures as JSON, latencies as a histogram, and charts of skill against cost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from harness import Bench, BenchCosts, Column, Floats, Standings, standings_columns, stored_bench
from harness_mlflow.charts import Band, Chart, Line, picture

BENCH, LATENCY, PARETO = "bench.json", "latency.svg", "pareto.svg"  # the artifacts
BINS, FRONT, OTHER = "#1b6b72", "#1b6b72", "#8a8a8a"
PERCENTILES = {"p50": "#1b1b1b", "p90": "#b08a1e", "p99": "#c8552b"}
Units = tuple[tuple[str, float], ...]  # what they are called, and their sizes, the largest first
PLAIN: Units = (("", 1.0),)
COUNTS: Units = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))
TIMES: Units = ((" s", 1.0), (" ms", 1e-3), (" µs", 1e-6), (" ns", 1e-9))
UNITS = {"seconds": TIMES}  # of the axis by the unit of a cost; others are counts
WIDTH = 800  # pixels
Point = tuple[float, float, str]  # logarithm of the cost, skill, forecaster


def write_costs(folder: Path, heading: str, home: Path, costs: BenchCosts | None) -> None:
    """Write a forecaster's figures and its latencies in place of former ones; without costs, remove these."""
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
    """The latencies of single windows as a histogram on a logarithmic axis; empty where they are unknown."""
    latency = bench.latency
    if latency is None or latency.histogram is None or latency.histogram.low <= 0:
        return ""
    counts = latency.histogram.counts
    edges = _bin_edges(latency.histogram.low, latency.histogram.high, len(counts))
    outline, heights = np.repeat(edges, 2)[1:-1], np.repeat(np.asarray(counts, dtype=np.float64), 2)
    marks: list[Line | Band] = [Band(outline, np.zeros(len(heights)), heights, BINS, "calls")]
    marks.append(Line(outline, heights, BINS, "", 0.8))
    for name, color in PERCENTILES.items():
        milliseconds = 1000 * getattr(latency, name).seconds
        x = np.full(2, math.log10(milliseconds))
        marks.append(Line(x, np.array([0.0, max(counts)]), color, f"{name} {milliseconds:.3g} ms", 1.4, "4 3"))
    ticks = _decades(float(edges[0]), float(edges[-1]), PLAIN)
    chart = Chart(tuple(marks), _conditions(bench), "ms", "calls", from_zero=True, x_ticks=ticks)
    return picture(heading, [[chart]], WIDTH, 330)


def _bin_edges(low: float, high: float, count: int) -> Floats:
    """Edges of the bins, as logarithms of milliseconds; a single latency has a narrow bin."""
    first, last = math.log10(1000 * low), math.log10(1000 * high)
    return np.linspace(first, last, count + 1) if last > first else np.array([first - 0.01, first + 0.01])


def _conditions(bench: Bench) -> tuple[str, str]:
    """The lines above the histogram: what was measured, and where."""
    assert bench.latency is not None
    threads = bench.conditions.threads
    repetitions = f"{bench.repetitions} repetition{'s' if bench.repetitions > 1 else ''}"
    return (
        f"{bench.latency.calls:,} calls of one window each in {repetitions}, {bench.subject.task}",
        f"{bench.machine.processor}, {threads} thread{'s' if threads > 1 else ''}, {bench.measured[:10]}",
    )


def pareto_picture(standings: Standings) -> str:
    """A chart of skill against each important cost, with its Pareto front; empty where nothing was measured."""
    charts = [_pareto(standings, cost) for cost in pareto_costs(standings) if pareto_points(standings, cost)]
    if not charts:
        return ""
    return picture(f"{standings.title}: skill against cost", [[chart] for chart in charts], WIDTH, 330)


def pareto_costs(standings: Standings) -> list[Column]:
    """The measured costs that have a chart."""
    return [column for column in standings_columns(standings) if column.unit and column.important]


def pareto_points(standings: Standings, cost: Column) -> list[Point]:
    """The forecasters whose cost and skill are known; more expensive ones are farther right."""
    return [
        (_direction(cost) * math.log10(value), row.skill, row.forecaster)
        for row in standings.rows
        if (value := cost.number(row)) > 0 and math.isfinite(row.skill)
    ]


def _direction(cost: Column) -> int:
    """1 where less is better, −1 where more is."""
    return 1 if cost.best_first == "ascending" else -1


def pareto_front(points: Iterable[Point]) -> list[Point]:
    """The points that no other dominates, cheapest first: none is as cheap and better, or cheaper and as good."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or point[1] > front[-1][1] or point[:2] == front[-1][:2]:
            front.append(point)
    return front


def _pareto(standings: Standings, cost: Column) -> Chart:
    """Skill against one cost."""
    points = pareto_points(standings, cost)
    front = pareto_front(points)
    x, y = _coordinates(points)
    marks = (
        Line(*_coordinates(_steps(front, max(x))), FRONT, "Pareto front: no other costs less and is better", 1.2),
        Line(x, y, OTHER, "", 0.0, dots=True),
        Line(*_coordinates(front), FRONT, "", 0.0, dots=True),
    )
    direction = _direction(cost)
    low, high = sorted((direction * float(x.min()), direction * float(x.max())))
    ticks = tuple((direction * tick, label) for tick, label in _decades(low, high, UNITS.get(cost.unit, COUNTS)))
    names = (*front, *(point for point in points if point not in front))
    label = cost.meaning if direction == 1 else f"{cost.meaning}, more to the left"
    return Chart(marks, standings.cost_notes[:1], label, "skill", x_ticks=ticks, names=names)


def _steps(front: Sequence[Point], last: float) -> list[tuple[float, float]]:
    """The corners of the line that joins a front, prolonged to the last point."""
    corners = [front[0][:2]]
    for (_, below, _), (right, above, _) in pairwise(front):
        corners += [(right, below), (right, above)]
    return [*corners, (last, front[-1][1])]


def _coordinates(points: Sequence[Point] | Sequence[tuple[float, float]]) -> tuple[Floats, Floats]:
    return np.array([point[0] for point in points]), np.array([point[1] for point in points])


def _decades(low: float, high: float, units: Units) -> tuple[tuple[float, str], ...]:
    """Ticks at 1, 2 and 5 times powers of ten, of logarithms; only at the powers where there are many."""
    factors = (1, 2, 5) if high - low < 2.5 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks = [math.log10(factor * 10.0**power) for power in powers for factor in factors]
    inside = [tick for tick in ticks if low - 1e-9 <= tick <= high + 1e-9]
    return tuple((tick, _label(10.0**tick, units)) for tick in inside or dict.fromkeys((low, high)))


def _label(value: float, units: Units) -> str:
    """A number of three digits in the largest unit that it fills."""
    name, size = next((unit for unit in units if value > unit[1] * (1 - 1e-9)), units[-1])
    return f"{float(f'{value / size:.3g}'):g}{name}"
