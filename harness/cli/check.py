"""The command `harness check`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from harness.cli.console import print_plugin_problems, wide_console
from harness.cli.options import workspace_option

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


@click.command("check")
@click.argument("name")
@workspace_option
def check_command(name: str, workspace: Workspace) -> None:
    """Check the contract of a forecaster, dataset or metric."""
    from harness.plugins.checks import check
    from harness.report.terminal import verdicts

    results = check(name, workspace.catalog, workspace.home)
    wide_console().print(verdicts(name, results))
    print_plugin_problems(workspace.catalog)
    sys.exit(0 if all(result.passed for result in results) else 1)
