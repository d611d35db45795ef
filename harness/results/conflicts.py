"""Different results of a cell, which a merge keeps aside: <home>/conflicts/<key>/<digest>/, until the cell is run.

The local copy of a home in a store has those that this machine merged, and the keys of all in <home>/conflicts.json.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.data.home_folders import home_name
from harness.data.storage import read_json, write_json
from harness.results.journal import Journal
from harness.results.stored_plan import StoredPlan

CONFLICTS = "conflicts"
OF_STORE = "conflicts.json"


@dataclass(frozen=True)
class PendingConflict:
    """A cell of a board that is pending since several homes have different results of it."""

    key: str
    forecaster: str
    task: str
    kept: str  # the folder of the results, or its URL in a store

    @property
    def sentence(self) -> str:
        """What is pending and why, where the results are, and what settles it."""
        return (
            f"{self.forecaster} on {self.task} is pending: several homes have different results, which are kept in "
            f"{self.kept}; run the board again, and its result counts"
        )


def conflict_place(home: Path, key: str) -> str:
    """The folder of the results of a cell that differ, or its URL in a store."""
    return f"{home_name(home)}/{CONFLICTS}/{key}"


def pending_conflicts(plan: StoredPlan, home: Path) -> Iterator[PendingConflict]:
    """The cells of a board without a result, of which merges kept different ones aside in this home."""
    folder, journal = home / CONFLICTS, Journal(home)
    noted, here = _noted(home), set(os.listdir(folder)) if folder.is_dir() else set()
    for cell in {cell.key: cell for cell in plan.cells if cell.key in noted | here}.values():
        if not journal.has(cell.key) and (cell.key in noted or any((folder / cell.key).iterdir())):
            yield PendingConflict(cell.key, cell.forecaster, cell.task, conflict_place(home, cell.key))


def note_conflicts(home: Path, keys: Collection[str]) -> None:
    """Note in a local copy of which cells the store keeps results that differ."""
    if set(keys) != _noted(home):
        write_json(home / OF_STORE, {"keys": sorted(keys)})


def _noted(home: Path) -> set[str]:
    """The keys that were noted; none where that is damaged: the next command that reads the store notes them again."""
    keys = (read_json(home / OF_STORE) or {}).get("keys")
    return {key for key in keys if isinstance(key, str)} if isinstance(keys, list) else set()
