"""What forecasts cost: a table for the terminal, CSV, and the line that tells who is being measured."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from harness.efficiency.board_costs import bench_costs
from harness.efficiency.budget import format_quantity
from harness.efficiency.record import part
from harness.efficiency.runner import BenchFinished, BenchStarted
from harness.report.numbers import NOTHING, UNBOUNDED, count, milliseconds, significant

if TYPE_CHECKING:
    from rich.console import Console

    from harness.efficiency.record import Bench, Percentile, Server

WIDTH, NAME_WIDTH, FAILED_WIDTH = 100, 22, 14
SPARE = ("param.", "start s", "MB")  # left out of the table in this order where there is no room; CSV has them
UNREST = 0.1  # of the machine's speed between the moments of a run, from which on it is said
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


def bench_title(benches: Sequence[Bench]) -> str:
    """What stands above the table."""
    subject = benches[0].subject
    return f"What a forecast costs: {subject.task} ({subject.board})"


def bench_table(benches: Sequence[Bench]) -> Table:
    """The figures, fit for 100 columns; columns that nobody has a figure for are left out."""
    table = Table(
        header_style="bold",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("forecaster", no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
    rows = [_cells(one) for one in benches]
    shown = [heading for heading in rows[0] if any(row[heading] != NOTHING for row in rows)]
    names = min(max(cell_len(one.subject.title) for one in benches), NAME_WIDTH)
    for spare in SPARE:
        if 2 + names + sum(2 + _width(heading, rows) for heading in shown) > WIDTH:
            shown = [heading for heading in shown if heading != spare]
    for heading in shown:
        if heading == "failed":
            table.add_column(heading, overflow="fold", max_width=FAILED_WIDTH)
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for bench, row in zip(benches, rows, strict=True):
        name = Text(bench.subject.title, style="red" if bench.failures else "")
        table.add_row(name, *(row[heading] for heading in shown))
    return table


def _width(heading: str, rows: Sequence[Mapping[str, str]]) -> int:
    most = max(cell_len(said) for said in (heading, *(row[heading] for row in rows)))
    return min(most, FAILED_WIDTH) if heading == "failed" else most


def _cells(bench: Bench) -> dict[str, str]:
    """A row by heading; a dash is what was not measured."""
    return {
        "p50 ms": milliseconds(part(bench.latency, lambda one: one.p50.seconds)),
        "p99 ms [95 %]": _interval(part(bench.latency, lambda one: one.p99)),
        "/s": count(part(bench.throughput, lambda one: one.best.forecasts_per_second)),
        "start s": significant(part(bench.start, lambda one: one.seconds)),
        "fit s": significant(part(bench.training, lambda one: one.seconds)),
        "MB": count(part(bench.memory, lambda one: round(one.peak / 1e6))),
        "param.": count(part(bench.size, lambda one: one.parameters)),
        "J": significant(part(bench.energy, lambda one: one.joules)),
        "rate": part(bench.server, _rate) or NOTHING,
        "failed": _failed(list(bench.failures)),
    }


def _failed(scenarios: list[str]) -> str:
    """Where it failed, in few words."""
    return f"{scenarios[0]}, {len(scenarios) - 1} more" if len(scenarios) > 1 else "".join(scenarios) or NOTHING


def _rate(server: Server) -> str:
    """The highest rate that kept the bound, marked where too few answers bound its p99."""
    if server.rate is None:
        return "none"
    return count(server.rate) + ("" if server.p99.bounded else UNBOUNDED)


def bench_legend(benches: Sequence[Bench]) -> list[str]:
    """What the figures are, and whose."""
    first = benches[0]
    machine, conditions = first.machine, first.conditions
    lines = [
        f"{machine.processor}, {machine.cores} cores, {format_quantity('memory', machine.memory)}; "
        f"{conditions.threads} thread{'s' if conditions.threads > 1 else ''}",
        "p50, p99: one window at a time; /s: forecasts, many windows at once, those of the task again and again",
        "start s: imports to first forecast, without the fit; MB: the process at its peak",
    ]
    p99s = [part(one.latency, lambda latency: latency.p99) for one in benches]
    p99s += [one.server.p99 for one in benches if one.server is not None and one.server.rate is not None]
    if any(one is not None and not one.bounded for one in p99s):
        lines.append(f"{UNBOUNDED} too few repetitions to bound the p99 from above; give more --seconds")
    if any(one.energy is not None and one.energy.joules is not None for one in benches):
        lines.append("J: joules for 1,000 forecasts, by the counters of the whole machine")
    bound = next((one.server.bound for one in benches if one.server is not None), None)
    if bound is not None:
        lines.append(f"rate: random arrivals a second at which 99 % are answered within {_time(bound)}")
    return lines


def bench_remarks(benches: Sequence[Bench]) -> list[str]:
    """What belongs under the table: failures, bounds that cannot be met, unknown energy, a restless machine."""
    lines = []
    for one in benches:
        title = one.subject.title
        lines += [f"{title} failed, {', '.join(where)}: {why}" for why, where in _by_reason(one).items()]
        lines += [f"{title}: {note}" for note in one.notes]
        lines += _cannot_meet(title, one.server) if one.server is not None and one.server.rate is None else []
    unknown = dict.fromkeys(one.energy.unknown for one in benches if one.energy is not None and one.energy.unknown)
    lines += [f"energy is unknown: {why}" for why in unknown]
    return [*lines, *_speed(benches)]


def _by_reason(bench: Bench) -> dict[str, list[str]]:
    scenarios: dict[str, list[str]] = {}
    for scenario, why in bench.failures.items():
        scenarios.setdefault(why, []).append(scenario)
    return scenarios


def _cannot_meet(title: str, server: Server) -> list[str]:
    """That a bound cannot be met, with the best that was reached."""
    bound, best = _time(server.bound), _time(server.p99.seconds)
    if not server.trials:
        return [f"{title} cannot meet {bound}: the p99 of one window at a time is {best} already"]
    lowest = min(one.rate for one in server.trials)
    return [f"{title} met {bound} at no rate that was tried, down to {count(lowest)}/s: its best p99 was {best}"]


def _speed(benches: Sequence[Bench]) -> list[str]:
    """How fast the machine was meanwhile, and how steady."""
    medians = sorted(one.median for bench in benches for one in bench.calibrations)
    if not medians:
        return []
    said = f"the machine: a loop of fixed work took {_time(medians[0])} to {_time(medians[-1])}"
    unrest = max(one.unrest for one in benches if one.unrest is not None)
    if unrest > UNREST:
        said += f"; its speed moved by up to {unrest:.0%} while one was measured: doubt smaller differences"
    return [said]


def bench_csv(benches: Iterable[Bench]) -> str:
    """One row a forecaster: every figure in seconds, bytes and joules, and the machine."""
    file = io.StringIO()
    rows = [_row(one) for one in benches]
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["forecaster"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _row(bench: Bench) -> dict[str, object]:
    costs = dataclasses.asdict(bench_costs(bench))
    named = {"forecaster": bench.subject.title, "board": bench.subject.board, **costs}
    named["calibration_loop"] = bench.loop
    named["repetitions"] = part(bench.latency, lambda one: one.repetitions)
    return {name: "" if value is None else value for name, value in named.items()}


def _time(seconds: float) -> str:
    """A time and the unit that suits it."""
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= size), UNITS[-1])
    return f"{significant(seconds / size)} {unit}"


def _interval(p99: Percentile | None) -> str:
    """A percentile and the ends of its interval in milliseconds."""
    if p99 is None:
        return NOTHING
    high, mark = ("…", UNBOUNDED) if p99.high is None else (milliseconds(p99.high), "")
    return f"{milliseconds(p99.seconds)}{mark} [{milliseconds(p99.low)}, {high}]"


class BenchProgress:
    """A line that tells who is being measured. It moves only when told to, so as not to disturb."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        columns = TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn()
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
        """Take an event in."""
        if isinstance(event, BenchStarted):
            self._bar.update(self._task, description=f"{event.title}: {event.scenario}")
        else:
            self._bar.update(self._task, completed=event.number)
        self._bar.refresh()
