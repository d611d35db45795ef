"""Further inputs of the store: the page of a board, the dataset of a cell, the name of the user."""

from __future__ import annotations

import getpass
import json
import traceback
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag

import harness
from harness import Run
from harness_mlflow.entries import LONGEST_NAME
from harness_mlflow.index import PendingCell
from harness_mlflow.storage import storable


def board_page(board: str, home: Path) -> str | None:
    """The page of a board as HTML; None where it cannot be made."""
    try:
        html: str | None = harness.board_page(board, home)
        return html
    except Exception:  # the mirror works without a page
        traceback.print_exc()
        return None


def dataset_of(run: Run, cell: PendingCell) -> Any:
    """The dataset of a cell, identified by its fingerprint."""
    source = json.dumps({"dataset": run.cell.task.dataset, "fingerprint": cell.fingerprint})
    dataset = Dataset(storable(run.cell.task.dataset)[:LONGEST_NAME], cell.fingerprint[:36], "harness", source)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])


def user() -> str:
    """The name of the user that runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
