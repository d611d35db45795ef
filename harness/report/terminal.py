"""What the terminal shows, as rich renderables; nothing is printed here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table

from harness.report.column import WIDTH, Cell
from harness.report.columns import table_columns
from harness.report.costs import p99_footnote
from harness.report.overlap import is_marked, overlap_lines
from harness.report.rows import CLOSE, OVERLAP, TIED, scale
from harness.report.text import plain_text, visible

if TYPE_CHECKING:
    from rich.console import JustifyMethod, OverflowMethod

    from harness.plugins.check_results import CheckResult
    from harness.results.standings import Standings

EDGE = 1  # character at the left of a table
DROPPED = "wins"  # the column that is left to the other views where there is no room for one task


def standings_table(standings: Standings) -> Table:
    """The standings, fit for 100 columns; tasks that do not fit are left to the other views."""
    standings = standings.with_results
    table = Table(
        title=plain_text(f"{standings.title} ({standings.board})", style="table.title"),
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    columns = _shown_columns(standings)
    for column, width in zip(columns, _widths(columns), strict=True):
        name = column.cell.kind == "name"
        side: JustifyMethod = "left" if column.cell.kind in ("name", "failed") else "right"
        overflow: OverflowMethod = "ellipsis" if name else "fold"
        table.add_column(plain_text(column.cell.heading), justify=side, overflow=overflow, no_wrap=name, width=width)
    for k, row in enumerate(standings.rows):
        style = "bold" if row.rank == 1 or row.tied_for_first else ""
        texts = [plain_text(column.texts[k], style=style if column.cell.kind == "name" else "") for column in columns]
        table.add_row(*texts)
    with_wins = any(column.cell.heading == DROPPED for column in columns)
    table.caption = plain_text(*legend(standings, with_wins), style="table.caption")
    table.caption_justify = "left"
    return table


@dataclass(frozen=True)
class ShownColumn:
    """A column with the texts of all rows."""

    cell: Cell
    texts: tuple[str, ...]

    @property
    def is_task(self) -> bool:
        """Whether it shows the errors on a task."""
        return self.cell.kind == "task"

    @property
    def width(self) -> int:
        """Its width where there is room."""
        return min(max(cell_len(visible(text)) for text in (self.cell.heading, *self.texts)), self.cell.most)


def _shown_columns(standings: Standings) -> list[ShownColumn]:
    """The columns that fit: as many tasks as there is room for, one at least unless costs were measured."""
    columns = [
        ShownColumn(cell, tuple(map(cell.text, standings.rows))) for _, cell in table_columns(standings, "terminal")
    ]
    tasks = [column for column in columns if column.is_task]
    if _total([column for column in columns if column not in tasks[1:]]) - EDGE > WIDTH:
        columns = [column for column in columns if column.cell.heading != DROPPED]
    others = _total([column for column in columns if not column.is_task])
    count = 0 if standings.measured else 1
    while count < len(tasks) and others + _total(tasks[: count + 1]) - EDGE <= WIDTH:
        count += 1
    return [column for column in columns if column not in tasks[count:]]


def _total(columns: Sequence[ShownColumn]) -> int:
    """How wide a table of them is, with what stands between them and at the edges."""
    return sum(column.width + 2 for column in columns) + EDGE


def _widths(columns: Sequence[ShownColumn]) -> list[int]:
    """Of each column, so that all fit; failed results shrink before names do."""
    excess = _total(columns) - WIDTH
    widths = []
    for column in reversed(columns):
        cut = min(max(excess, 0), max(column.width - column.cell.least, 0))
        excess -= cut
        widths.append(column.width - cut)
    return widths[::-1]


def legend(standings: Standings, with_wins: bool = True) -> list[str]:
    """What the numbers of a table of standings are."""
    relative = f"geometric mean of errors relative to {standings.baseline}"
    skill = f"log10 rel.: log10 of the {relative}" if standings.logarithmic else f"skill: 1 − {relative}"
    wins = "wins: share of the others that it beats, mean over tasks; " if with_wins else ""
    lines = [f"{scale(standings)} by task; {skill}", wins + _legend_of_costs(standings)]
    lines += p99_footnote(standings)
    if standings.significance is not None:
        lines.append(f"95 %: from {standings.significance.method}")
    elif standings.unsure:
        lines.append(f"no intervals: {standings.unsure}")
    lines += _ties(standings)
    if any(map(is_marked, standings.rows)):
        lines.append(f"{OVERLAP} may have been trained or selected on the forecast data: see its line below")
    if any(row.close_to_next for row in standings.rows):
        lines.append(f"{CLOSE} the gap to the next one is within the spread of their seeds")
    return lines


def _ties(standings: Standings) -> list[str]:
    """What the test for ties with the best says, or why there was none."""
    tested = [row for row in standings.rows if not math.isnan(row.mcs_p_value)]
    if standings.tied_for_first or len(tested) > 1:
        return [_p_legend(standings)]
    if standings.significance is None:
        return []
    if sum(not row.missing for row in standings.rows) < 2:
        return ["ties not tested: fewer than two forecasters completed all cells"]
    if standings.best != "lowest":
        return [f"ties not tested: the best {standings.metric} is not the lowest"]
    units = standings.significance.units
    return [f"ties not tested: needs at least 9 independent series or cutoffs, and the board has {units}"]


def _p_legend(standings: Standings) -> str:
    test = "95 % model confidence set, which tests all forecasters at once; pairs differ more easily"
    if standings.tied_for_first:
        return f"{TIED} not significantly worse than the best: p > 0.05 ({test})"
    return f"p: {standings.rows[0].forecaster} is significantly better than all others ({test})"


def _legend_of_costs(standings: Standings) -> str:
    if standings.measured:
        return "ms: one window at a time; fit s: one fit"
    return "ms: forecast time per window in batches; times are indicative"


def remarks(standings: Standings) -> list[str]:
    """What belongs under the table: notes, why results failed, and training overlap."""
    standings = standings.with_results
    lines = [*standings.notes, *standings.cost_notes]
    hidden = len(standings.tasks) - sum(column.is_task for column in _shown_columns(standings))
    if hidden:
        lines.append(f"{hidden} more {'task is' if hidden == 1 else 'tasks are'} in --csv, --markdown and --html")
    for row in standings.rows:
        lines += [f"{row.forecaster} on {reason}" for reason in row.reasons]
    lines += [f"left out {task}: {reason}" for task, reason in standings.unavailable.items()]
    return [*lines, *overlap_lines(standings)]


def verdicts(name: str, results: Iterable[CheckResult]) -> Table:
    """What was checked, and whether it passed."""
    table = Table(
        title=plain_text(f"check {name}", style="table.title"),
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
    )
    for heading in ("check", "verdict", "detail"):
        table.add_column(heading, overflow="fold")
    for result in results:
        word = "unsupported" if result.passed and result.skipped else "passed" if result.passed else "FAILED"
        style = "yellow" if result.skipped else "green" if result.passed else "red"
        table.add_row(plain_text(result.name), plain_text(word, style=style), plain_text(result.detail))
    return table
