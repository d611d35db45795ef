"""The command `harness forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import wide_console
from harness.cli.options import limit_options, workspace_option
from harness.cli.own_options import own_options_of
from harness.cli.table_options import table_options

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


@click.command("forecast", short_help="Forecast the steps after the end of a file's or a board's data.")
@click.argument("source", metavar="FILE|BOARD")
@click.option("--with", "forecaster", default="best", metavar="NAME", show_default=True, help="The forecaster.")
@click.option("--task", metavar="NAME", help="The task of the board.  [default: its only one]")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of the forecasts: .csv, .parquet or .arrow.  [default: forecast.csv]",
    default=Path("forecast.csv"),
)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="An HTML file of plots to write as well.")
@click.option("--horizon", type=click.IntRange(min=1), help="The steps to forecast.  [default: the task's]")
@click.option("--windows", type=click.IntRange(min=1), help="Of a file: the windows of each series to evaluate.")
@click.option("--metric", metavar="NAME", help="Of a file: the metric of the best forecaster.")
@click.option("--quantiles", metavar="A,B,...", help="Of a file: the quantile levels.  [default: 0.1,0.5,0.9]")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes of the evaluation.  [default: cores]")
@limit_options
@table_options
@workspace_option
def forecast_command(
    source: str, forecaster: str, task: str | None, out: Path, plot: Path | None, workspace: Workspace, **options: Any
) -> None:
    """Forecast the steps after the last actual of each series, by a forecaster that is fitted to all of the data.

    By default it is the best one: a file is evaluated first, as by `harness run --data`, unless it was before. The
    coverage of the intervals is that of the evaluation.
    """
    from harness.cli.run_forecast import ForecastRequest, run_forecast

    own = own_options_of(options)
    request = ForecastRequest(source, forecaster, task, out, plot, own, **options)
    run_forecast(request, workspace, wide_console())
