"""The files that the tasks of a board name as their datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.data.table_dataset import TableDataset, table_dataset
from harness.fields.errors import FieldError


def name_tables(board: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], tuple[TableDataset, ...]]:
    """The table of a board file with a name for each dataset that is a file, and these datasets.

    A task of a file has the name of the file without its ending, unless it has its own. Raises FieldError for a
    dataset that does not fit, and for two of one name that are read differently.
    """
    tasks = board.get("tasks")
    if not isinstance(tasks, list):
        return dict(board), ()
    named: list[Any] = []
    found: dict[str, TableDataset] = {}
    for i, task in enumerate(tasks):
        table = task.get("dataset") if isinstance(task, dict) else None
        if not isinstance(table, dict):
            named.append(task)
            continue
        try:
            dataset = table_dataset(table, folder)
        except FieldError as error:
            raise error.inside("dataset").inside(str(i)).inside("tasks") from None
        if found.setdefault(dataset.label, dataset) != dataset:
            problem = f"two datasets are called {dataset.label!r}, and differ; give one of them a name of its own"
            raise FieldError(("tasks", str(i), "dataset"), problem)
        named.append({"name": dataset.title, **task, "dataset": dataset.label})
    return {**board, "tasks": named}, tuple(found.values())
