"""What the terminal shows, as rich renderables; nothing is printed here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from harness.report.costs import TERMINAL, cell, unbounded_line

if TYPE_CHECKING:
    from harness.checks import Verdict
    from harness.ranking import Row, Standings

WIDTH = 100  # columns of the terminal that a table is made for
NAME_WIDTH, TASK_WIDTH, MISSING_WIDTH = 28, 10, 16  # at most
OTHERS_WIDTH = 51  # rank, skill and its interval, wins, costs, and the padding of all
SPREAD_WIDTH, MEASURED_WIDTH = 9, 12  # of a column; by which measured costs are wider
TIED, CLOSE = "=", "≈"  # marks: not to be told from the best; the gap to the next is within the spread of seeds


def standings_table(standings: Standings) -> Table:
    """The standings, fit for 100 columns; tasks that do not fit are left to the other views."""
    standings = standings.tried
    table = Table(
        title=f"{standings.title} ({standings.board})",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        collapse_padding=True,
    )
    some_missing, some_spread = any(missing(row) for row in standings.rows), _some_spread(standings)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("forecaster", no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
    for heading in ("skill", "95 %", *(["± seeds"] if some_spread else []), "wins"):
        table.add_column(heading, justify="right", no_wrap=True)
    tasks = shown_tasks(standings)
    for task in tasks:
        table.add_column(task, justify="right", overflow="fold", max_width=TASK_WIDTH)
    for heading in TERMINAL if standings.measured else ("fit s", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    if some_missing:
        table.add_column("missing", overflow="fold", min_width=9, max_width=MISSING_WIDTH)
    for row in standings.rows:
        table.add_row(
            place(row),
            Text(row.forecaster, style="bold" if row.rank == 1 or row.tied_for_first else ""),
            number(row.skill, 3) + (CLOSE if row.close_to_next else ""),
            interval(row.interval("skill")),
            *([number(row.spread, 3)] if some_spread else []),
            number(row.win_rate, 2),
            *(error(row.scores[task], standings.logarithmic) for task in tasks),
            *_costs(row, standings),
            *([missing(row)] if some_missing else []),
        )
    table.caption = "\n".join(legend(standings))
    table.caption_justify = "left"
    return table


def _costs(row: Row, standings: Standings) -> list[str]:
    if standings.measured:
        return [cell(row, say) for say in TERMINAL.values()]
    return [number(row.fit_seconds, 2), error(1000 * row.window_seconds, logarithmic=False)]


def place(row: Row) -> str:
    """A row's rank, marked where it cannot be told from the best; a dash where it has none."""
    if not row.rank or math.isnan(row.skill):
        return "–"
    return str(row.rank) + (TIED if row.tied_for_first else "")


def interval(ends: tuple[float, float]) -> str:
    """Both ends of an interval, a dash where there is none."""
    low, high = ends
    return "–" if math.isnan(low) or math.isnan(high) else f"{low:.2f}…{high:.2f}"


def legend(standings: Standings) -> list[str]:
    """What the numbers of a table of standings are."""
    scale = f"log10 {standings.metric}" if standings.logarithmic else standings.metric
    lines = [
        f"{scale} by task; skill: 1 − geometric mean of errors relative to {standings.baseline}",
        "wins: share of the others that it beats, mean over tasks" + _legend_of_costs(standings),
    ]
    lines += unbounded_line(standings)
    if standings.significance is not None:
        lines.append(f"95 %: from {standings.significance.method}")
    elif standings.unsure:
        lines.append(f"no intervals: {standings.unsure}")
    lines += ties(standings)
    if any(row.close_to_next for row in standings.rows):
        lines.append(f"{CLOSE} the gap to the next one is within the spread of their seeds")
    return lines


def ties(standings: Standings) -> list[str]:
    """Who cannot be told from the best, or that one can be, or that it was not tested."""
    if standings.tied_for_first:
        return [f"{TIED} cannot be told from the best at 95 % (model confidence set)"]
    known = [row for row in standings.rows if not math.isnan(row.confidence)]
    if len(known) > 1:
        return [f"{known[0].forecaster} is told from all others at 95 % (model confidence set)"]
    if standings.significance is None:
        return []
    return ["ties were not tested: that takes ten independent units, and a metric whose lowest is best"]


def _legend_of_costs(standings: Standings) -> str:
    if standings.measured:
        return "; ms: one window at a time; fit s: one fit"
    return "; ms: a window, many at once; costs are indicative"


def _some_spread(standings: Standings) -> bool:
    return any(not math.isnan(row.spread) for row in standings.rows)


def shown_tasks(standings: Standings) -> tuple[str, ...]:
    """As many tasks as a terminal has room for; one at least, unless measured costs take its place."""
    names = max((len(row.forecaster) for row in standings.rows), default=0)
    room = WIDTH - min(names, NAME_WIDTH) - OTHERS_WIDTH
    if any(missing(row) for row in standings.rows):
        room -= min(max(len(missing(row)) for row in standings.rows), MISSING_WIDTH)
    if _some_spread(standings):
        room -= SPREAD_WIDTH
    if standings.measured:
        room -= MEASURED_WIDTH
    shown: list[str] = []
    for task in standings.tasks:
        room -= min(max(len(task), 6), TASK_WIDTH) + 2
        if room < 0 and (shown or standings.measured):
            break
        shown.append(task)
    return tuple(shown)


def remarks(standings: Standings) -> list[str]:
    """What belongs under the table: notes, and why results are missing."""
    standings = standings.tried
    lines = [*standings.notes, *standings.cost_notes]
    hidden = len(standings.tasks) - len(shown_tasks(standings))
    if hidden:
        lines.append(f"{hidden} more {'task is' if hidden == 1 else 'tasks are'} in --csv, --markdown and --html")
    for row in standings.rows:
        lines += [f"{row.forecaster} on {reason}" for reason in row.reasons]
        if row.seen:
            lines.append(f"{row.forecaster} was trained on the data of {', '.join(row.seen)}")
    lines += [f"left out {task}: {why}" for task, why in standings.unavailable.items()]
    return lines


def number(value: float, digits: int) -> str:
    """A number with so many decimals, a dash where there is none."""
    return "–" if not math.isfinite(value) else f"{value:.{digits}f}"


def error(value: float, logarithmic: bool) -> str:
    """An error of any size in few characters."""
    if not math.isfinite(value):
        return "–"
    if logarithmic:
        return f"{math.log10(value):.2f}" if value > 0 else "−∞"
    if 1e-3 <= abs(value) < 0.1:
        return f"{value:.4f}"
    return f"{value:.3f}" if 0.1 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"


def missing(row: Row) -> str:
    """What is missing of a row: cells by status, and windows."""
    parts = [f"{count} {status}" for status, count in row.missing.items()]
    if row.failed_windows:
        parts.append(f"{row.failed_windows} windows")
    return ", ".join(parts)


def verdicts(name: str, results: Iterable[Verdict]) -> Table:
    """What was checked, and how it came out."""
    table = Table(title=f"check {name}", title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for heading in ("check", "verdict", "detail"):
        table.add_column(heading, overflow="fold")
    for one in results:
        word = "unsupported" if one.passed and one.skipped else "passed" if one.passed else "FAILED"
        style = "yellow" if one.skipped else "green" if one.passed else "red"
        table.add_row(Text(one.name), Text(word, style=style), Text(one.detail))
    return table
