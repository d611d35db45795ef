"""Datasets that are files of the user, which boards declare and no plugin provides.

The declarations are in the environment, so that every process that a command starts knows the same datasets.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

from harness.data.dataset import DatasetSpec
from harness.data.table_dataset import TableDataset
from harness.errors import BadBoard
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.plugins.discovery import Plugin
from harness.plugins.registry import Registered, Registry

VARIABLE = "HARNESS_TABLES"


def declare(dataset: TableDataset) -> None:
    """Make a file a dataset of this process, and of those that it starts.

    Raises BadBoard if another file, or the same one read otherwise, has its name.
    """
    declared = _declared(os.environ.get(VARIABLE, "{}"))
    known = declared.get(dataset.label)
    if known == dataset:
        return
    if known is not None:
        raise BadBoard(
            f"two datasets of this command are called {dataset.label!r}, {known.file} and {dataset.file}; give one of "
            "them another name, such as dataset = { file = …, name = … }, or run their boards one after the other"
        )
    tables = {**declared, dataset.label: dataset}
    os.environ[VARIABLE] = json.dumps({name: dump(table) for name, table in tables.items()})


@lru_cache(maxsize=8)
def _declared(text: str) -> dict[str, TableDataset]:
    return {name: load(TableDataset, fields) for name, fields in json.loads(text).items()}


class DatasetRegistry(Registry[DatasetSpec]):
    """The datasets of plugins, and those that are declared, which are found by name but not listed.

    A name that a plugin's dataset has, too, is refused: BadBoard is raised.
    """

    def __init__(self, plugin: Plugin, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._plugin = plugin  # which declared datasets are attributed to

    def __getitem__(self, name: str) -> Registered[DatasetSpec]:
        declared = _declared(os.environ.get(VARIABLE, "{}"))
        if name not in declared:
            return super().__getitem__(name)
        if super().__contains__(name):
            raise BadBoard(
                f"the file {declared[name].file} is a dataset called {name!r}, and so is one of plugin "
                f"{super().__getitem__(name).plugin}; give the file another name, such as dataset = {{ file = …, "
                "name = … }"
            )
        return Registered(declared[name].spec(), self._plugin)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in _declared(os.environ.get(VARIABLE, "{}"))
