"""The command `harness check`."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from harness.cli.console import print_lines, print_plugin_problems, wide_console
from harness.cli.group import is_debugging
from harness.cli.options import check_options, workspace_option
from harness.errors import BadInput
from harness.forecasters.libraries import library_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.boards.workspace import Workspace
    from harness.forecasters.limits import Limits
    from harness.plugins.catalog import Catalog
    from harness.plugins.check_results import CheckResult


@click.command("check")
@click.argument("name")
@check_options
@workspace_option
def check_command(name: str, strict: bool, timeout: float | None, memory: int | None, workspace: Workspace) -> None:
    """Check the contract of a forecaster, dataset or metric, by its name or as package.module:Class.

    A forecaster is in a process of its own for each check.
    """
    from harness.cli.signals import stop_signals
    from harness.forecasters.limits import Limits
    from harness.report.checks.verdicts import verdict_heading, verdict_row

    console = wide_console()
    has_passed = True
    with (
        stop_signals(),
        closing(_results(name, workspace, Limits(timeout, memory), strict=strict)) as results,
    ):
        console.print(verdict_heading(name, console.width))
        for result in results:
            console.print(verdict_row(result, console.width))
            if is_debugging() and result.traceback:
                print_lines([result.traceback], console, soft_wrap=True)
            has_passed &= result.passed
    print_plugin_problems(workspace.catalog)
    sys.exit(0 if has_passed else 1)


def _results(name: str, workspace: Workspace, limits: Limits, *, strict: bool) -> Generator[CheckResult, None, None]:
    """The results of all checks of what is installed, or of a class by its import path; raises BadInput."""
    if ":" not in name or _is_of_catalog(name, workspace.catalog):
        from harness.execution.checks.checking import check_in_workers

        return check_in_workers(name, workspace, limits, strict=strict)
    given = {"--strict": strict, "--timeout": limits.seconds, "--memory": limits.memory}
    if options := [option for option, value in given.items() if value]:
        raise BadInput(f"{options[0]} needs an installed forecaster, and {name} is an import path; leave it out")
    from harness.execution.checks.subjects import check_imported

    if os.getcwd() not in sys.path:  # which the script `harness` does not search
        sys.path.append(os.getcwd())
    return check_imported(name)


def _is_of_catalog(name: str, catalog: Catalog) -> bool:
    """Whether it is the name of a forecaster, such as "statsforecast:AutoETS", or may be one that is misspelt."""
    libraries = {library_of(each) for each, entry in catalog.forecasters.items() if entry.plugin.included}
    return name in catalog.forecasters or library_of(name) in libraries or "@" in name
