"""What the terminal shows, as rich renderables; nothing is printed here."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.report.numbers import plural
from harness.report.standings.column import WIDTH
from harness.report.standings.columns import table_columns
from harness.report.standings.costs import p99_footnote, times_caveat
from harness.report.standings.fitting import ShownColumn, fitted_table, fitting_columns
from harness.report.standings.overlap import is_marked, overlap_lines
from harness.report.standings.rows import (
    BATCH,
    CLOSE,
    OVERLAP,
    STRICT,
    imputation_lines,
    mark_legend,
    mark_lines,
    scale,
)
from harness.report.standings.shown import EVERYTHING, Shown, listed
from harness.report.standings.ties import ROUNDING, tie_lines
from harness.report.text import plain_text, visible

if TYPE_CHECKING:
    from rich.table import Table

    from harness.results.standings import Row, Standings


def standings_table(standings: Standings, width: int = WIDTH, shown: Shown = EVERYTHING) -> Table:
    """The standings, fit for a terminal of this width; columns that do not fit are left to the other views."""
    standings = standings.with_results
    rows = shown.rows(standings)
    columns = fitting_columns(_all_columns(standings, shown), width, in_order=bool(shown.columns))
    table = fitted_table(f"{standings.title} ({standings.board})", columns, width)
    for k, row in enumerate(rows):
        style = "bold" if row.rank == 1 or row.tied_for_first else ""
        texts = [plain_text(column.texts[k], style=style if column.cell.kind == "name" else "") for column in columns]
        table.add_row(*texts)
    return table


def table_legend(standings: Standings, width: int = WIDTH, shown: Shown = EVERYTHING) -> list[str]:
    """What the numbers of this table are."""
    standings = standings.with_results
    columns = fitting_columns(_all_columns(standings, shown), width, in_order=bool(shown.columns))
    headings = {column.cell.heading for column in columns}
    return list(map(visible, legend(standings, headings, shown.rows(standings))))


def _all_columns(standings: Standings, shown: Shown) -> list[ShownColumn]:
    rows = shown.rows(standings)
    return [ShownColumn(cell, tuple(map(cell.text, rows))) for cell in shown.cells(standings)]


def left_out_line(standings: Standings, width: int = WIDTH, shown: Shown = EVERYTHING) -> list[str]:
    """One line on the forecasters and columns that the table leaves out; none where it has all."""
    standings = standings.with_results
    columns = _all_columns(standings, shown)
    fitting = fitting_columns(columns, width, in_order=bool(shown.columns))
    hidden = [column for column in columns if column not in fitting]
    tasks = sum(column.is_task for column in hidden)
    names = [f'"{column.cell.heading}"' for column in hidden if not column.is_task]
    parts = []
    if rows := len(standings.rows) - len(shown.rows(standings)):
        parts.append(f"{rows} of {plural(len(standings.rows), 'forecaster')}")
    if tasks:
        parts.append(f"{tasks} of {plural(len(standings.tasks), 'task')}")
    if names:
        parts.append(f"the column{'' if len(names) == 1 else 's'} {', '.join(names)}")
    if not parts:
        return []
    hint = " (see --columns, --csv, --markdown and --html of harness show)" if hidden else ""
    return [f"not shown: {listed(parts)}{hint}"]


def legend(
    standings: Standings, headings: Container[str] | None = None, rows: Sequence[Row] | None = None
) -> list[str]:
    """What the numbers of a table of standings are that has columns with these headings, and these rows, or all."""
    if headings is None:
        headings = {cell.heading for _, cell in table_columns(standings, "terminal")}
    relative = f"geometric mean of errors relative to {standings.baseline}"
    skill = "log10 rel." if standings.logarithmic else "skill"
    meaning = f"log10 of the {relative}" if standings.logarithmic else f"1 − {relative}"
    wins = ["wins: share of the others that it beats, mean over tasks"] if "wins" in headings else []
    lines = [f"{scale(standings)} by task; #: rank by {skill}; {skill}: {meaning}"]
    lines += filter(None, ["; ".join([*wins, *_legend_of_costs(standings, headings)])])
    if standings.logarithmic:
        lines.append(ROUNDING)
    lines += p99_footnote(standings)
    if standings.significance is None and standings.unsure:
        lines.append(f"no intervals: {standings.unsure}")
    elif standings.significance is not None and "95 %" in headings:
        lines.append(f"95 %: from {standings.significance.method}; without the variation between seeds")
    lines += tie_lines(standings, standings.rows if rows is None else rows)
    if any(map(is_marked, standings.rows)):
        lines.append(f"{OVERLAP} may have been trained or selected on the forecast data: see its line below")
    if any(row.batch_differences for row in standings.rows):
        lines.append(f"{BATCH} forecasts depend on the other windows of the batch: see its line below")
    if any(row.strict for row in standings.rows):
        lines.append(f"{STRICT} strict: forecast one point in time after the other, without later values in reach")
    lines += [f"{mark} {meaning}" for mark, meaning in mark_legend(standings).items()]
    if "± seeds" in headings:
        most = max(row.seeds for row in standings.rows)
        lines.append(f"± seeds: standard deviation of {skill} over the seeds of a stochastic forecaster ({most})")
    lines += imputation_lines(standings)
    if any(row.close_to_next for row in standings.rows):
        lines.append(f"{CLOSE} the gap to the next one is within the spread of their seeds")
    return lines


def _legend_of_costs(standings: Standings, headings: Container[str]) -> list[str]:
    if standings.measured:
        ms = any(heading in headings for heading in ("p50 ms", "p99 ms"))
        return [*["ms: one window at a time"][:ms], *["1 fit s: seconds of one fit"][: "1 fit s" in headings]]
    meanings = {
        "fit s": "fit s: seconds of fitting on all tasks",
        "predict s": "predict s: seconds of forecasting on all tasks",
        "ms": "ms: forecast time per window in batches",
    }
    lines = [meaning for heading, meaning in meanings.items() if heading in headings]
    return [*lines, f"times are {times_caveat(standings)}: harness bench measures latency"] if lines else []


def remarks(standings: Standings, shown: Shown = EVERYTHING) -> list[str]:
    """What belongs under the table: notes, why results failed, and training overlap."""
    standings = standings.with_results
    standings = replace(standings, rows=shown.rows(standings))
    lines = [*standings.notes, *standings.cost_notes]
    for row in standings.rows:
        lines += [f"{row.forecaster} on {reason}" for reason in row.reasons]
    for reason in dict.fromkeys(standings.unavailable.values()):
        tasks = [task for task, why in standings.unavailable.items() if why == reason]
        lines.append(f"left out {', '.join(tasks)}: {reason}")
    return [*lines, *overlap_lines(standings), *mark_lines(standings)]
