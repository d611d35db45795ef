"""The commands `harness data list` and `harness data fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.group import HarnessGroup
from harness.cli.options import home_option

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog


@click.group("data", cls=HarnessGroup)
def data_group() -> None:
    """List and download the files of datasets."""


@data_group.command("list")
@home_option
@click.pass_obj
def data_list_command(catalog: Catalog, /, home: Path) -> None:
    """List datasets, their sources and licences, and whether they are available."""
    from harness.report.listings import data_inventory

    click.echo(data_inventory(catalog, home))


@data_group.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@home_option
@click.pass_obj
def data_fetch_command(catalog: Catalog, /, names: tuple[str, ...], home: Path) -> None:
    """Download the files of datasets into the home folder, and check them."""
    from harness.data.files import fetch
    from harness.results.journal import prepared_home

    specs = [catalog.datasets[name].spec for name in names]
    prepared_home(home)
    for spec in specs:
        for path in fetch(spec, home):
            click.echo(f"{spec.name}: {path}")
