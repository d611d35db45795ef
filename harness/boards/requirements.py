"""What a board without results needs: data that is not installed or not downloaded, or a run."""

from __future__ import annotations

from functools import partial

from harness.boards.leaderboard import load_board
from harness.boards.workspace import Workspace
from harness.data.dataset import DatasetSpec
from harness.data.files import downloaded
from harness.errors import Failure, attempt


def missing_datasets(board: str, workspace: Workspace) -> tuple[str, ...]:
    """The datasets of a board whose files are not downloaded; raises BadBoard or UnknownName."""
    specs = _dataset_specs(board, workspace)
    return tuple(spec.name for spec in specs if not downloaded(spec, workspace.home))


def requirement(board: str, workspace: Workspace) -> str:
    """What a board without results needs, in a few words."""
    specs = attempt(partial(_dataset_specs, board, workspace))
    if isinstance(specs, Failure):
        return f"cannot be read: {specs}"
    if reasons := dict.fromkeys(spec.not_installed for spec in specs if spec.not_installed):
        return "; ".join(reasons)
    missing = [spec.name for spec in specs if not downloaded(spec, workspace.home)]
    return f"data not downloaded: harness data fetch {' '.join(missing)}" if missing else "not run yet"


def _dataset_specs(board: str, workspace: Workspace) -> list[DatasetSpec]:
    """The datasets of a board, each once."""
    names = dict.fromkeys(task.dataset for task in load_board(board, workspace.catalog).tasks)
    return [workspace.catalog.datasets[name].spec for name in names]
