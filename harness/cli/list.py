"""The command `harness list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.cli.console import echo_text, print_plugin_problems
from harness.cli.options import catalog_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog

DEFAULT_KINDS = ("forecasters", "datasets", "boards", "metrics", "plugins")
KINDS = (*DEFAULT_KINDS, "protocols", "formats")


@click.command("list", short_help="List forecasters, datasets, boards and everything else that plugins provide.")
@click.argument("kind", required=False, type=click.Choice(KINDS))
@click.option("--card", metavar="NAME", help="Show the card of this forecaster instead.")
@catalog_option
def list_command(kind: str | None, card: str | None, catalog: Catalog) -> None:
    """List what is available, and the plugin that provides each.

    Without an argument: forecasters, datasets, boards, metrics and plugins.
    """
    from harness.report.catalog.listings import inventory

    if card is not None:
        _print_card(catalog, kind, card)
        return

    for name in DEFAULT_KINDS if kind is None else (kind,):
        echo_text(inventory(catalog, name) + "\n")
    if kind == "plugins":
        catalog.request_all()
    print_plugin_problems(catalog)


def _print_card(catalog: Catalog, kind: str | None, name: str) -> None:
    from harness.report.catalog.cards import card_text

    if kind not in (None, "forecasters"):
        raise BadInput(f"--card shows a forecaster; say `harness list forecasters --card {name}`")
    echo_text(card_text(name, catalog))
    print_plugin_problems(catalog)
