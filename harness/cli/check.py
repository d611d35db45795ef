"""The command `harness check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import print_plugin_problems, wide_console
from harness.cli.options import home_option

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog


@click.command("check")
@click.argument("name")
@home_option
@click.pass_obj
def check_command(catalog: Catalog, /, name: str, home: Path) -> None:
    """Check the contract of a forecaster, dataset or metric."""
    from harness.plugins.checks import check
    from harness.report.terminal import verdicts

    results = check(name, catalog, home)
    wide_console().print(verdicts(name, results))
    print_plugin_problems(catalog)
    sys.exit(0 if all(result.passed for result in results) else 1)
