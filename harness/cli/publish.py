"""The command `harness publish`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo
from harness.cli.options import workspace_option
from harness.errors import BadInput, attempt

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.results.board_results import JournalResults


@click.command("publish")
@click.argument("board")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--metric", "metrics", multiple=True, help="Publish per-window losses of this metric too. Repeatable.")
@workspace_option
def publish_command(board: str, folder: Path | None, metrics: tuple[str, ...], workspace: Workspace) -> None:
    """Write a board's README and results into its folder; of a collection, those of each board into a folder of it.

    The folder holds results and per-window losses, to be committed; never the data.
    """
    from harness.analysis.lookup import find_journal_results, find_part_results
    from harness.boards.collections import find_collection, parts_of
    from harness.boards.leaderboard import board_name

    catalog = workspace.catalog
    if find_collection(board, catalog) is None:
        folder = _writable_folder(board, workspace) if folder is None else folder
        _publish(board, find_journal_results(board, workspace), folder, metrics, workspace)
        return
    if folder is None:
        raise BadInput(f"{board!r} is a collection of boards; name a folder for them: harness publish {board} FOLDER")
    for part in parts_of((board,), catalog):
        results = find_part_results(part, workspace)
        _publish(part.board, results, folder / board_name(part.board), metrics, workspace)


def _publish(board: str, results: JournalResults, folder: Path, metrics: tuple[str, ...], workspace: Workspace) -> None:
    """Write the README and the results of a board into a folder, and print its files."""
    from harness.analysis.costs import without_costs
    from harness.analysis.lookup import board_standings
    from harness.report.standings.markdown import readme
    from harness.results.publication.files import README, RESULTS, TERMS
    from harness.results.publication.writing import publish

    catalog = workspace.catalog
    names = dict.fromkeys((results.plan.metric, *metrics))
    specs = [catalog.metrics[name].spec for name in names]
    standings = board_standings(results, workspace)
    text = readme(standings, results.runs.values(), _board_argument(board, folder, workspace))
    withheld = publish(results, specs, without_costs(standings), text, folder)
    for path in sorted(folder.iterdir()):
        if path.name in (README, RESULTS, TERMS):
            echo(f"{path}: {path.stat().st_size:,} bytes")
    for task, reason in withheld.items():
        echo(f"the terms of {task} are withheld: {reason}")


def _board_argument(board: str, folder: Path, workspace: Workspace) -> str:
    """How a command in the folder of a publication names its board: by its name, or by a file in that folder."""
    from harness.boards.board_files import known_board
    from harness.boards.leaderboard import BOARD_FILE, board_name, find_board_file

    file = attempt(lambda: find_board_file(known_board(board, workspace), workspace.catalog))
    is_beside = isinstance(file, Path) and file.parent.resolve() == folder.resolve()
    if board_name(board) in workspace.catalog.boards or not isinstance(file, Path) or not is_beside:
        return board_name(board)
    return "." if file.name == BOARD_FILE else f"./{file.name}"


def _writable_folder(board: str, workspace: Workspace) -> Path:
    """The board's own folder; raises BadInput where it is installed, or cannot be written to."""
    from harness.analysis.lookup import published_folder
    from harness.boards.board_files import known_board

    folder = published_folder(known_board(board, workspace), workspace.catalog)
    installed = _is_installed(folder.resolve())
    if installed or not os.access(folder, os.W_OK):
        why = "belongs to an installed package" if installed else "cannot be written to"
        raise BadInput(f"the folder of board {board!r}, {folder}, {why}; name another: harness publish {board} FOLDER")
    return folder


def _is_installed(folder: Path) -> bool:
    """Whether an installer put the files of a folder there, in any environment; those of an editable install are not.

    An installer lists its files in RECORD, beside the top folder of the package.
    """
    from importlib.metadata import distributions

    if not {"site-packages", "dist-packages"}.isdisjoint(part.lower() for part in folder.parts):
        return True
    for parent in folder.parents:
        inside = f"{folder.relative_to(parent).as_posix()}/"
        for distribution in distributions(path=[str(parent)]):
            files = (distribution.read_text("RECORD") or "").splitlines()
            if any(line.lstrip('"').startswith(inside) for line in files):
                return True
    return False
