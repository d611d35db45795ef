"""The index of the mirror: which cells and standings of a journal an MLflow store holds already.

It is a cache: if it is lost, it is rebuilt from the tags of the runs in the store.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness import Journal, Standings, StoredPlan, stored_plans, stored_standings
from harness_mlflow.inspection import Contents, Unreadable, installed_mlflow, read_contents
from harness_mlflow.place import OWN, Place
from harness_mlflow.storage import storable, write_text

SCHEMA = 2
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
    page: str = ""  # the run that holds the board's page, if one does

    def forget(self) -> None:
        """Count nothing as sent; the experiments stay known."""
        self.cells.clear()
        self.names.clear()
        self.former.clear()
        self.standings = self.page = ""


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
    """What each MLflow store holds of each board of a home.

    Of the home's own store, what was deleted in MLflow's pages counts as not sent.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.path = place.folder / "mirrored.json"
        self._stores, self._versions = _stores(self.path)
        self._contents: Contents | None = None
        self.unchecked = False  # whether the own store may be one that the installed MLflow cannot use
        known = self._stores.get(place.store, {})
        self.boards = {name: _mirrored_board(sent) for name, sent in known.items()}
        if place.own:
            self._inspect()

    def board(self, name: str) -> MirroredBoard:
        """What the store holds of a board; nothing at first."""
        return self.boards.setdefault(name, MirroredBoard())

    def save(self) -> None:
        """Write the index to the home."""
        self._stores[self.place.store] = {name: asdict(sent) for name, sent in self.boards.items()}
        write_text(self.path, json.dumps({"schema": SCHEMA, "stores": self._stores, "versions": self._versions}))

    def forget(self) -> None:
        """Count nothing as sent, as for a new store, whose numbers of experiments mean others."""
        self.boards.clear()
        self._contents = None

    def note_version(self, revision: str) -> None:
        """Note that the installed MLflow can use the own store, whose tables have this revision."""
        self._versions[OWN] = [installed_mlflow(), revision]
        self.unchecked = False

    def _inspect(self) -> None:
        """Compare the index with the own store."""
        if not self.place.database.is_file():
            self.boards.clear()
            return
        try:
            self._contents = contents = read_contents(self.place.database)
        except Unreadable:
            self.boards.clear()
            self.unchecked = True
            return
        if contents is None:
            return
        self.unchecked = self._versions.get(OWN) != [installed_mlflow(), contents.revision]
        for sent in self.boards.values():
            if not (contents.has(sent.experiment) and contents.has(sent.cells_experiment)):
                sent.forget()
            for key in sent.cells.keys() - contents.of(sent.cells_experiment, "harness.key"):
                del sent.cells[key]
                sent.names.pop(key, None)
            if sent.page and "page" not in contents.of(sent.cells_experiment, "harness.kind"):
                sent.standings = sent.page = ""

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
        """Whether the board's current standings were not sent, or a forecaster's run was deleted."""
        if board.standings is None:
            return False
        sent = self.board(board.plan.name)
        if sent.standings != board.digest or self._contents is None:
            return sent.standings != board.digest
        rows = {storable(row.forecaster) for row in board.standings.rows}
        return not rows <= self._contents.of(sent.experiment, "forecaster")


@dataclass(frozen=True)
class Backlog:
    """The number of boards, and of cells and standings that are not mirrored yet."""

    boards: int  # all that were run
    cells: int
    standings: int
    unchecked: bool = False  # whether the own store may be one that the installed MLflow cannot use

    def __bool__(self) -> bool:
        return bool(self.cells or self.standings or self.unchecked)

    @property
    def in_words(self) -> str:
        """What waits, as the begin of a sentence."""
        if self.cells:
            return "1 run waits" if self.cells == 1 else f"{self.cells:,} runs wait"
        return "new standings wait" if self.standings else "its store waits to be checked"

    @property
    def sending(self) -> str:
        """What is done with it, as the begin of a sentence."""
        if self.cells:
            return "1 run is sent" if self.cells == 1 else f"{self.cells:,} runs are sent"
        return "new standings are sent" if self.standings else "its store is checked"


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
        index.unchecked,
    )


def _stores(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each store holds, and the versions of MLflow and of the tables with which it was last used."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}, {}
    if not isinstance(known, dict) or known.get("schema") not in (1, SCHEMA):
        return {}, {}
    return dict(known["stores"]), dict(known.get("versions", {}))


def _mirrored_board(sent: dict[str, Any]) -> MirroredBoard:
    names = {each.name for each in fields(MirroredBoard)}
    return MirroredBoard(**{name: value for name, value in sent.items() if name in names})
