"""Further inputs of the store: pages, datasets, hyperparameters, and the name of the user."""

from __future__ import annotations

import getpass
import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag

import harness
from harness import Journal, Run, StoredPlan
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


def hyperparameters_of(plan: StoredPlan, journal: Journal) -> dict[str, Mapping[str, Any]]:
    """The hyperparameters of each forecaster of a board, from its first finished cell."""
    known: dict[str, Mapping[str, Any]] = {}
    for cell in plan.cells:
        if cell.forecaster not in known and (run := journal.read(cell.key)) is not None:
            known[cell.forecaster] = {**run.cell.parameters, **run.hyperparameters}
    return known


def user() -> str:
    """The name of the user that runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
