"""The index: what of a journal a store holds already, so that catching up costs nothing.

It is a memory, not the truth: a lost one is rebuilt from the tags of the runs in the store.
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
WRITTEN = 3  # raised when standings are to be sent again, because they are written in another way


@dataclass
class Sent:
    """What a store holds of one board."""

    experiment: str = ""  # MLflow's number of the board's experiment
    cells_experiment: str = ""
    standings: str = ""  # the digest of the standings, and of the plan they belong to
    cells: dict[str, int] = field(default_factory=dict)  # by key: when the record was written
    names: dict[str, list[str]] = field(default_factory=dict)  # by key: forecaster and task, as the board called them
    former: list[str] = field(default_factory=list)  # keys of cells that are no longer on the board


@dataclass(frozen=True)
class Waiting:
    """A finished cell that is not sent."""

    key: str
    forecaster: str  # its name on the board
    task: str
    fingerprint: str  # of the data
    modified: int  # when its record was written, in nanoseconds


@dataclass(frozen=True)
class Board:
    """A board as the home holds it."""

    plan: StoredPlan
    standings: Standings | None

    @property
    def digest(self) -> str:
        """Changes when the standings or the plan do."""
        known = None if self.standings is None else self.standings.to_json()
        text = json.dumps([WRITTEN, asdict(self.plan), known], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Index:
    """What the stores of a home hold, by store and board."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.path = place.folder / "mirrored.json"
        self._stores = _stores(self.path)
        if place.own and not place.database.is_file():
            self._stores.pop(place.store, None)
        known = self._stores.get(place.store, {})
        self.boards = {name: Sent(**sent) for name, sent in known.items()}

    def board(self, name: str) -> Sent:
        """What the store holds of a board."""
        return self.boards.setdefault(name, Sent())

    def save(self) -> None:
        """Write it down, whole or not at all."""
        self._stores[self.place.store] = {name: asdict(sent) for name, sent in self.boards.items()}
        write_text(self.path, json.dumps({"schema": SCHEMA, "stores": self._stores}))

    def waiting_cells(self, plan: StoredPlan, journal: Journal) -> Iterator[Waiting]:
        """The finished cells of a board that are not sent, or not as they are now."""
        sent = self.board(plan.name)
        called: dict[str, list[list[str]]] = {}
        for cell in plan.cells:
            called.setdefault(cell.key, []).append([cell.forecaster, cell.task])
        for cell in plan.cells:
            modified = journal.modified(cell.key)
            renamed = cell.key in sent.names and sent.names[cell.key] not in called[cell.key]
            if modified and (renamed or sent.cells.get(cell.key) != modified):
                yield Waiting(cell.key, cell.forecaster, cell.task, cell.fingerprint, modified)

    def standings_wait(self, board: Board) -> bool:
        """Whether the board's standings are not sent as they are."""
        return board.standings is not None and self.board(board.plan.name).standings != board.digest


@dataclass(frozen=True)
class Backlog:
    """What is not mirrored yet."""

    boards: int  # that were ever run
    cells: int
    standings: int

    def __bool__(self) -> bool:
        return bool(self.cells or self.standings)


def boards_of(home: Path) -> list[Board]:
    """The boards that were run with this home."""
    return [Board(plan, stored_standings(home, plan.name)) for plan in stored_plans(home)]


def backlog(place: Place) -> Backlog:
    """What is not mirrored yet, found without MLflow."""
    index, journal, boards = Index(place), Journal(place.home), boards_of(place.home)
    return Backlog(
        len(boards),
        sum(1 for board in boards for _ in index.waiting_cells(board.plan, journal)),
        sum(index.standings_wait(board) for board in boards),
    )


def _stores(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(fields, dict) and fields.get("schema") == SCHEMA
    return dict(fields["stores"]) if known else {}
