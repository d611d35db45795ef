"""A board in slices: tables for the terminal, Markdown, CSV."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from harness.analysis.slicing.slices import SliceRequest, Slices, TaskSlices
from harness.errors import BadInput
from harness.report.column import WIDTH
from harness.report.numbers import error

if TYPE_CHECKING:
    from rich.console import Console

ROWS = 40  # at most; where there are more, neighbours are joined, or the hardest series are shown
NAME_WIDTH, COLUMN_WIDTH, BEST_WIDTH = 22, 10, 18  # at most
PADDING = 2  # of each column, and of the table
HEADINGS = {"length": "known"}  # observations at the cutoff; else the slices are called as they were asked for


def asked(
    part: Mapping[str, Any], metric: str | None, style: str | None, html: str | None, **how: bool
) -> SliceRequest:
    """What the options of a command ask for; raises BadInput where they do not go together."""
    by, task = part["by"], part["task"]
    if by is None:
        raise BadInput(f"--task goes with --by, such as `--by step --task {task}`")
    if html is not None:
        raise BadInput("--html writes the page of a whole board; with --by say --csv or --markdown")
    return SliceRequest(by, metric, task, max_slices=None if style == "csv" else ROWS, **how)


def slices_text(slices: Slices, style: str | None, console: Console) -> str:
    """The slices as CSV, as Markdown, or as that terminal shows them."""
    if style == "csv":
        return slices_csv(slices)
    if style == "markdown":
        return slices_markdown(slices)
    with console.capture() as captured:
        console.print()
        console.print(*slices_tables(slices), sep="")
        for line in slices_remarks(slices):
            console.print(line, markup=False)
    return captured.get()


@dataclass(frozen=True, eq=False)
class View:
    """One table: some slices and some forecasters."""

    heading: str
    part: TaskSlices
    columns: tuple[int, ...]  # positions of the forecasters
    left_out: int  # slices

    @property
    def rows(self) -> Iterator[tuple[str, int, list[float], list[int]]]:
        """Each slice's name, its steps, and the values and the ranks of all forecasters."""
        part = self.part
        return zip(part.names, part.steps.tolist(), part.values.tolist(), part.ranks.tolist(), strict=True)


def slices_tables(slices: Slices) -> list[Table]:
    """A table for each task, or one of all tasks, fit for 100 columns; the best of each slice is bold."""
    return [_table(view, slices) for view in _views(slices)]


def _table(view: View, slices: Slices) -> Table:
    table = Table(
        title=f"{slices.title} ({slices.board}), {view.heading}",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        collapse_padding=True,
    )
    heading = HEADINGS.get(slices.by, slices.by)
    numbers = slices.by not in ("series", "task") and all(name[0].isdigit() for name in view.part.names)
    side: Literal["left", "right"] = "right" if numbers else "left"
    table.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH, justify=side)
    table.add_column("steps", justify="right", no_wrap=True)
    for i in view.columns:
        table.add_column(_folded(slices.forecasters[i]), justify="right", overflow="fold", max_width=COLUMN_WIDTH)
    table.add_column("best", no_wrap=True, overflow="ellipsis", max_width=BEST_WIDTH)
    for name, steps, values, ranks in view.rows:
        cells = [Text(error(values[i], slices.logarithmic), style=_style(ranks[i])) for i in view.columns]
        table.add_row(Text(name), str(steps), *cells, Text(", ".join(_best(slices, ranks))))
    scale = f"log10 {slices.metric}" if slices.logarithmic else slices.metric
    table.caption = f"{scale} by {slices.by}, mean over seeds; steps: how many were forecast"
    table.caption_justify = "left"
    return table


def slices_remarks(slices: Slices) -> list[str]:
    """What belongs under the tables: what is left out of them, and notes."""
    views = _views(slices)
    lines = [f"{view.left_out} more {_many(slices)} are in --csv" for view in views if view.left_out]
    hidden = len(slices.forecasters) - min(len(view.columns) for view in views)
    if hidden:
        lines.append(f"{hidden} more forecasters are in --csv and --markdown")
    return [*lines, *slices.notes]


