"""A board's scores in slices: as tables for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table

from harness.analysis.slicing.slices import SliceRequest, Slices, TaskSlices
from harness.errors import BadInput
from harness.fields.names import joined_names
from harness.report.numbers import error
from harness.report.standings.column import WIDTH
from harness.report.standings.rows import scale
from harness.report.tables import csv_table, markdown_line, markdown_list, markdown_table, markdown_text
from harness.report.text import plain_text, visible

ROWS = 40  # at most; where there are more, neighbours are merged, or the hardest series are shown
NAME_WIDTH, COLUMN_WIDTH, BEST_WIDTH = 22, 10, 18  # at most
PADDING = 2  # of each column, and of the table
HEADINGS = {"length": "known"}  # observations at the cutoff; the other kinds of slices are their headings
CSV_HEADINGS = ("task", "slice", "forecaster", "metric", "value", "count", "rank")


def slice_request(
    options: Mapping[str, Any], metric: str | None, style: str | None, html: str | None, **how: Any
) -> SliceRequest:
    """The slices that the options of a command ask for; raises BadInput where they do not go together."""
    by, task = options["by"], options["task"]
    if by is None:
        raise BadInput(f"--task goes with --by, such as `--by step --task {task}`")
    if html is not None:
        raise BadInput("--html writes the page of a whole board; with --by say --csv or --markdown")
    if style not in (None, "csv", "markdown"):
        raise BadInput(f"format {style!r} is of a whole board; with --by say --csv or --markdown")
    return SliceRequest(by, metric, task, max_slices=None if style == "csv" else ROWS, **how)


@dataclass(frozen=True, eq=False)
class View:
    """One table: some slices and some forecasters."""

    heading: str
    part: TaskSlices
    columns: tuple[int, ...]  # positions of the forecasters
    hidden: int  # slices that are not shown

    @property
    def rows(self) -> Iterator[tuple[str, int, list[float], list[int]]]:
        """Each slice's name, its steps, and the values and the ranks of all forecasters."""
        part = self.part
        return zip(part.names, part.steps.tolist(), part.values.tolist(), part.ranks.tolist(), strict=True)


def slices_tables(slices: Slices, width: int = WIDTH) -> list[Table]:
    """A table for each task, or one of all tasks, for a terminal of this width; the best of each slice is bold."""
    return [_table(view, slices) for view in _views(slices, width)]


def _table(view: View, slices: Slices) -> Table:
    table = _empty_table(view, slices)
    for name, steps, values, ranks in view.rows:
        cells = [
            plain_text(error(values[i], slices.logarithmic), style="bold" if ranks[i] == 1 else "")
            for i in view.columns
        ]
        table.add_row(plain_text(name), str(steps), *cells, plain_text(_best(slices, ranks)))
    return table


def _empty_table(view: View, slices: Slices) -> Table:
    table = Table(
        title=plain_text(f"{slices.title} ({slices.board}), {view.heading}", style="table.title"),
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        collapse_padding=True,
    )
    numbers = slices.by not in ("series", "task") and all(name[0].isdigit() for name in view.part.names)
    side: Literal["left", "right"] = "right" if numbers else "left"
    table.add_column(
        plain_text(_heading(slices)), no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH, justify=side
    )
    table.add_column("steps", justify="right", no_wrap=True)
    for i in view.columns:
        table.add_column(
            plain_text(*_fold(slices.forecasters[i])), justify="right", no_wrap=True, max_width=COLUMN_WIDTH
        )
    table.add_column("best", overflow="fold", max_width=BEST_WIDTH)
    return table


def slices_legend(slices: Slices) -> str:
    """What the numbers of the tables are."""
    return f"{scale(slices)} by {slices.by}, mean over seeds; steps: number of forecast steps"


def slices_remarks(slices: Slices, width: int = WIDTH) -> list[str]:
    """What belongs under the tables: what they leave out, and notes."""
    views = _views(slices, width)
    lines = [f"{view.hidden} more {_kind(slices)} are in --csv" for view in views if view.hidden]
    hidden = len(slices.forecasters) - min(len(view.columns) for view in views)
    if hidden:
        lines.append(f"{hidden} more forecasters are in --csv and --markdown")
    return [*lines, *slices.notes]


def slices_markdown(slices: Slices) -> str:
    """A heading, a table of all forecasters for each task, and the remarks."""
    baseline = markdown_text(slices.baseline)
    blocks = [
        f"# {markdown_line(slices.title)}",
        f"{markdown_text(scale(slices))} by {slices.by}; baseline {baseline}.",
    ]
    views = _views(slices)
    for view in views:
        if len(views) > 1:
            blocks.append(f"## {markdown_line(view.heading)}")
        blocks.append("\n".join(_markdown_lines(view, slices)))
        if view.hidden:
            blocks.append(f"{view.hidden} more {_kind(slices)} are not shown.")
    if slices.notes:
        blocks.append(markdown_list(slices.notes))
    return "\n\n".join(blocks) + "\n"


