"""The commands `harness data list`, `harness data fetch` and `harness data check`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import echo, echo_text
from harness.cli.group import HarnessGroup
from harness.cli.options import workspace_option
from harness.cli.table_options import table_options, table_options_of

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


@click.group("data", cls=HarnessGroup)
def data_group() -> None:
    """List and download the files of datasets, and check files of your own."""


@data_group.command("list", short_help="List datasets, their sources and licences.")
@workspace_option
def data_list_command(workspace: Workspace) -> None:
    """List datasets, their sources and licences, and whether they are available."""
    from harness.report.catalog.listings import data_inventory

    echo_text(data_inventory(workspace) + "\n")


@data_group.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@workspace_option
def data_fetch_command(names: tuple[str, ...], workspace: Workspace) -> None:
    """Download the files of datasets, and check them."""
    from functools import partial

    from harness.data.files import fetch
    from harness.results.journal import prepare_home

    specs = [workspace.catalog.datasets[name].spec for name in names]
    prepare_home(workspace.home)
    for spec in specs:
        for path in fetch(spec, workspace.home, partial(echo, err=True)):
            echo(f"{spec.name}: {path}")


@data_group.command("check", short_help="Check a file of your own data.")
@click.argument("path", metavar="FILE")
@table_options
def data_check_command(path: str, **options: Any) -> None:
    """Check a file of your own data, or a folder with a file for each series.

    Prints how its columns are read and what the checks found, with effects and remedies. FILE is CSV, Parquet, Arrow,
    JSON lines, Excel or .tsf. Exits with 2 if something must be mended before an evaluation.
    """
    from harness.data.tables.checks import check_table, read_any
    from harness.report.checks.table_check import findings_text, reading_text

    reading = read_any(path, table_options_of(options))
    findings = check_table(reading)
    echo_text(f"{reading_text(reading)}\n{findings_text(findings)}")
    sys.exit(2 if any(finding.level == "error" for finding in findings) else 0)
