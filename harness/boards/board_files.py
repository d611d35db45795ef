"""The files of the boards of a home: found by name; two boards of one name do not take each other's place."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any

from harness.boards.leaderboard import BOARD_FILE, board_file, board_name, find_board_file, read_leaderboard
from harness.boards.toml_files import read_toml
from harness.boards.workspace import Workspace
from harness.data.damage import reported_only, set_aside
from harness.data.home_folders import home_name
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import BadBoard, DamagedFile, Failure, HarnessError, UnknownName, attempt
from harness.plugins.table_datasets import declare
from harness.results.stored_plan import board_folder, stored_plans

SCHEMA = 1


def known_board(board: str, workspace: Workspace) -> str:
    """A board's name or path; of a board that only the home knows, the path of the file that was run.

    Raises UnknownName for a name that neither the catalog nor the home has.
    """
    catalog = workspace.catalog
    is_path = board_file(board) is not None or "/" in board or os.sep in board
    if is_path or board in catalog.boards or board in catalog.collections:
        return board
    file = stored_board_file(workspace.home, board)
    if file is None and os.path.isdir(board):
        return board  # a folder without a board file, which an error names later
    if file is None:
        names = (*catalog.boards, *catalog.collections, *(plan.name for plan in stored_plans(workspace.home)))
        raise UnknownName("board", board, set(names))
    return str(file)


def stored_board_file(home: Path, name: str) -> Path | None:
    """The file of a board whose results, or whose file, the home has; None if it does not exist."""
    files = (_stored_file(home, name), board_folder(home, name) / BOARD_FILE)
    return next((file for file in files if file is not None and file.is_file()), None)


def declare_files_of_run(key: str, workspace: Workspace) -> None:
    """Declare the files of data of a board that has a run, so that its task can be loaded again."""
    names = (plan.name for plan in stored_plans(workspace.home) if any(cell.key == key for cell in plan.cells))
    file = next(filter(None, (stored_board_file(workspace.home, name) for name in names)), None)
    if file is None:
        return
    board = attempt(partial(read_leaderboard, file, workspace.catalog.protocol_classes))
    for dataset in () if isinstance(board, Failure) else board.datasets:
        declare(dataset)


def check_not_kept(file: Path, name: str, workspace: Workspace) -> None:
    """Raise BadBoard if the home has the results of a board of that name that is kept elsewhere, of a file of data."""
    kept = _stored_file(workspace.home, name)
    own = board_folder(workspace.home, name) / BOARD_FILE
    if kept is None or kept == own.resolve() or not kept.is_file():
        return
    board = attempt(partial(read_leaderboard, kept, workspace.catalog.protocol_classes))
    if isinstance(board, Failure) or file.resolve() not in [Path(dataset.file) for dataset in board.datasets]:
        check_file(workspace.home, name, own)
        return
    path = shlex.quote(_path_argument(kept))
    raise BadBoard(
        f"the board of {file.name} is kept as {kept}, which has the results in the home {home_name(workspace.home)}; "
        f"name the board instead of the file, as in `harness run {path}`, and edit it for other options"
    )


def _path_argument(file: Path) -> str:
    """How a command names a board by its path: the folder of a `leaderboard.toml`, from the current one if inside."""
    path = file.parent if file.name == BOARD_FILE else file
    here = Path.cwd().resolve()
    return os.path.join(os.curdir, path.relative_to(here)) if path.is_relative_to(here) else str(path)


def check_stored_board(board: str, workspace: Workspace) -> None:
    """Raise BadBoard if the home's results under the name of a board, given by name or path, are of another file."""
    try:
        file = find_board_file(board, workspace.catalog)
    except HarnessError:  # a board without a file may have results
        return
    check_file(workspace.home, board_name(board), file)


def check_file(home: Path, name: str, file: Path) -> None:
    """Raise BadBoard if the home has results of another board of that name, whose file exists and is different.

    The board of a file of data, which a command wrote to the home, may be replaced by any other.
    """
    stored = _stored_file(home, name)
    own = board_folder(home, name) / BOARD_FILE  # of a file of data
    if stored is None or stored in (file.resolve(), own.resolve()):
        return
    contents = [attempt(path.read_bytes) for path in (stored, file)]
    if not isinstance(contents[0], Failure) and contents[0] != contents[1]:
        raise BadBoard(
            f"{file}: the home {home_name(home)} has the results of another board called {name!r}, which is {stored}; "
            "rename the folder of one of them, or name another home by --home"
        )


def store_file(home: Path, name: str, file: Path, digest: str = "") -> None:
    """Store which file the results of a board are of, and its digest when it was read."""
    fields = {"file": str(file.resolve()), "digest": digest}
    if any(_stored_fields(home, name).get(key) != value for key, value in fields.items()):
        write_checked_json(_path(home, name), fields, SCHEMA)


def copy_stored_file(source: Path, into: Path, name: str) -> None:
    """Store in a home which file the results of a board are of, as another home has it, which is only read.

    A board whose file is in that home has one in the other home, too.
    """
    with reported_only():
        fields, own = _stored_fields(source, name), board_folder(source, name) / BOARD_FILE
    if isinstance(fields.get("file"), str):
        file = Path(fields["file"])
        file = board_folder(into, name) / BOARD_FILE if file == own.resolve() else file
        store_file(into, name, file, str(fields.get("digest", "")))


def board_digest(file: Path) -> str:
    """A hash of what a board file says, without its comments and its layout; raises BadBoard where it is no TOML."""
    text = read_toml(file, "board", partial(json.dumps, sort_keys=True, default=str))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def changed_file(board: str, workspace: Workspace) -> Path | None:
    """The file of a board, given by name or path, if it says something else than at the board's last run.

    None where that is not known.
    """
    name = board_name(board)
    digest = _stored_fields(workspace.home, name).get("digest")
    found = attempt(partial(find_board_file, board, workspace.catalog))
    file = _stored_file(workspace.home, name) if isinstance(found, Failure) else found
    if not digest or file is None or not file.is_file():
        return None
    return None if attempt(partial(board_digest, file)) == digest else file


def name_in_files(name: str) -> str:
    """What is left of a name where the case of letters and the form of accents make no difference."""
    return unicodedata.normalize("NFC", name).casefold()


def _stored_file(home: Path, name: str) -> Path | None:
    file = _stored_fields(home, name).get("file")
    return Path(file) if isinstance(file, str) else None


def _stored_fields(home: Path, name: str) -> dict[str, Any]:
    """What is stored of the file of a board; empty where nothing is."""
    try:
        return read_checked_json(_path(home, name), SCHEMA) or {}
    except DamagedFile as error:
        set_aside(error, home, "the next run of the board writes it again")
        return {}


def _path(home: Path, name: str) -> Path:
    return board_folder(home, name) / "board.json"
