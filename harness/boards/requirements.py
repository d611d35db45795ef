"""What a board without results needs: data that is not downloaded, or a run."""

from __future__ import annotations

from functools import partial

from harness.boards.leaderboard import load_board
from harness.boards.workspace import Workspace
from harness.data.files import downloaded
from harness.errors import Failure, attempt


def missing_datasets(board: str, workspace: Workspace) -> tuple[str, ...]:
    """The datasets of a board whose files are not downloaded; raises BadBoard or UnknownName."""
    names = dict.fromkeys(task.dataset for task in load_board(board, workspace.catalog).tasks)
    datasets = workspace.catalog.datasets
    return tuple(name for name in names if not downloaded(datasets[name].spec, workspace.home))


def requirement(board: str, workspace: Workspace) -> str:
    """What a board without results needs, in a few words."""
    missing = attempt(partial(missing_datasets, board, workspace))
    if isinstance(missing, Failure):
        return f"cannot be read: {missing}"
    return f"data not downloaded: harness data fetch {' '.join(missing)}" if missing else "not run yet"
