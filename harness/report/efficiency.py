"""What `harness bench` measured: a table for the terminal, CSV, and progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness.efficiency.board_costs import bench_costs
from harness.efficiency.budget import format_quantity
from harness.efficiency.record import part
from harness.efficiency.runner import BenchFinished, BenchStarted
from harness.report.column import WIDTH
from harness.report.costs import COSTS, Cost
from harness.report.numbers import NOTHING, UNBOUNDED, count, time
from harness.report.tables import csv_table
from harness.report.text import plain_text, visible

if TYPE_CHECKING:
    from rich.console import Console

    from harness.efficiency.record import Bench, Server
    from harness.results.costs import BenchCosts

NAME_WIDTH, FAILED_WIDTH = 22, 14
DISPENSABLE = ("param.", "start s", "MB")  # left out of the table in this order where there is no room; CSV has them
RATE = "rate"
UNREST = 0.1  # of the machine's speed during a measurement, from which on it is reported


def bench_title(benches: Sequence[Bench]) -> str:
    """The title of the table."""
    subject = benches[0].subject
    return f"What a forecast costs: {subject.task} ({subject.board})"


def bench_table(benches: Sequence[Bench]) -> Table:
    """The costs, at most 100 columns wide; columns in which nothing was measured are left out."""
    table = Table(header_style="bold", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("forecaster", no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
    rows = [_cells(bench) for bench in benches]
    headings = _headings(rows, max(cell_len(bench.subject.title) for bench in benches))
    for heading in headings:
        if heading == "failed":
            table.add_column(heading, overflow="fold", max_width=FAILED_WIDTH)
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for bench, row in zip(benches, rows, strict=True):
        name = plain_text(bench.subject.title, style="red" if bench.failures else "")
        table.add_row(name, *(plain_text(row[heading]) for heading in headings))
    return table


def _headings(rows: Sequence[Mapping[str, str]], name_width: int) -> list[str]:
    """The columns in which anything was measured, and for which there is room."""
    headings = [heading for heading in rows[0] if any(row[heading] != NOTHING for row in rows)]
    for dispensable in DISPENSABLE:
        if 2 + min(name_width, NAME_WIDTH) + sum(2 + _width(heading, rows) for heading in headings) > WIDTH:
            headings = [heading for heading in headings if heading != dispensable]
    return headings


def _width(heading: str, rows: Sequence[Mapping[str, str]]) -> int:
    widest = max(cell_len(text) for text in (heading, *(row[heading] for row in rows)))
    return min(widest, FAILED_WIDTH) if heading == "failed" else widest


def _cells(bench: Bench) -> dict[str, str]:
    """A row by heading; a dash where nothing was measured."""
    costs = bench_costs(bench)
    cells = {cost.bench: _with_interval(cost, costs) for cost in COSTS if cost.bench}
    return {**cells, RATE: part(bench.server, _rate) or NOTHING, "failed": _failures_text(list(bench.failures))}


def _with_interval(cost: Cost, costs: BenchCosts) -> str:
    return f"{cost.text(costs)} {cost.interval_text(costs, cost.unit.text)}".rstrip()


def _failures_text(scenarios: list[str]) -> str:
    """The scenarios in which it failed, in few words."""
    return f"{scenarios[0]}, {len(scenarios) - 1} more" if len(scenarios) > 1 else "".join(scenarios) or NOTHING


def _rate(server: Server) -> str:
    """The highest rate that met the bound, marked where too few answers bound its p99."""
    if server.rate is None:
        return "none"
    return count(server.rate) + ("" if server.p99.has_upper_bound else UNBOUNDED)


def bench_legend(benches: Sequence[Bench]) -> list[str]:
    """What the columns are, and on which machine the costs were measured."""
    first = benches[0]
    machine, conditions = first.machine, first.conditions
    lines = [
        f"{machine.processor}, {machine.cores} cores, {format_quantity('memory', machine.memory)}; "
        f"{conditions.threads} thread{'s' if conditions.threads > 1 else ''}",
        "p50, p99: one window at a time; /s: forecasts, many windows at once, the task's windows repeatedly",
        "start s: imports to first forecast, without the fit; MB: peak memory of the process",
    ]
    p99s = [part(bench.latency, lambda latency: latency.p99) for bench in benches]
    p99s += [bench.server.p99 for bench in benches if bench.server is not None and bench.server.rate is not None]
    if any(p99 is not None and not p99.has_upper_bound for p99 in p99s):
        lines.append(f"{UNBOUNDED} too few repetitions to bound the p99 from above; give more --seconds")
    if any(bench.energy is not None and bench.energy.joules is not None for bench in benches):
        lines.append("J: joules for 1,000 forecasts, by the counters of processors and GPUs")
    bound = next((bench.server.bound for bench in benches if bench.server is not None), None)
    if bound is not None:
        lines.append(f"rate: random arrivals a second at which 99 % are answered within {time(bound)}")
    return lines


def bench_remarks(benches: Sequence[Bench]) -> list[str]:
    """What belongs under the table: failures, bounds that were not met, unknown energy, an unsteady machine."""
    lines = []
    for bench in benches:
        title, server = bench.subject.title, bench.server
        lines += [f"{title} failed, {', '.join(scenarios)}: {why}" for why, scenarios in _by_reason(bench).items()]
        lines += [f"{title}: {note}" for note in bench.notes]
        lines += [_unmet_bound(title, server)] if server is not None and server.rate is None else []
    energies = [bench.energy for bench in benches if bench.energy is not None]
    unknown = dict.fromkeys(energy.unknown for energy in energies if energy.unknown)
    return [*lines, *(f"energy is unknown: {why}" for why in unknown), *_speed(benches)]


def _by_reason(bench: Bench) -> dict[str, list[str]]:
    scenarios: dict[str, list[str]] = {}
    for scenario, why in bench.failures.items():
        scenarios.setdefault(why, []).append(scenario)
    return scenarios


def _unmet_bound(title: str, server: Server) -> str:
    """That a bound was not met, and the best p99."""
    bound, best = time(server.bound), time(server.p99.seconds)
    if not server.trials:
        return f"{title} cannot meet {bound}: the p99 of one window at a time is {best} already"
    lowest = min(trial.rate for trial in server.trials)
    return f"{title} met {bound} at no rate that was tried, down to {count(lowest)}/s: its best p99 was {best}"


def _speed(benches: Sequence[Bench]) -> list[str]:
    """How fast the machine was during the measurements, and how steady."""
    medians = sorted(calibration.median for bench in benches for calibration in bench.calibrations)
    if not medians:
        return []
    line = f"the machine: a loop of fixed work took {time(medians[0])} to {time(medians[-1])}"
    unrest = max(bench.unrest for bench in benches if bench.unrest is not None)
    if unrest > UNREST:
        line += f"; its speed varied by up to {unrest:.0%} during a measurement: doubt smaller differences"
    return [line]


def bench_csv(benches: Iterable[Bench]) -> str:
    """One row a forecaster: every cost in seconds, bytes and joules, and the machine."""
    rows = [_csv_row(bench) for bench in benches]
    return csv_table(list(rows[0]) if rows else ["forecaster"], (row.values() for row in rows))


def _csv_row(bench: Bench) -> dict[str, object]:
    row = {"forecaster": bench.subject.title, "board": bench.subject.board, **asdict(bench_costs(bench))}
    row["calibration_loop"] = bench.loop
    row["repetitions"] = part(bench.latency, lambda latency: latency.repetitions)
    return row


class BenchProgress:
    """The progress of the measurements. It is drawn at events only, so as not to disturb them."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bar = Progress(
            *columns, console=console, transient=True, auto_refresh=False, disable=not console.is_terminal
        )
        self._task = self._bar.add_task("bench", total=total)

    def __enter__(self) -> BenchProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: BenchStarted | BenchFinished) -> None:
        """Show an event."""
        if isinstance(event, BenchStarted):
            self._bar.update(self._task, description=visible(f"{event.title}: {event.scenario}"))
        else:
            self._bar.update(self._task, completed=event.number)
        self._bar.refresh()
