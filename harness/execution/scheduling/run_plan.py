"""Run plans: the cells of a run in groups, with their expected seconds, in a file that its shards read.

<home>/plans/<id>.json

The id is a hash of the content, so a plan never changes: shards that began with it have its division, whatever the
journal has learned since.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.data.home_folders import home_name
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import BadInput, DamagedFile, UnknownName
from harness.execution.scheduling.groups import CellGroup
from harness.fields.dumping import dump
from harness.fields.reading import load

SCHEMA = 1
FOLDER = "plans"
DIGITS = 12  # of an id


@dataclass(frozen=True)
class RunPlan:
    """The cells of a run in groups, with their expected seconds."""

    groups: tuple[CellGroup, ...]

    @cached_property
    def id(self) -> str:
        """A hash of the content."""
        return hashlib.sha256(json.dumps(dump(self), sort_keys=True).encode()).hexdigest()[:DIGITS]

    def save(self, home: Path) -> Path:
        """Store the plan in a home; returns its file."""
        path = home / FOLDER / f"{self.id}.json"
        if not path.is_file():
            write_checked_json(path, dump(self), SCHEMA, indent=None)
        return path

    def group(self, name: str | None) -> CellGroup:
        """The group of this name, the only one without; raises BadInput."""
        by_name = {group.name: group for group in self.groups}
        if name is None and len(self.groups) == 1:
            return self.groups[0]
        if name is None:
            raise BadInput(f"the run plan has {len(self.groups)} groups; say --group with one of {', '.join(by_name)}")
        if name not in by_name:
            raise UnknownName("group of the run plan", name, by_name)
        return by_name[name]

    def check_cells(self, keys: Iterable[str]) -> None:
        """Raise BadInput for cells that the plan does not have."""
        keys = set(keys)
        unknown = keys.difference(*(group.seconds for group in self.groups))
        if unknown:
            raise BadInput(
                f"{len(unknown):,} of {len(keys):,} cells are not in the run plan {self.id}: boards, data, forecasters "
                "or their Python changed since, or are other ones on this machine; write the plan again with "
                "`harness plan`"
            )


def read_run_plan(name: str, home: Path) -> RunPlan:
    """The run plan in a file, or with this id in a home; raises BadInput or LaterVersion."""
    path = home / FOLDER / f"{name}.json" if re.fullmatch(f"[0-9a-f]{{{DIGITS}}}", name) else Path(name)
    try:
        fields = read_checked_json(path, SCHEMA)
    except DamagedFile as error:
        raise BadInput(f"{error}; write it again with `harness plan`") from error
    if fields is None:
        where = f"{name} in {home_name(home)}" if path.parent == home / FOLDER else os.fspath(path)
        raise BadInput(f"there is no run plan {where}; `harness plan` writes one")
    try:
        return load(RunPlan, _without_schema(fields))
    except ValueError as error:
        raise BadInput(f"{path} is no run plan that this version of harness can read: {error}") from error


def _without_schema(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "schema"}
