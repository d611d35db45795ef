"""What several commands print: standings, lines, warnings. All output of the command line goes through here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from harness.report.text import output_width, sentence

if TYPE_CHECKING:
    from rich.console import Console

    from harness.analysis.slicing.slices import Slices
    from harness.plugins.catalog import Catalog
    from harness.report.standings.shown import Shown
    from harness.results.standings import Standings

LEAST_WIDTH = 40  # below which no table can be read


def wide_console(*, stderr: bool = False) -> Console:
    """The console: as wide as COLUMNS says, else as the terminal, else wide enough for a file or a pipe."""
    from harness.report.console import PlainConsole

    console = PlainConsole(stderr=stderr)
    width = max(console.width if console.is_terminal else output_width(), LEAST_WIDTH)
    return PlainConsole(stderr=stderr, width=width)


def print_standings(standings: Standings, console: Console, shown: Shown | None = None) -> None:
    """Print the table of a board, what it leaves out, and the remarks under it."""
    from harness.report.standings.shown import EVERYTHING
    from harness.report.standings.terminal import left_out_line, remarks, standings_table, table_legend

    shown = EVERYTHING if shown is None else shown
    console.print()
    console.print(standings_table(standings, console.width, shown))
    print_lines(table_legend(standings, console.width, shown), console, style="table.caption")
    print_lines([*left_out_line(standings, console.width, shown), *remarks(standings, shown)], console)


def print_slices(slices: Slices, console: Console) -> None:
    """Print the tables of a board's slices, and the remarks under them."""
    from harness.report.standings.slices import slices_legend, slices_remarks, slices_tables

    console.print()
    console.print(*slices_tables(slices, console.width), sep="")
    print_lines([slices_legend(slices)], console, style="table.caption")
    print_lines(slices_remarks(slices, console.width), console)


def print_lines(lines: Iterable[str], console: Console, *, soft_wrap: bool = False, style: str | None = None) -> None:
    """Print sentences; with `soft_wrap` long lines are not broken, so that they can be copied."""
    for line in lines:
        console.print(sentence(line), soft_wrap=soft_wrap, style=style)


def echo(line: str, *, err: bool = False) -> None:
    """Print a sentence; its control characters are visible."""
    click.echo(sentence(line), err=err)


def echo_text(text: str, *, err: bool = False) -> None:
    """Print a listing or a file as it is; what others chose in it is fit for a terminal already."""
    click.echo(text, nl=False, err=err)


def print_plugin_problems(catalog: Catalog) -> None:
    """Print the problems of plugins as warnings."""
    for problem in catalog.problems:
        echo(f"warning: {problem}", err=True)
