"""What several commands print: standings, lines, warnings. All output of the command line goes through here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from harness.report.text import sentence

if TYPE_CHECKING:
    from rich.console import Console

    from harness.analysis.slicing.slices import Slices
    from harness.plugins.catalog import Catalog
    from harness.results.standings import Standings


def wide_console(*, stderr: bool = False) -> Console:
    """The terminal; 100 columns wide where the output is none."""
    from harness.report.console import PlainConsole

    console = PlainConsole(stderr=stderr)
    return console if console.is_terminal else PlainConsole(stderr=stderr, width=100)


def print_standings(standings: Standings, console: Console) -> None:
    """Print the table of a board, and the remarks under it."""
    from harness.report.terminal import remarks, standings_table

    console.print()
    console.print(standings_table(standings))
    print_lines(remarks(standings), console)


def print_slices(slices: Slices, console: Console) -> None:
    """Print the tables of a board's slices, and the remarks under them."""
    from harness.report.slices import slices_remarks, slices_tables

    console.print()
    console.print(*slices_tables(slices), sep="")
    print_lines(slices_remarks(slices), console)


def print_lines(lines: Iterable[str], console: Console, *, soft_wrap: bool = False) -> None:
    """Print sentences; with `soft_wrap` long lines are not broken, so that they can be copied."""
    for line in lines:
        console.print(sentence(line), soft_wrap=soft_wrap)


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
