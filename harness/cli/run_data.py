"""What `harness run --data` and `harness new board FILE` do: a file → its checks → a board of it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.board_files import check_not_kept
from harness.boards.leaderboard import BOARD_FILE, read_leaderboard
from harness.boards.own_data import OwnBoard, own_board, own_board_name
from harness.boards.own_protocol import BoardRequest
from harness.cli.console import print_lines
from harness.data.panel import Panel
from harness.data.storage import write_text
from harness.data.table_dataset import TableDataset, read_table_dataset
from harness.data.tables.checks import check_table
from harness.data.tables.findings import check_findings
from harness.errors import BadInput, Failure, UnknownName, attempt
from harness.plugins.table_datasets import declare
from harness.report.checks.table_reading import reading_lines
from harness.results.journal import prepare_home
from harness.results.stored_plan import board_folder

if TYPE_CHECKING:
    from rich.console import Console

    from harness.boards.workspace import Workspace
    from harness.plugins.catalog import Catalog


def prepare_board(dataset: TableDataset, request: BoardRequest, workspace: Workspace, console: Console) -> Path:
    """The board file of a file of data, written to the home; how the file was read is printed first.

    Forecasters that were added to it before are kept. Raises BadTable for data that must be mended first, BadTask where
    there is too little of it, UnknownName for a forecaster or a metric that is asked for and not installed, and
    BadBoard where the board is kept elsewhere.
    """
    catalog = workspace.catalog
    name = own_board_name(dataset, request, catalog)
    check_not_kept(Path(dataset.file), name, workspace)
    path = board_folder(workspace.home, name) / BOARD_FILE
    added = (*(catalog.forecasters[name].spec.name for name in request.forecasters), *_forecasters_of(path, workspace))
    board = _board(dataset, dataset, replace(request, forecasters=added), catalog, console)
    prepare_home(workspace.home)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, board.text)
    (stated,) = read_leaderboard(path).datasets
    declare(stated)
    panel = Panel(**board.reading.panel_fields())
    workspace.fingerprints.keep(workspace.catalog.datasets[stated.label], panel)  # it need not be read again
    print_lines([f"board: {path}", ""], console, soft_wrap=True)
    return path


def _forecasters_of(path: Path, workspace: Workspace) -> tuple[str, ...]:
    """The forecasters of a board file that are installed; none where it cannot be read."""
    board = attempt(partial(read_leaderboard, path, workspace.catalog.protocol_classes))
    names = () if isinstance(board, Failure) else tuple(entry.name for entry in board.forecasters)
    return tuple(name for name in names if name in workspace.catalog.forecasters)


def write_board(dataset: TableDataset, request: BoardRequest, into: Path, catalog: Catalog, console: Console) -> Path:
    """The board file of a file of data, written to a new folder of its name; its path there is relative.

    Raises BadInput if there is such a folder, and as `prepare_board` does.
    """
    folder = into / dataset.title
    if folder.exists() or folder.is_symlink():
        raise BadInput(f"{folder} exists already; name another folder by --into")
    named = replace(dataset, file=Path(os.path.relpath(dataset.file, folder)).as_posix())
    board = _board(dataset, named, request, catalog, console)
    folder.mkdir(parents=True)
    write_text(folder / "leaderboard.toml", board.text)
    return folder / "leaderboard.toml"


def _board(
    dataset: TableDataset, named: TableDataset, request: BoardRequest, catalog: Catalog, console: Console
) -> OwnBoard:
    """The board of a file, which `named` has as the board should name it; how it was read is printed."""
    if request.metric is not None and request.metric not in catalog.metrics:
        raise UnknownName("metric", request.metric, catalog.metrics)
    reading = read_table_dataset(dataset)
    reading = replace(reading, findings=check_table(reading))
    print_lines(reading_lines(reading, dataset.label), console)
    check_findings(reading.findings)
    board = own_board(named, reading, request, catalog)
    print_lines(board.reasons, console)
    return board
