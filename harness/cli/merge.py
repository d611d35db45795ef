"""The command `harness merge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import print_lines, wide_console

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog

EXIT_CONFLICTS, EXIT_PROBLEMS = 1, 2


@click.command("merge")
@click.argument(
    "homes", nargs=-1, required=True, metavar="HOME... INTO", type=click.Path(file_okay=False, path_type=Path)
)
@click.pass_obj
def merge_command(catalog: Catalog, homes: tuple[Path, ...]) -> None:
    """Merge the runs of several homes into the last one, which is made if it does not exist.

    Cells that several homes ran are kept once. If their results differ, all of them are kept aside, the cell is
    pending, and the exit code is 1. The other homes are not changed.
    """
    from harness.boards.merging import merge_boards
    from harness.evaluation.run import Run
    from harness.execution.merging import check_homes
    from harness.report.merging import merge_lines
    from harness.results.journal import prepare_home
    from harness.results.merging import merge_journals
    from harness.results.run_comparison import TOLERANCE

    sources, into = check_homes(homes)
    catalog.use_home(into)

    def tolerance_of(run: Run) -> float:
        registered = catalog.forecasters.get(run.cell.forecaster)
        return TOLERANCE if registered is None else max(TOLERANCE, registered.spec.tolerance)

    prepare_home(into)
    merge = merge_journals(sources, into, tolerance_of)
    notes = list(merge_boards(sources, into))
    print_lines([*merge_lines(merge, len(sources), into), *notes], wide_console())
    sys.exit(EXIT_CONFLICTS if merge.conflicts else EXIT_PROBLEMS if merge.problems else 0)
