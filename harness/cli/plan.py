"""The command `harness plan`; `plan_run` does it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import HomeType, limit_options, pool_option, set_option, settings_of, workspace_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace

EXIT_LEFT_OUT = 2


@click.command("plan")
@click.argument("boards", nargs=-1, metavar="[BOARD]...")
@click.option("--all", "every", is_flag=True, help="Plan every board whose data is available.")
@click.option("--only", multiple=True, metavar="A,B,...", help="Plan these forecasters and the baseline. Repeatable.")
@click.option("--task", "tasks", multiple=True, metavar="A,B,...", help="Plan these tasks of the boards. Repeatable.")
@pool_option("Plan the forecasters of this pool and the baseline only.")
@set_option
@click.option("--seeds", type=click.IntRange(min=1), help="Number of seeds, as for `harness run`.")
@limit_options
@click.option("--slurm", type=click.IntRange(min=1), metavar="N", help="Print a script that submits N shards to Slurm.")
@click.option("--kubernetes", type=click.IntRange(min=1), metavar="N", help="Print the manifest of N shards.")
@click.option("--simulate", metavar="nodes=N,cores=N", help="Simulate the run; also gpus=N of each node, copies=N.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells at a time in each shard.")
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="HOME",
    type=HomeType(),
    help="Expect costs from the runs in this home too. Repeatable.",
)
@click.option("--separate-homes", is_flag=True, help="Give each shard a home of its own; `harness merge` merges them.")
@click.option(
    "--logs", metavar="FOLDER", help="With --slurm: the folder of logs.  [default: in the home, or /tmp of each node]"
)
@click.option("--image", help="With --kubernetes: the container image.  [default: harness:latest]")
@click.option("--claim", help="With --kubernetes: the volume claim.  [default: harness-home]")
@workspace_option
def plan_command(
    boards: tuple[str, ...],
    every: bool,
    settings: tuple[str, ...],
    workspace: Workspace,
    **options: Any,
) -> None:
    """Plan a run on several machines: groups of cells by the resources they need, and their expected times.

    It prints a script for Slurm, a manifest for Kubernetes, or a simulation of the run; without these options, the
    groups, and how long the run takes with more shards.
    """
    from harness.boards.board_files import known_board
    from harness.boards.selection import Selection
    from harness.cli.plan_run import PlanOptions, plan_run

    if every is bool(boards):
        raise BadInput("name the boards to plan, or else say --all; `harness list boards` shows the boards")
    boards = tuple(known_board(board, workspace) for board in boards)
    own = PlanOptions(
        **{name: options.pop(name) for name in PlanOptions.names()},
    )
    own.check()
    selection = Selection(boards, settings=settings_of(settings), **options)
    sys.exit(EXIT_LEFT_OUT if plan_run(selection, own, workspace) else 0)
