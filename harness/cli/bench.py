"""The command `harness bench`: what forecasts cost; `benching` does it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.commands import home_option, set_option, settings_of, wide_console

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--board", default="classics", show_default=True, help="Whose forecasters, tasks and hyperparameters.")
@click.option("--task", metavar="NAME", help="The task of the board.  [default: the first whose data is here]")
@set_option
@click.option("--seconds", type=float, default=3.0, show_default=True, help="For each scenario of a forecaster.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads and cores.  [default: the forecaster's own, 1]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--bound", metavar="TIME", help="Find the highest rate of requests whose p99 stays under it: '5ms'.")
@click.option("--timeout", metavar="TIME", help="For each forecaster, training included.  [default: 10min and more]")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@home_option
@click.pass_obj
def bench_command(
    catalog: Callable[[], Catalog],
    /,
    names: tuple[str, ...],
    board: str,
    task: str | None,
    settings: tuple[str, ...],
    seconds: float,
    threads: int | None,
    device: str,
    bound: str | None,
    timeout: str | None,
    home: Path,
    *,
    as_csv: bool,
) -> None:
    """Measure latency, throughput, memory and energy of forecasters."""
    from harness.cli.run_bench import bench
    from harness.efficiency.budget import parse_seconds
    from harness.efficiency.runner import BenchRequest

    bound_seconds = None if bound is None else parse_seconds(bound)
    limit = None if timeout is None else parse_seconds(timeout)
    asked = settings_of(settings)
    request = BenchRequest(home, names, board, task, asked, seconds, threads, device, bound_seconds, limit)
    sys.exit(bench(request, catalog(), wide_console(), as_csv=as_csv))
