"""harness_fev: task suites of fev as boards, and results of boards as results of fev.

harness_commands   adds `harness fev board` and `harness fev export`

The file `harness_plugin.py` beside such a board provides the metrics of `harness_fev.metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def harness_commands(cli: click.Group) -> None:
    """Add `harness fev`."""
    from harness_fev.command import fev

    cli.add_command(fev)
