"""The command `harness merge`."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from harness.cli.console import print_lines, wide_console
from harness.cli.options import HomeType

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.plugins.catalog import Catalog

EXIT_CONFLICTS, EXIT_PROBLEMS = 1, 2


@click.command("merge")
@click.argument("homes", nargs=-1, required=True, metavar="HOME... INTO", type=HomeType())
@click.pass_obj
def merge_command(catalog: Catalog, homes: tuple[str, ...]) -> None:
    """Merge the runs of several homes into the last one, which is made if it does not exist.

    Each is a folder, or a URL such as s3://bucket/run. Cells that several homes ran are kept once. If their results
    differ, all of them are kept aside, the cell is pending, and the exit code is 1; in a store, a result that it had
    counts. The other homes are not changed.
    """
    from harness.boards.merging import merge_boards
    from harness.evaluation.notes import noted_tolerance
    from harness.evaluation.run import Run
    from harness.execution.merging import check_homes, is_home
    from harness.report.runs.merging import merge_lines
    from harness.results.journal import prepare_home
    from harness.results.merging import merge_journals
    from harness.results.run_comparison import TOLERANCE
    from harness.results.stored_plan import stored_plans

    workspaces = [_read_workspace(home, catalog) for home in homes]
    sources, into = check_homes([workspace.home for workspace in workspaces])
    workspace = workspaces[-1]
    catalog.use_home(into)

    specs = catalog.forecasters.specs

    def tolerance_of(run: Run) -> float:  # no plugin that is used here may provide the forecaster
        name = run.cell.forecaster
        return max(TOLERANCE, specs[name].tolerance if name in specs else noted_tolerance(run.notes))

    is_new = not is_home(into)
    if workspace.remote is not None:
        workspace.remote.prepare()
    prepare_home(into)
    merge = merge_journals(sources, into, tolerance_of, keep_own=workspace.remote is not None)
    boards = merge_boards(sources, into)
    merge.problems += boards.problems
    _store(workspace, merge.differing)
    plans = stored_plans(into) if merge.conflicts else []
    metrics = {cell.key: plan.metric for plan in plans for cell in plan.cells}
    print_lines([*merge_lines(merge, len(sources), into, metrics, is_new=is_new), *boards.notes], wide_console())
    sys.exit(EXIT_CONFLICTS if merge.conflicts else EXIT_PROBLEMS if merge.problems else 0)


def _read_workspace(home: str, catalog: Catalog) -> Workspace:
    """The workspace of a home; of one in a store, what is new was read, and nothing stored."""
    from harness.boards.workspace import Workspace
    from harness.data.home_folders import home_folder

    workspace = Workspace(home_folder(home), catalog)
    if workspace.remote is not None:
        workspace.remote.pull()
    return workspace


def _store(workspace: Workspace, differing: Collection[str]) -> None:
    """Store what was merged, and the results of these cells that are kept aside, if the home is in a store."""
    if workspace.remote is None:
        return
    from harness.boards.workspace import store_results
    from harness.results.conflicts import CONFLICTS
    from harness.results.remote.conflicts import store_conflicts

    for key in sorted(differing):  # also of an earlier merge, which may have been interrupted before it stored them
        store_conflicts(workspace.remote.store, key, workspace.home / CONFLICTS / key)
    store_results(workspace)
