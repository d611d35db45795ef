"""The command `harness run`; `run_boards` does it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import wide_console
from harness.cli.options import limit_options, pool_option, set_option, settings_of, workspace_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


@click.command("run")
@click.argument("boards", nargs=-1, metavar="[BOARD]...")
@click.option("--all", "every", is_flag=True, help="Run every board whose data is available.")
@click.option("--only", multiple=True, metavar="A,B,...", help="Run these forecasters and the baseline. Repeatable.")
@pool_option("Run the forecasters of this pool and the baseline only.")
@set_option
@click.option(
    "--seeds", type=click.IntRange(min=1), help="Number of seeds for stochastic forecasters.  [default: the board's]"
)
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    help="Number of worker processes; 0 runs the cells in this process.  [default: cores]",
)
@limit_options
@click.option("--pdb", is_flag=True, help="With --jobs 0: open the debugger where a forecaster raises.")
@click.option("--rerun", is_flag=True, help="Run finished cells again.")
@click.option("--retry-failed", is_flag=True, help="Run failed cells again.")
@workspace_option
def run_command(
    boards: tuple[str, ...], every: bool, settings: tuple[str, ...], workspace: Workspace, pdb: bool, **options: Any
) -> None:
    """Run the pending cells of boards, or of collections of boards, and show their standings."""
    from harness.boards.selection import Selection
    from harness.cli.run_boards import run_boards

    if every == bool(boards):
        raise BadInput("name the boards to run, or else say --all; `harness list boards` shows them")
    if pdb and options["jobs"] != 0:
        raise BadInput("--pdb debugs forecasters in this process; add --jobs 0")
    selection = Selection(boards, settings=settings_of(settings), **options)
    sys.exit(run_boards(selection, workspace, wide_console(), pdb=pdb))
