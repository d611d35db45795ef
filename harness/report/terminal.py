"""What the terminal shows, as rich renderables; nothing is printed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from harness.report.costs import TERMINAL, cell, unbounded_line

if TYPE_CHECKING:
    from rich.console import JustifyMethod, OverflowMethod

    from harness.plugins.checks import CheckResult
    from harness.results.standings import Row, Standings

WIDTH = 100  # columns of the terminal that a table is made for
NAME_WIDTH, TASK_WIDTH, MISSING_WIDTH = 28, 10, 16  # at most
LEAST_NAME, LEAST_MISSING = 12, 9  # to which they shrink where there is no room
TIED, CLOSE = "=", "≈"  # marks: not to be told from the best; the gap to the next is within the spread of seeds


@dataclass(frozen=True)
class Column:
    """A column of the standings."""

    heading: str
    cells: tuple[str, ...]
    most: int = WIDTH
    least: int = WIDTH  # to which it may shrink

    @property
    def width(self) -> int:
        """How wide it is where there is room."""
        return min(max(map(cell_len, (self.heading, *self.cells))), self.most)


def standings_table(standings: Standings) -> Table:
    """The standings, fit for 100 columns; tasks that do not fit are left to the other views."""
    standings = standings.tried
    table = Table(
        title=f"{standings.title} ({standings.board})",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    columns = _columns(standings, shown_tasks(standings))
    for column, width in zip(columns, _widths(columns), strict=True):
        side: JustifyMethod = "left" if column.heading in ("forecaster", "missing") else "right"
        is_name = column.heading == "forecaster"
        how: OverflowMethod = "ellipsis" if is_name else "fold"
        table.add_column(Text(column.heading), justify=side, overflow=how, no_wrap=is_name, width=width)
    for k, row in enumerate(standings.rows):
        rank, name, *others = (column.cells[k] for column in columns)
        table.add_row(rank, Text(name, style="bold" if row.rank == 1 or row.tied_for_first else ""), *others)
    table.caption = "\n".join(legend(standings))
    table.caption_justify = "left"
    return table


def _columns(standings: Standings, tasks: Sequence[str]) -> list[Column]:
    rows = standings.rows

    def column(heading: str, said: Callable[[Row], str], most: int = WIDTH, least: int = WIDTH) -> Column:
        return Column(heading, tuple(map(said, rows)), most, least)

    found = [
        column("#", place),
        column("forecaster", lambda row: row.forecaster, NAME_WIDTH, LEAST_NAME),
        column("skill", lambda row: number(row.skill, 3) + (CLOSE if row.close_to_next else "")),
        column("95 %", lambda row: interval(row.interval("skill"))),
        *([column("± seeds", lambda row: number(row.skill_std, 3))] if _some_spread(standings) else []),
        column("wins", lambda row: number(row.win_rate, 2)),
    ]
    for task in tasks:
        cells = tuple(error(row.scores[task], standings.logarithmic) for row in rows)
        found.append(Column(task, cells, TASK_WIDTH))
    if standings.measured:
        found += [column(heading, partial(cell, say=say)) for heading, say in TERMINAL.items()]
    else:
        found.append(column("fit s", lambda row: number(row.fit_seconds, 2)))
        found.append(column("ms", lambda row: error(1000 * row.window_seconds, logarithmic=False)))
    if any(map(missing, rows)):
        found.append(column("missing", missing, MISSING_WIDTH, LEAST_MISSING))
    return found


def _total(columns: Sequence[Column]) -> int:
    """How wide a table of them is, with what stands between them and at the edges."""
    return sum(column.width + 2 for column in columns) + 1


def _widths(columns: Sequence[Column]) -> list[int]:
    """Of each column, so that all fit; what is missing shrinks before names do."""
    excess = _total(columns) - WIDTH
    widths = []
    for column in reversed(columns):
        cut = min(max(excess, 0), max(column.width - column.least, 0))
        excess -= cut
        widths.append(column.width - cut)
    return widths[::-1]


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
    known = [row for row in standings.rows if not math.isnan(row.mcs_p_value)]
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
    return any(not math.isnan(row.skill_std) for row in standings.rows)


def shown_tasks(standings: Standings) -> tuple[str, ...]:
    """As many tasks as a terminal has room for; one at least, unless measured costs take its place."""
    tasks, count = standings.tasks, 0 if standings.measured else 1
    while count < len(tasks) and _total(_columns(standings, tasks[: count + 1])) <= WIDTH:
        count += 1
    return tasks[:count]


def remarks(standings: Standings) -> list[str]:
    """What belongs under the table: notes, and why results are missing."""
    standings = standings.tried
    lines = [*standings.notes, *standings.cost_notes]
    hidden = len(standings.tasks) - len(shown_tasks(standings))
    if hidden:
        lines.append(f"{hidden} more {'task is' if hidden == 1 else 'tasks are'} in --csv, --markdown and --html")
    for row in standings.rows:
        lines += [f"{row.forecaster} on {reason}" for reason in row.reasons]
        if row.training_overlap:
            lines.append(f"{row.forecaster} was trained on the data of {', '.join(row.training_overlap)}")
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


def verdicts(name: str, results: Iterable[CheckResult]) -> Table:
    """What was checked, and how it came out."""
    table = Table(title=f"check {name}", title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for heading in ("check", "verdict", "detail"):
        table.add_column(heading, overflow="fold")
    for one in results:
        word = "unsupported" if one.passed and one.skipped else "passed" if one.passed else "FAILED"
        style = "yellow" if one.skipped else "green" if one.passed else "red"
        table.add_row(Text(one.name), Text(word, style=style), Text(one.detail))
    return table
