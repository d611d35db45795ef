"""Selections: which cells of a board commands have asked for, each in a file of the board's folder.

A file is named by a hash of its content and never changes, so that commands on several machines add theirs at the same
time. The cells that were asked for are those of any selection. Results never depend on it: it tells pending cells from
those that nobody wants to be run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.data.damage import reported_only, set_aside
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import DamagedFile, LaterVersion
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.results.stored_plan import StoredCell, StoredPlan, board_folder

FOLDER = "selections"
SCHEMA = 1


@dataclass(frozen=True)
class BoardSelection:
    """What a command asked for of a board: cells of these forecasters on these tasks; of all where none are named."""

    options: str = ""  # of the command, such as "--only naive,theta"
    forecasters: tuple[str, ...] = ()  # by their names on the board
    tasks: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it has all cells of the board."""
        return not (self.forecasters or self.tasks)

    def has(self, cell: StoredCell) -> bool:
        """Whether it has a cell of the board."""
        has_task = not self.tasks or cell.task in self.tasks
        return has_task and (not self.forecasters or cell.forecaster in self.forecasters)

    def save(self, home: Path, board: str) -> None:
        """Store the selection, unless it is stored already."""
        fields = dump(self)
        digest = hashlib.blake2b(json.dumps(fields, sort_keys=True).encode(), digest_size=8).hexdigest()
        path = board_folder(home, board) / FOLDER / f"{digest}.json"
        if not path.is_file():
            write_checked_json(path, fields, SCHEMA)


WHOLE = BoardSelection()


def selections_of(home: Path, plan: StoredPlan) -> tuple[BoardSelection, ...]:
    """The selections of a board; none where all of its cells were asked for, or where that is not known."""
    found = list(_stored(home, plan.name))
    if not found or any(each.is_whole for each in found) or selected_keys(found, plan) == selected_keys((), plan):
        return ()
    return tuple(sorted(found, key=lambda each: each.options))


def selected_keys(selections: Sequence[BoardSelection], plan: StoredPlan) -> set[str]:
    """The keys of the cells that these selections of a board have; all where there are no selections."""
    return {cell.key for cell in plan.cells if not selections or any(each.has(cell) for each in selections)}


def has_selections(home: Path, board: str) -> bool:
    """Whether it is known what commands asked for of a board."""
    return any(True for _ in _stored(home, board))


def copy_selections(source: Path, into: Path, board: str) -> None:
    """Add the selections of a board in another home, which is only read; all cells where it does not know any."""
    with reported_only():
        found = list(_stored(source, board))
    for selection in found or [WHOLE]:
        selection.save(into, board)


def _stored(home: Path, board: str) -> Iterable[BoardSelection]:
    for path in sorted((board_folder(home, board) / FOLDER).glob("[!.]*.json")):
        with suppress(LaterVersion, ValueError):  # of another version: its cells count as not selected
            try:
                fields = read_checked_json(path, SCHEMA)
            except DamagedFile as error:
                set_aside(error, home, "the same command writes it again")
                continue
            if fields is not None:
                yield load(BoardSelection, {name: value for name, value in fields.items() if name != "schema"})