def slices_markdown(slices: Slices) -> str:
    """A heading, a table of all forecasters for each task, and the remarks."""
    scale = f"log10 {slices.metric}" if slices.logarithmic else slices.metric
    lines = [f"# {_cell(slices.title)}", "", f"{scale} by {slices.by}; baseline {_cell(slices.baseline)}.", ""]
    views = _views(slices)
    for view in views:
        if len(views) > 1:
            lines += [f"## {_cell(view.heading)}", ""]
        headings = [HEADINGS.get(slices.by, slices.by), "steps", *slices.forecasters]
        lines.append("| " + " | ".join(map(_cell, headings)) + " |")
        lines.append("|---|" + "--:|" * (len(headings) - 1))
        for name, steps, values, ranks in view.rows:
            shown = [error(value, slices.logarithmic) for value in values]
            cells = [f"**{one}**" if rank == 1 else one for one, rank in zip(shown, ranks, strict=True)]
            lines.append("| " + " | ".join([_cell(name), str(steps), *cells]) + " |")
        if view.left_out:
            lines += ["", f"{view.left_out} more {_many(slices)} are not shown."]
        lines.append("")
    return "\n".join([*lines, *(f"- {_cell(note)}" for note in slices.notes)]).rstrip("\n") + "\n"


def slices_csv(slices: Slices) -> str:
    """One row for each task, slice and forecaster."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for number, row in enumerate(records(slices)):
        if number == 0:
            writer.writerow(row)
        writer.writerow("" if isinstance(value, float) and math.isnan(value) else value for value in row.values())
    return file.getvalue()


def records(slices: Slices) -> Iterator[dict[str, Any]]:
    """One record for each task, slice and forecaster; the rank is 0 where there is no value."""
    for task, part in slices.tasks.items():
        names, steps, values, ranks = part.names, part.steps.tolist(), part.values.tolist(), part.ranks.tolist()
        for i, name in enumerate(names):
            for j, forecaster in enumerate(slices.forecasters):
                yield {
                    "task": task,
                    "slice": name,
                    "forecaster": forecaster,
                    "metric": slices.metric,
                    "value": values[i][j],
                    "count": steps[i],
                    "rank": ranks[i][j],
                }


def _views(slices: Slices) -> list[View]:
    parts = {f"{task} by {slices.by}": part for task, part in slices.tasks.items()}
    if slices.by == "task":
        parts = {"by task": TaskSlices.concatenate(list(slices.tasks.values()))}
    views = []
    for heading, part in parts.items():
        count = len(part.names)
        if count > ROWS:
            part = part.take(part.hardest[:ROWS])
        views.append(View(heading, part, _columns(slices, part), max(count - ROWS, 0)))
    return views


def _columns(slices: Slices, part: TaskSlices) -> tuple[int, ...]:
    """The best forecasters that a terminal has room for, in the standings' order, with the baseline."""
    best = (", ".join(_best(slices, ranks)) for ranks in part.ranks.tolist())
    room = WIDTH - _widest(best, 4, BEST_WIDTH) - _widest(part.names, 6, NAME_WIDTH) - 5 * PADDING - 1
    room -= len(str(max(part.steps.tolist(), default=0)))
    widths = [
        max(
            _widest(_folded(name).splitlines(), 0, COLUMN_WIDTH),
            *(len(error(one, slices.logarithmic)) for one in values),
        )
        for name, values in zip(slices.forecasters, part.values.T.tolist(), strict=True)
    ]
    base = slices.forecasters.index(slices.baseline) if slices.baseline in slices.forecasters else 0
    room -= widths[base] + PADDING
    shown = {base}
    for i, width in enumerate(widths):
        if i in shown:
            continue
        room -= width + PADDING
        if room < 0:
            break
        shown.add(i)
    return tuple(sorted(shown))


def _folded(name: str) -> str:
    """A name in lines that fit a column, broken at its hyphens where it has some."""
    return "\n".join(textwrap.wrap(name, COLUMN_WIDTH)) or name


def _widest(texts: Iterator[str] | Sequence[str], least: int, most: int) -> int:
    return min(max([least, *map(len, texts)]), most)


def _best(slices: Slices, ranks: Sequence[int]) -> list[str]:
    return [name for name, rank in zip(slices.forecasters, ranks, strict=True) if rank == 1]


def _style(rank: int) -> str:
    return "bold" if rank == 1 else ""


def _many(slices: Slices) -> str:
    return "series, those with smaller errors," if slices.by == "series" else f"{slices.by}s"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
