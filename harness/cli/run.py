"""The command `harness run`; `run_boards` does it."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import wide_console
from harness.cli.options import limit_options, pool_option, set_option, settings_of, workspace_option
from harness.cli.own_options import own_options_of
from harness.cli.shard_options import shard_options
from harness.cli.table_options import table_options
from harness.errors import BadInput
from harness.fields.names import split_names

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.execution.scheduling.division import ShardOptions


@click.command("run")
@click.argument("boards", nargs=-1, metavar="[BOARD]...")
@click.option("--all", "every", is_flag=True, help="Run every board whose data is available.")
@click.option(
    "--data", metavar="FILE", help="Run the board of a file of your own; see --horizon and the options below."
)
@click.option("--only", multiple=True, metavar="A,B,...", help="Run these forecasters and the baseline. Repeatable.")
@click.option("--task", "tasks", multiple=True, metavar="A,B,...", help="Run these tasks of the boards. Repeatable.")
@pool_option("Run the forecasters of this pool and the baseline only.")
@set_option
@click.option(
    "--seeds", type=click.IntRange(min=1), help="Number of seeds for stochastic forecasters.  [default: the board's]"
)
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    help="Number of worker processes; 0 runs the cells in this process.  [default: usable cores]",
)
@click.option(
    "--on",
    metavar="WHERE",
    help="Run the cells on a Ray cluster: ray is that of RAY_ADDRESS, or one that is started here; "
    "ray://HOST:10001 one that serves Ray Client.  [default: this machine]",
)
@click.option(
    "--devices",
    metavar="A,B,...",
    envvar="HARNESS_DEVICES",
    help="GPUs for forecasters that use one, by index or UUID; or none.  [default: all visible]",
)
@click.option(
    "--parts/--no-parts",
    default=True,
    help="Evaluate cells of many series in parts, where forecasters allow it.  [default: parts]",
)
@limit_options
@click.option("--pdb", is_flag=True, help="With --jobs 0: open the debugger where a forecaster raises.")
@click.option("--rerun", is_flag=True, help="Run finished cells again.")
@click.option("--retry-failed", is_flag=True, help="Run failed cells again.")
@shard_options
@workspace_option
@click.option("--horizon", type=click.IntRange(min=1), help="With --data: the steps to forecast.")
@click.option("--windows", type=click.IntRange(min=1), help="With --data: the windows of each series.")
@click.option("--metric", metavar="NAME", help="With --data: the metric to rank by.")
@click.option("--quantiles", metavar="A,B,...", help="With --data: the quantile levels.  [default: 0.1,0.5,0.9]")
@table_options
def run_command(
    boards: tuple[str, ...],
    every: bool,
    settings: tuple[str, ...],
    workspace: Workspace,
    sharding: ShardOptions,
    pdb: bool,
    **options: Any,
) -> None:
    """Run the pending cells of boards, or of collections of boards, and show their standings.

    With --data, the board is that of a file of your own: CSV, Parquet, Arrow, JSON lines, Excel or .tsf, or a folder
    with a file for each series.
    """
    from harness.boards.selection import Selection
    from harness.cli.run_boards import run_boards

    own, data = own_options_of(options), options.pop("data")
    if every + bool(boards) + (data is not None) != 1:
        raise BadInput(
            "name the boards to run, or else say --all, or --data with a file; `harness list boards` shows the boards"
        )
    if pdb and options["jobs"] != 0:
        raise BadInput("--pdb debugs forecasters in this process; add --jobs 0")
    console = wide_console()
    if data is not None:
        from harness.cli.run_data import prepare_board

        dataset, request = own.board_of(data)
        request = replace(request, forecasters=split_names(options["only"], workspace.catalog.forecasters))
        boards = (str(prepare_board(dataset, request, workspace, console)),)
    else:
        from harness.boards.board_files import known_board

        own.check_unused()
        boards = tuple(known_board(board, workspace) for board in boards)
    selection = Selection(boards, settings=settings_of(settings), **options)
    sys.exit(run_boards(selection, workspace, console, sharding, pdb=pdb))
