"""The commands `harness data list` and `harness data fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text
from harness.cli.group import HarnessGroup
from harness.cli.options import workspace_option

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


@click.group("data", cls=HarnessGroup)
def data_group() -> None:
    """List and download the files of datasets."""


@data_group.command("list", short_help="List datasets, their sources and licences.")
@workspace_option
def data_list_command(workspace: Workspace) -> None:
    """List datasets, their sources and licences, and whether they are available."""
    from harness.report.listings import data_inventory

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
