"""The measured costs of a forecaster: one entry each, from which every view takes its column."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.report.numbers import (
    NOTHING,
    UNBOUNDED,
    count,
    duration,
    megabytes,
    milliseconds,
    significant,
)
from harness.report.standings.column import Cell, Column, Data, Table
from harness.results.costs import BenchCosts
from harness.results.standings import Standings


@dataclass(frozen=True)
class Unit:
    """How numbers of a unit are written."""

    kind: str  # seconds, rate, bytes, joules or number: how the page's script writes it
    text: Callable[[float | None], str]  # where the heading says the unit
    with_unit: Callable[[float], str]
    suffix: str = ""  # of the metric's name in MLflow, which shows bare numbers
    factor: float = 1.0  # of the metric's value in MLflow


MILLISECONDS = Unit("seconds", milliseconds, duration, "_ms", 1000.0)
SECONDS = Unit("seconds", significant, duration)
RATE = Unit("rate", count, count)
MEMORY = Unit("bytes", megabytes, lambda size: f"{size / 1e6:,.0f} MB", "_mib", 2.0**-20)
FILE = replace(MEMORY, suffix="", factor=1.0)
NUMBER = Unit("number", count, count)
JOULES = Unit("joules", significant, lambda energy: f"{significant(energy)} J")
NO_UPPER_END = "too few repetitions, or too few calls in each, to bound the p99 from above"
FIELDS = {field.name: field for field in dataclasses.fields(BenchCosts)}


def times_caveat(standings: Standings) -> str:
    """What limits the times that runs have without a measurement, as the end of a sentence."""
    machines = len(standings.machines)
    return f"not comparable, as {machines} kinds of machines ran the cells" if machines > 1 else "indicative"


@dataclass(frozen=True)
class Cost:
    """A measured cost: a field of BenchCosts, and its heading in each view that shows it."""

    name: str  # of the field; in CSV and data frames too
    meaning: str
    unit: Unit
    terminal: str = ""  # headings; empty: not shown
    markdown: str = ""
    page: str = ""
    bench: str = ""
    interval: bool = False  # whether there are fields of its 95 % interval
    metric: bool = True  # whether MLflow has it
    important: bool = False  # whether the table of a board in MLflow shows it

    @property
    def more(self) -> bool:
        """Whether more is better."""
        return bool(FIELDS[self.name].metadata["better"] == "higher")

    def value(self, costs: BenchCosts | None) -> float | None:
        """The cost, None where it was not measured."""
        found: float | None = None if costs is None else getattr(costs, self.name)
        return found

    def ends(self, costs: BenchCosts | None) -> tuple[float | None, float | None]:
        """The ends of its interval; None is an end that is unknown."""
        if costs is None or not self.interval:
            return None, None
        return getattr(costs, f"{self.name}_low"), getattr(costs, f"{self.name}_high")

    def has_upper_bound(self, costs: BenchCosts | None) -> bool:
        """Whether the upper end of its interval is known, if it has one."""
        return not self.interval or self.value(costs) is None or self.ends(costs)[1] is not None

    def text(self, costs: BenchCosts | None) -> str:
        """The cost without its unit, marked where its upper end is unknown; a dash where it was not measured."""
        return self.unit.text(self.value(costs)) + self._mark(costs)

    def with_unit(self, costs: BenchCosts | None) -> str:
        """The cost with its unit, marked where its upper end is unknown; a dash where it was not measured."""
        value = self.value(costs)
        return NOTHING if value is None else self.unit.with_unit(value) + self._mark(costs)

    def interval_text(self, costs: BenchCosts | None, text: Callable[[float], str] | None = None) -> str:
        """The interval in brackets, with units unless another `text` is given; empty where there is none."""
        write = text or self.unit.with_unit
        low, high = self.ends(costs)
        return "" if low is None else f"[{write(low)}, {'…' if high is None else write(high)}]"

    def _mark(self, costs: BenchCosts | None) -> str:
        return "" if self.has_upper_bound(costs) else UNBOUNDED


COSTS = (
    Cost(
        "latency_p50",
        "latency of one window at a time: half of them take no longer",
        MILLISECONDS,
        terminal="p50 ms",
        page="p50",
        bench="p50 ms",
    ),
    Cost("latency_p90", "latency of one window at a time: 90 % take no longer", MILLISECONDS),
    Cost(
        "latency_p99",
        "latency of one window at a time: 99 % take no longer",
        MILLISECONDS,
        terminal="p99 ms",
        markdown="p99 ms",
        page="p99",
        bench="p99 ms [95 %]",
        interval=True,
        important=True,
    ),
    Cost("latency_p99_low", "lower end of the p99's 95 % interval", MILLISECONDS),
    Cost("latency_p99_high", "upper end of the p99's 95 % interval", MILLISECONDS),
    Cost(
        "throughput",
        "forecasts a second, many windows at once",
        RATE,
        markdown="/s",
        page="Forecasts / s",
        bench="/s",
        important=True,
    ),
    Cost("points_per_second", "forecast values a second, many windows at once", RATE),
    Cost("start_seconds", "imports to first forecast in a fresh process, without the fit", SECONDS, bench="start s"),
    Cost(
        "training_seconds",
        "seconds of one fit, without imports",
        SECONDS,
        terminal="1 fit s",
        page="One fit",
        bench="1 fit s",
        important=True,
    ),
    Cost("training_samples_per_second", "observations of the training data a second", RATE),
    Cost(
        "memory",
        "of the process at its peak, Python and the data in it",
        MEMORY,
        markdown="MB",
        page="Memory",
        bench="MB",
    ),
    Cost("memory_increase", "peak memory of the process beyond that after imports", MEMORY),
    Cost("device_memory", "peak memory allocated on the GPU", MEMORY),
    Cost("parameters", "number of parameters of the model", NUMBER, bench="param."),
    Cost("model_bytes", "size of the model", FILE),
    Cost("energy", "joules for 1,000 forecasts", JOULES, bench="J"),
    Cost("server_rate", "random arrivals a second whose p99 stays below the bound", RATE, bench="rate"),
    Cost("server_bound", "the bound of the p99 for that rate", MILLISECONDS),
    Cost("unrest", "how much the machine's speed varied during the measurement", NUMBER, metric=False),
    Cost("repetitions", "fresh processes in which it was measured", NUMBER, metric=False),
)
FIGURES = ("machine", *sorted((cost.name for cost in COSTS), key=list(FIELDS).index))  # in the order of the record


def p99_footnote(standings: Standings) -> list[str]:
    """What the mark at a p99 means, where there is one."""
    some = any(not cost.has_upper_bound(row.costs) for row in standings.rows for cost in COSTS)
    return [f"{UNBOUNDED} {NO_UPPER_END}"] if some else []


def cost_columns(standings: Standings) -> list[Column]:
    """The columns of what `harness bench` measured."""
    views: tuple[Data, ...] = ("csv", "frame") if standings.measured else ()
    machine = Column(
        "machine",
        "identifier of the machine on which costs were measured",
        lambda row: None if row.costs is None else row.costs.machine,
        dict.fromkeys(views, "machine"),
        unit="identifier",
    )
    return [machine, *(_column(cost, views, standings.measured) for cost in COSTS)]


def _column(cost: Cost, views: tuple[Data, ...], measured: bool) -> Column:
    headings: dict[Table, str] = {"terminal": cost.terminal, "markdown": cost.markdown}
    tables: dict[Table, tuple[Cell, ...]] = {
        view: (Cell(heading, lambda row: cost.text(row.costs), priority=4),)
        for view, heading in headings.items()
        if heading
    }
    if cost.page:
        page = Cell(cost.page, lambda row: cost.with_unit(row.costs), style="number seconds")
        tables["page"] = (replace(page, interval=lambda row: cost.interval_text(row.costs)),)
    return Column(
        cost.name,
        cost.meaning,
        lambda row: cost.value(row.costs),
        {**dict.fromkeys(views, cost.name), **({"metric": cost.name + cost.unit.suffix} if cost.metric else {})},
        tables if measured else {},
        "descending" if cost.more else "ascending",
        important=cost.important and measured,
        unit=cost.unit.kind,
        factor=cost.unit.factor,
    )
