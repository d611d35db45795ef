"""The command `harness bench`; `bench_board` does it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from harness.cli.console import wide_console
from harness.cli.options import csv_option, set_option, settings_of, workspace_option

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


MAX_REPETITIONS = 100  # as many as are stored


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--board", default="classics", show_default=True, help="Board whose forecasters to measure.")
@click.option(
    "--task",
    "tasks",
    metavar="NAME",
    multiple=True,
    help="Task of the board; may be repeated.  [default: the first whose data is available]",
)
@click.option("--all-tasks", is_flag=True, help="Measure all tasks of the board whose data is available.")
@set_option
@click.option(
    "--seconds",
    type=float,
    default=3.0,
    show_default=True,
    help="Seconds for each scenario, in all repetitions. Each repetition also measures cold start and training, which "
    "fewer --repetitions shorten.",
)
@click.option(
    "--repetitions",
    type=click.IntRange(min=1, max=MAX_REPETITIONS),
    default=5,
    show_default=True,
    help="Fresh processes in which each forecaster is measured; at least 2 give an interval.",
)
@click.option("--fresh", is_flag=True, help="Forget earlier repetitions of these forecasters.")
@click.option("--threads", type=click.IntRange(min=1), help="Number of threads and cores.  [default: the forecaster's]")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Device to use."
)
@click.option("--bound", metavar="TIME", help="Find the highest request rate with a p99 latency below it: '5ms'.")
@click.option("--timeout", metavar="TIME", help="Limit for each repetition, with training.  [default: 10min or more]")
@csv_option
@workspace_option
def bench_command(
    names: tuple[str, ...],
    board: str,
    tasks: tuple[str, ...],
    settings: tuple[str, ...],
    seconds: float,
    repetitions: int,
    threads: int | None,
    device: str,
    bound: str | None,
    timeout: str | None,
    workspace: Workspace,
    *,
    all_tasks: bool,
    fresh: bool,
    as_csv: bool,
) -> None:
    """Measure latency, throughput, memory and energy of forecasters."""
    from harness.boards.board_files import known_board
    from harness.boards.workspace import store_results
    from harness.cli.bench_board import bench_board
    from harness.efficiency.budget import parse_seconds
    from harness.efficiency.request import BenchRequest

    request = BenchRequest(
        workspace.home,
        names,
        known_board(board, workspace),
        tasks,
        all_tasks,
        settings_of(settings),
        seconds,
        repetitions,
        threads,
        device,
        bound=None if bound is None else parse_seconds(bound),
        timeout=None if timeout is None else parse_seconds(timeout),
        fresh=fresh,
    )
    code = bench_board(request, workspace, wide_console(), as_csv=as_csv)
    store_results(workspace)
    sys.exit(code)
