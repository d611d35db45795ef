"""The command `harness verify`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo_text, print_lines, print_plugin_problems, wide_console
from harness.cli.options import csv_option, workspace_option
from harness.data.home_folders import DEFAULT, home_name

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


@click.command("verify")
@csv_option
@workspace_option
def verify_command(as_csv: bool, workspace: Workspace) -> None:
    """Recompute published numbers, and show both.

    Numbers whose data is not available are skipped. Exits with 1 if a number disagrees, or a data file is altered.
    """
    if home_name(workspace.home) != DEFAULT:  # without a home, no board was run: their numbers are skipped
        workspace.check_exists()
    from harness.report.checks.verification import verification_csv, verification_lines, verification_tables
    from harness.verification.cases import cases
    from harness.verification.comparison import compare_cases
    from harness.verification.context import VerificationContext

    results = compare_cases(cases(), VerificationContext(workspace.catalog, workspace.home))
    if as_csv:
        echo_text(verification_csv(results))
    else:
        console = wide_console()
        console.print(*verification_tables(results), sep="")
        print_lines(verification_lines(results), console)
    print_plugin_problems(workspace.catalog)
    sys.exit(1 if any(result.verdict in ("fails", "error") for result in results) else 0)
