"""The options on how a file is read, which the commands on files share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from harness.data.tables.options import TableOptions

Command = TypeVar("Command", bound=Callable[..., Any])
NAMES = (
    "time",
    "id",
    "target",
    "known",
    "past",
    "static",
    "freq",
    "season_length",
    "layout",
    "time_zone",
    "day_first",
    "decimal",
    "aggregate",
    "fill",
    "calendar",
)


def table_options(command: Command) -> Command:
    """The options that `table_options_of` reads."""
    from harness.data.tables.options import AGGREGATES, FILLS

    columns: dict[str, Any] = {"multiple": True, "metavar": "COLUMN"}
    options = (
        click.option("--time", metavar="COLUMN", help="The column of times.  [default: the one with dates]"),
        click.option("--id", help="A column that tells series apart. Repeatable.", **columns),
        click.option("--target", help="A column to forecast. Repeatable.", **columns),
        click.option("--known", help="A covariate that is known ahead, such as holidays. Repeatable.", **columns),
        click.option("--past", help="A covariate that is known up to the cutoff. Repeatable.", **columns),
        click.option("--static", help="A covariate with one value for each series. Repeatable.", **columns),
        click.option("--freq", metavar="ALIAS", help="Frequency, such as h, D, W-SUN or MS.  [default: found]"),
        click.option(
            "--season",
            "season_length",
            type=click.IntRange(min=1),
            help="Season length in steps.  [default: usual for the frequency, or found]",
        ),
        click.option("--long", "layout", flag_value="long", help="A row for each time of each series."),
        click.option("--wide", "layout", flag_value="wide", help="A column for each series."),
        click.option("--time-zone", metavar="ZONE", help="Zone of the times, and of forecasts, such as Europe/Berlin."),
        click.option("--day-first/--month-first", default=None, help="The order in dates such as 03/04/2024."),
        click.option("--decimal", type=click.Choice([".", ","]), help="The decimal mark.  [default: found]"),
        click.option("--aggregate", type=click.Choice(AGGREGATES), help="Combine rows of one time, or of one step."),
        click.option(
            "--fill", type=click.Choice(FILLS), default="missing", help="Targets at times without a row.  [missing]"
        ),
        click.option(
            "--calendar/--no-calendar",
            default=None,
            help="Time of day and of week as known covariates.  [default: on boards, if weekdays differ]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def table_options_of(options: dict[str, Any]) -> TableOptions:
    """The options of `table_options`, which are taken out of those of a command; raises BadInput for a column twice."""
    from harness.data.tables.options import TableOptions

    return TableOptions(**{name: options.pop(name) for name in NAMES})
