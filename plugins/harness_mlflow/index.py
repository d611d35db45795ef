"""The index of the mirror: which cells and standings of a journal an MLflow store holds already.

It is a cache: if it is lost, it is rebuilt from the tags of the runs in the store.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness import Journal, Standings, StoredPlan, stored_plans, stored_standings
from harness_mlflow.place import Place
from harness_mlflow.storage import write_text

SCHEMA = 1
STANDINGS_FORMAT = 4  # of standings in MLflow; raised when stored ones must be sent again


@dataclass
class MirroredBoard:
    """What an MLflow store holds of one board."""

    experiment: str = ""  # MLflow's id of the board's experiment
    cells_experiment: str = ""
    standings: str = ""  # their digest, which includes the plan's
    cells: dict[str, int] = field(default_factory=dict)  # modification time of the record, by key
    names: dict[str, list[str]] = field(default_factory=dict)  # forecaster and task on the board, by key
    former: list[str] = field(default_factory=list)  # keys of cells that the board no longer has


@dataclass(frozen=True)
class PendingCell:
    """A finished cell that was not sent yet."""

    key: str
    forecaster: str  # its name on the board
    task: str
    fingerprint: str  # of the data
    modified: int  # when its record was written, in nanoseconds


@dataclass(frozen=True)
class Board:
    """A board that was run: its plan and, once they are computed, its standings."""

    plan: StoredPlan
    standings: Standings | None

    @property
    def digest(self) -> str:
        """A hash of the standings and the plan."""
        known = None if self.standings is None else self.standings.to_json()
        text = json.dumps([STANDINGS_FORMAT, asdict(self.plan), known], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Index:
    """What each MLflow store holds of each board of a home."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.path = place.folder / "mirrored.json"
        self._stores = _stores(self.path)
        if place.own and not place.database.is_file():
            self._stores.pop(place.store, None)
        known = self._stores.get(place.store, {})
        self.boards = {name: MirroredBoard(**sent) for name, sent in known.items()}

    def board(self, name: str) -> MirroredBoard:
        """What the store holds of a board; nothing at first."""
        return self.boards.setdefault(name, MirroredBoard())

    def save(self) -> None:
        """Write the index to the home."""
        self._stores[self.place.store] = {name: asdict(sent) for name, sent in self.boards.items()}
        write_text(self.path, json.dumps({"schema": SCHEMA, "stores": self._stores}))

    def pending_cells(self, plan: StoredPlan, journal: Journal) -> Iterator[PendingCell]:
        """The finished cells of a board that were not sent, or have changed since."""
        sent = self.board(plan.name)
        names: dict[str, list[list[str]]] = {}
        for cell in plan.cells:
            names.setdefault(cell.key, []).append([cell.forecaster, cell.task])
        for cell in plan.cells:
            modified = journal.modified(cell.key)
            renamed = cell.key in sent.names and sent.names[cell.key] not in names[cell.key]
            if modified and (renamed or sent.cells.get(cell.key) != modified):
                yield PendingCell(cell.key, cell.forecaster, cell.task, cell.fingerprint, modified)

    def standings_pending(self, board: Board) -> bool:
        """Whether the board's current standings were not sent."""
        return board.standings is not None and self.board(board.plan.name).standings != board.digest


@dataclass(frozen=True)
class Backlog:
    """The number of boards, and of cells and standings that are not mirrored yet."""

    boards: int  # all that were run
    cells: int
    standings: int

    def __bool__(self) -> bool:
        return bool(self.cells or self.standings)


def read_boards(home: Path) -> list[Board]:
    """All boards that were run with a home."""
    return [Board(plan, stored_standings(home, plan.name)) for plan in stored_plans(home)]


def backlog(place: Place) -> Backlog:
    """Compare the journal with the index, without MLflow."""
    index, journal, boards = Index(place), Journal(place.home), read_boards(place.home)
    return Backlog(
        len(boards),
        sum(1 for board in boards for _ in index.pending_cells(board.plan, journal)),
        sum(index.standings_pending(board) for board in boards),
    )


def _stores(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(fields, dict) and fields.get("schema") == SCHEMA
    return dict(fields["stores"]) if known else {}