def _markdown_lines(view: View, slices: Slices) -> Iterator[str]:
    headings = [_heading(slices), "steps", *slices.forecasters]
    rows = (
        [markdown_text(name), str(steps), *_markdown_errors(values, ranks, slices.logarithmic)]
        for name, steps, values, ranks in view.rows
    )
    return markdown_table(headings, rows, [True, *[False] * (len(headings) - 1)])


def _markdown_errors(values: list[float], ranks: list[int], logarithmic: bool) -> Iterator[str]:
    for value, rank in zip(values, ranks, strict=True):
        text = error(value, logarithmic)
        yield f"**{text}**" if rank == 1 else text


def slices_csv(slices: Slices) -> str:
    """One row for each task, slice and forecaster."""
    return csv_table(CSV_HEADINGS, (record.values() for record in records(slices)))


def records(slices: Slices) -> Iterator[dict[str, Any]]:
    """One record for each task, slice and forecaster; the rank is 0 where there is no value."""
    for task, part in slices.tasks.items():
        names, steps, values, ranks = part.names, part.steps.tolist(), part.values.tolist(), part.ranks.tolist()
        for i, name in enumerate(names):
            for j, forecaster in enumerate(slices.forecasters):
                record = task, name, forecaster, slices.metric, values[i][j], steps[i], ranks[i][j]
                yield dict(zip(CSV_HEADINGS, record, strict=True))


def _views(slices: Slices, width: int = WIDTH) -> list[View]:
    parts = {f"{task} by {slices.by}": part for task, part in slices.tasks.items()}
    if slices.by == "task":
        parts = {"by task": TaskSlices.concatenate(list(slices.tasks.values()))}
    return [_view(heading, part, slices, width) for heading, part in parts.items()]


def _view(heading: str, part: TaskSlices, slices: Slices, width: int) -> View:
    """The slices of a table; of too many the hardest."""
    hidden = max(len(part.names) - ROWS, 0)
    shown = part.take(part.hardest[:ROWS]) if hidden else part
    return View(heading, shown, _columns(slices, shown, width), hidden)


def _columns(slices: Slices, part: TaskSlices, width: int) -> tuple[int, ...]:
    """The best forecasters that a terminal has room for, in the standings' order, with the baseline."""
    widths = _widths(slices, part)
    base = slices.forecasters.index(slices.baseline) if slices.baseline in slices.forecasters else 0
    room = width - _other_columns(slices, part) - widths[base] - PADDING
    shown = {base}
    for i, needed in enumerate(widths):
        if i in shown:
            continue
        room -= needed + PADDING
        if room < 0:
            break
        shown.add(i)
    return tuple(sorted(shown))


def _other_columns(slices: Slices, part: TaskSlices) -> int:
    """The characters that the columns other than those of forecasters take."""
    best = [_best(slices, ranks) for ranks in part.ranks.tolist()]
    others = _widest(best, 4, BEST_WIDTH) + _widest(part.names, 6, NAME_WIDTH) + 5 * PADDING + 1
    return others + len(str(max(part.steps.tolist(), default=0)))


def _widths(slices: Slices, part: TaskSlices) -> list[int]:
    """The width of each forecaster's column."""
    return [
        max(
            _widest(_fold(name), 0, COLUMN_WIDTH),
            *(len(error(value, slices.logarithmic)) for value in values),
        )
        for name, values in zip(slices.forecasters, part.values.T.tolist(), strict=True)
    ]


def _heading(slices: Slices) -> str:
    return HEADINGS.get(slices.by, slices.by)


def _fold(name: str) -> list[str]:
    """A name in lines that fit a column, broken at its hyphens where it has some."""
    return textwrap.wrap(visible(name), COLUMN_WIDTH) or [visible(name)]


def _widest(texts: Iterable[str], least: int, most: int) -> int:
    return min(max([least, *(cell_len(visible(text)) for text in texts)]), most)


def _best(slices: Slices, ranks: Sequence[int]) -> str:
    """The names of the best forecasters of a slice."""
    return joined_names(name for name, rank in zip(slices.forecasters, ranks, strict=True) if rank == 1)


def _kind(slices: Slices) -> str:
    return "series, those with smaller errors," if slices.by == "series" else f"{slices.by}s"
