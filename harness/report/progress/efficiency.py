"""What `harness bench` measured: a table for the terminal, and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table

from harness.efficiency.board_costs import DIFFERED, bench_costs
from harness.efficiency.budget import format_quantity
from harness.efficiency.record import part
from harness.report.numbers import NOTHING, UNBOUNDED, count, plural, time
from harness.report.standings.column import WIDTH
from harness.report.standings.costs import COSTS, NO_UPPER_END, Cost
from harness.report.tables import csv_table
from harness.report.text import plain_text

if TYPE_CHECKING:
    from harness.efficiency.record import Bench, Server
    from harness.results.costs import BenchCosts

NAME_WIDTH, FAILED_WIDTH = 22, 14
# left out of the table in this order where there is no room; CSV has them
DISPENSABLE = ("param.", "start s", "MB", "J", "1 fit s", "/s")
RATE = "rate"
NO_INTERVAL = "one repetition, or one that met the bound at no rate or had fewer than 100 answers in its longer trial"
UNREST = 0.1  # of the machine's speed during the measurements, from which on it is reported


def bench_title(benches: Sequence[Bench]) -> str:
    """The title of the table."""
    subject = benches[0].subject
    return f"What a forecast costs: {subject.task} ({subject.board})"


def bench_table(benches: Sequence[Bench], width: int = WIDTH) -> Table:
    """The costs, within this width if possible; columns in which nothing was measured are left out."""
    table = Table(header_style="bold", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("forecaster", overflow="fold", max_width=NAME_WIDTH)
    rows = [_cells(bench) for bench in benches]
    headings = _headings(rows, max(cell_len(bench.subject.title) for bench in benches), width)
    for heading in headings:
        if heading == "failed":
            table.add_column(heading, overflow="fold", max_width=FAILED_WIDTH)
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for bench, row in zip(benches, rows, strict=True):
        name = plain_text(bench.subject.title, style="red" if bench.failures else "")
        table.add_row(name, *(plain_text(row[heading]) for heading in headings))
    return table


def _headings(rows: Sequence[Mapping[str, str]], name_width: int, width: int) -> list[str]:
    """The columns in which anything was measured, and for which there is room."""
    headings = [heading for heading in rows[0] if any(row[heading] != NOTHING for row in rows)]
    name_width = max(cell_len("forecaster"), min(name_width, NAME_WIDTH))
    for dispensable in DISPENSABLE:
        if 2 + name_width + sum(2 + _width(heading, rows) for heading in headings) > width:
            headings = [heading for heading in headings if heading != dispensable]
    return headings


def _width(heading: str, rows: Sequence[Mapping[str, str]]) -> int:
    widest = max(cell_len(text) for text in (heading, *(row[heading] for row in rows)))
    return min(widest, FAILED_WIDTH) if heading == "failed" else widest


def _cells(bench: Bench) -> dict[str, str]:
    """A row by heading; a dash where nothing was measured."""
    costs = bench_costs(bench)
    cells = {cost.bench: _with_interval(cost, costs) for cost in COSTS if cost.bench}
    return {**cells, RATE: _rate(bench), "failed": _failures_text(list(bench.failures))}


def _with_interval(cost: Cost, costs: BenchCosts) -> str:
    return f"{cost.text(costs)} {cost.interval_text(costs, cost.unit.text)}".rstrip()


def _failures_text(scenarios: list[str]) -> str:
    """The scenarios in which it failed, in few words."""
    return f"{scenarios[0]}, {len(scenarios) - 1} more" if len(scenarios) > 1 else "".join(scenarios) or NOTHING


def _rate(bench: Bench) -> str:
    """The highest rate that met the bound, marked where its interval is unknown."""
    if bench.server is None:
        return NOTHING
    if bench.server.rate is None:
        return "none"
    return count(bench.server.rate) + (UNBOUNDED if _has_unbounded_rate(bench) else "")


def _has_unbounded_rate(bench: Bench) -> bool:
    """Whether there is a rate whose interval is unknown."""
    rate = None if bench.server is None else bench.server.rate
    return rate is not None and bench.intervals.get("server_rate", (None, None))[1] is None


def bench_legend(benches: Sequence[Bench]) -> list[str]:
    """What the columns are, and on which machine the costs were measured."""
    first = benches[0]
    machine, conditions = first.machine, first.conditions
    lines = [
        f"{machine.processor}, {machine.cores} cores, {format_quantity('memory', machine.memory)}; "
        f"{conditions.threads} thread{'s' if conditions.threads > 1 else ''}",
        _repetitions(benches),
        "p50, p99: one window at a time; /s: forecasts, many windows at once, the task's windows repeatedly",
        "start s: imports to first forecast, without the fit; MB: peak memory of the process",
    ]
    p99s = [part(bench.latency, lambda latency: latency.p99) for bench in benches]
    if any(p99 is not None and not p99.has_upper_bound for p99 in p99s):
        lines.append(f"{UNBOUNDED} {NO_UPPER_END}: give more --repetitions or --seconds")
    if any(map(_has_unbounded_rate, benches)):
        lines.append(f"{UNBOUNDED} at a rate: {NO_INTERVAL}")
    if any(bench.energy is not None and bench.energy.joules is not None for bench in benches):
        lines.append("J: joules for 1,000 forecasts, by the counters of processors and GPUs")
    bound = next((bench.server.bound for bench in benches if bench.server is not None), None)
    if bound is not None:
        lines.append(f"rate: random arrivals a second at which 99 % are answered within {time(bound)}, with queueing")
    return lines


def _repetitions(benches: Sequence[Bench]) -> str:
    """The number of repetitions, the runs that they are from, and what the intervals are."""
    fewest, most = (pick(bench.repetitions for bench in benches) for pick in (min, max))
    runs = max((1 if bench.combination is None else bench.combination.runs) for bench in benches)
    text = plural(most, "repetition") if fewest == most else f"{fewest} to {plural(most, 'repetition')}"
    if most == 1:
        return f"{text}, which shows no variation between processes: give more --repetitions"
    text += f" of up to {runs} runs" if runs > 1 else ""
    return f"{text} in fresh processes; [95 %]: from the variation between them"


def bench_remarks(benches: Sequence[Bench]) -> list[str]:
    """What belongs under the table: failures, bounds that were not met, unknown energy, an unsteady machine."""
    lines = []
    for bench in benches:
        title, server = bench.subject.title, bench.server
        lines += [f"{title} failed, {', '.join(scenarios)}: {why}" for why, scenarios in _by_reason(bench).items()]
        lines += [f"{title}: {note}" for note in bench.notes]
        lines += [_unmet_bound(title, server)] if server is not None and server.unmet else []
        lines += _left_out(bench)
    energies = [bench.energy for bench in benches if bench.energy is not None]
    unknown = dict.fromkeys(energy.unknown for energy in energies if energy.unknown)
    lines += [f"energy is unknown: {why}" for why in unknown]
    return [*lines, *_difference_between_runs(benches), *_speed(benches)]


def _by_reason(bench: Bench) -> dict[str, list[str]]:
    scenarios: dict[str, list[str]] = {}
    for scenario, why in bench.failures.items():
        scenarios.setdefault(why, []).append(scenario)
    return scenarios


def _unmet_bound(title: str, server: Server) -> str:
    """In how many repetitions a bound was not met, and what was measured instead.

    The p99 of the single stream, of short trials and of longer trials differ, so that each is named.
    """
    bound, times = time(server.bound), f"in {server.unmet} of {plural(server.repetitions, 'repetition')}"
    if not server.trials:
        alone = time(server.p99.seconds)
        return f"{title} cannot meet {bound}: its p99 in the single stream, without queueing, is {alone}"
    longer = [trial for trial in server.trials if trial.confirms and not trial.kept]
    text = f"{title} kept the p99 of its response times within {bound} at no rate {times}"
    if longer:
        lowest = min(longer, key=lambda trial: trial.rate)
        text += f"; at {count(lowest.rate)}/s, it was {time(lowest.p99.seconds)}"
    short = [trial for trial in server.trials if trial.kept and not trial.confirms]
    if short and server.rate is None:
        best = max(short, key=lambda trial: trial.rate)
        text += f"; short trials kept it, at up to {count(best.rate)}/s, but not longer ones"
    return text


def _left_out(bench: Bench) -> list[str]:
    """How many earlier repetitions are not combined with the present ones, and why."""
    number = 0 if bench.combination is None else bench.combination.left_out
    if not number:
        return []
    return [f"{bench.subject.title}: {plural(number, 'earlier repetition')} left out, since {DIFFERED}"]


def _difference_between_runs(benches: Sequence[Bench]) -> list[str]:
    """Whose runs differ by more than their repetitions do."""
    names = [bench.subject.title for bench in benches if part(bench.combination, lambda found: found.runs_differ)]
    if not names:
        return []
    return [f"the p99 of {', '.join(names)} differs by more between runs than within them: intervals include both"]


def _speed(benches: Sequence[Bench]) -> list[str]:
    """How fast the machine was during the measurements, and how steady."""
    medians = sorted(calibration.median for bench in benches for calibration in bench.calibrations)
    if not medians:
        return []
    line = f"the machine: a loop of fixed work took {time(medians[0])} to {time(medians[-1])}"
    unrest = max(bench.unrest for bench in benches if bench.unrest is not None)
    if unrest > UNREST:
        line += f"; its speed varied by up to {unrest:.0%} during the measurements of a forecaster"
    return [line]


def bench_csv(benches: Iterable[Bench]) -> str:
    """One row a forecaster: every cost in seconds, bytes and joules, and the machine."""
    rows = [_csv_row(bench) for bench in benches]
    return csv_table(list(rows[0]) if rows else ["forecaster"], (row.values() for row in rows))


def _csv_row(bench: Bench) -> dict[str, object]:
    row = {"forecaster": bench.subject.title, "board": bench.subject.board, **asdict(bench_costs(bench))}
    del row["intervals"]  # those of the p99 have columns of their own
    row["calibration_loop"] = bench.loop
    row["calls"] = part(bench.latency, lambda latency: latency.calls)
    return row
