"""What several commands print: standings, lines, warnings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from harness.plugins.catalog import Catalog
    from harness.results.standings import Standings


def wide_console() -> Console:
    """The terminal; 100 columns wide where the output is none."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def print_standings(standings: Standings, console: Console) -> None:
    """Print the table of a board, and the remarks under it."""
    from harness.report.terminal import remarks, standings_table

    console.print()
    console.print(standings_table(standings))
    print_lines(remarks(standings), console)


def print_lines(lines: Iterable[str], console: Console) -> None:
    """Print lines as they are, without markup."""
    for line in lines:
        console.print(line, markup=False, highlight=False)


def print_plugin_problems(catalog: Catalog) -> None:
    """Print the problems of plugins as warnings."""
    for problem in catalog.problems:
        click.echo(f"warning: {problem}", err=True)
