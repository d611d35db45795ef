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

from harness import (
    DamagedFile,
    Journal,
    Standings,
    StoredCell,
    StoredPlan,
    read_checked_json,
    set_aside,
    standings_path,
    stored_plans,
    stored_standings,
    write_checked_json,
)
from harness_mlflow.inspection import Contents, Unreadable, installed_mlflow, read_contents
from harness_mlflow.place import INDEX_SCHEMAS, OWN, Place
from harness_mlflow.storage import tag_value

SCHEMA, UNCHECKED = INDEX_SCHEMAS
STANDINGS_FORMAT = 6  # of standings in MLflow; raised when stored ones must be sent again


@dataclass
class MirroredBoard:
    """What an MLflow store holds of one board."""

    experiment: str = ""  # MLflow's id of the board's experiment
    cells_experiment: str = ""
    pages_experiment: str = ""  # that of the pages of all boards
    standings: str = ""  # their digest, which includes the plan's
    cells: dict[str, int] = field(default_factory=dict)  # modification time of the record, by key
    digests: dict[str, str] = field(default_factory=dict)  # of the record, by key
    copies: dict[str, int] = field(default_factory=dict)  # later times of unchanged records, as in a copied home
    names: dict[str, list[str]] = field(default_factory=dict)  # forecaster and task on the board, by key
    former: list[str] = field(default_factory=list)  # keys of cells that the board no longer has
    rows: list[str] = field(default_factory=list)  # forecasters whose runs were sent
    page: str = ""  # the run that holds the board's page, if one does
    unsettled: bool = True  # whether a session may have left doubled or unfinished runs

    def forget(self) -> None:
        """Count nothing as sent; the experiments stay known."""
        for known in (self.cells, self.digests, self.copies, self.names):
            known.clear()
        self.former.clear()
        self.rows.clear()
        self.standings = self.page = ""

    def forget_cell(self, key: str) -> None:
        """Count a cell as not sent."""
        for known in (self.cells, self.digests, self.copies, self.names):
            known.pop(key, None)

    def holds(self, key: str, modified: int, journal: Journal) -> bool:
        """Whether a cell was sent as its record is now; one that was copied has another time."""
        if modified in (self.cells.get(key), self.copies.get(key)):
            return True
        if key not in self.digests or self.digests[key] != journal.digest(key):
            return False
        self.copies[key] = modified
        return True


@dataclass(frozen=True)
class PendingCell:
    """A finished cell that was not sent yet."""

    key: str
    forecaster: str  # its name on the board
    task: str
    fingerprint: str  # of the data
    modified: int  # when its record was written, in nanoseconds
    digest: str  # of the record


@dataclass(frozen=True)
class Board:
    """A board that was run. Its standings, which may be large, are read when they are sent."""

    plan: StoredPlan
    home: Path

    @property
    def digest(self) -> str:
        """A hash of the stored standings and the plan; empty where there are no standings."""
        try:
            with standings_path(self.home, self.plan.name).open("rb") as file:
                stored = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""
        text = json.dumps([STANDINGS_FORMAT, asdict(self.plan), stored], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def standings(self) -> Standings | None:
        """The stored standings; None where there are none, or none that can be read."""
        return stored_standings(self.home, self.plan.name)


class Index:
    """What each MLflow store holds of each board of a home.

    Of the home's own store, what was deleted in MLflow's pages counts as not sent.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.path = place.index
        self._stores, self._versions = _stores(self.path, place.home)
        self._contents: Contents | None = None
        self.unchecked = False  # whether the own store may be one that the installed MLflow cannot use
        known = self._stores.get(place.store, {})
        self.boards = {name: mirrored_board(sent) for name, sent in known.items()}
        if place.own:
            self._inspect()

    def board(self, name: str) -> MirroredBoard:
        """What the store holds of a board; nothing at first."""
        return self.boards.setdefault(name, MirroredBoard())

    def save(self) -> None:
        """Write the index to the home."""
        self._stores[self.place.store] = {name: asdict(sent) for name, sent in self.boards.items()}
        fields = {"home": self.place.identity(), "stores": self._stores, "versions": self._versions}
        write_checked_json(self.path, fields, SCHEMA, indent=None, durable=False)

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
            self._contents = contents = read_contents(self.place.database, self.place.identity())
        except OSError:  # the home cannot be written to
            return
        except Unreadable:
            self.boards.clear()
            self.unchecked = True
            return
        if contents is None:
            return
        self.unchecked = self._versions.get(OWN) != [installed_mlflow(), contents.revision]
        for name, sent in self.boards.items():
            if not (contents.has(sent.experiment) and contents.has(sent.cells_experiment)):
                sent.forget()
            for key in sent.cells.keys() - contents.of(sent.cells_experiment, "harness.key"):
                sent.forget_cell(key)
            if sent.page and tag_value(name) not in contents.of(sent.pages_experiment, "harness.page"):
                sent.standings = sent.page = ""
            if contents.has_faulty(sent.experiment, sent.cells_experiment, sent.pages_experiment):
                sent.unsettled = True

    def pending_cells(self, plan: StoredPlan, journal: Journal) -> Iterator[PendingCell]:
        """The finished cells of a board that were not sent, or have changed since."""
        sent = self.board(plan.name)
        by_key: dict[str, list[StoredCell]] = {}
        for cell in plan.cells:
            by_key.setdefault(cell.key, []).append(cell)
        for cell in plan.cells:
            modified = journal.modified(cell.key)
            if not modified:
                continue
            names = sent.names.get(cell.key)
            renamed = names is not None and all(names != [twin.forecaster, twin.task] for twin in by_key[cell.key])
            if renamed or not sent.holds(cell.key, modified, journal):
                digest = journal.digest(cell.key)
                yield PendingCell(cell.key, cell.forecaster, cell.task, cell.fingerprint, modified, digest)

    def standings_pending(self, board: Board) -> bool:
        """Whether the board's current standings were not sent, or a forecaster's run was deleted."""
        digest, sent = board.digest, self.board(board.plan.name)
        if not digest or sent.standings != digest or self._contents is None:
            return bool(digest) and sent.standings != digest
        return not set(sent.rows) <= self._contents.of(sent.experiment, "forecaster")


@dataclass(frozen=True)
class Backlog:
    """The number of boards, and of cells and standings that are not mirrored yet."""

    boards: int  # all that were run
    cells: int
    standings: int
    unchecked: bool = False  # whether the own store may be one that the installed MLflow cannot use
    unsettled: int = 0  # boards of which a session may have left doubled or unfinished runs

    def __bool__(self) -> bool:
        return bool(self.cells or self.standings or self.unchecked)

    @property
    def work(self) -> bool:
        """Whether there is anything to do for a mirror."""
        return bool(self or self.unsettled)

    @property
    def in_words(self) -> str:
        """What waits, as the begin of a sentence."""
        if self.cells:
            return "1 run waits" if self.cells == 1 else f"{self.cells:,} runs wait"
        return "new standings wait" if self.standings else "its store waits to be checked"

    @property
    def announcement(self) -> str:
        """What a command waits for, and that nobody has to."""
        what = "checking its store"
        if self.cells:
            what = "sending 1 run" if self.cells == 1 else f"sending {self.cells:,} runs"
        elif self.standings:
            what = "sending new standings"
        return f"{what}; all results are stored already, and Ctrl-C leaves the rest to the next command"

    def progress(self, before: Backlog) -> str:
        """How much of an earlier backlog was sent."""
        if not before.cells:
            return f"{before.announcement.partition(',')[0]} still"
        sent = max(before.cells - self.cells, 0)
        rest = "; the standings are sent" if not self.cells and self.standings else ""
        return f"{sent:,} of {before.cells:,} runs sent{rest}"


def read_boards(home: Path) -> list[Board]:
    """All boards that were run with a home."""
    return [Board(plan, home) for plan in stored_plans(home)]


def sent_boards(place: Place, store: str) -> dict[str, MirroredBoard]:
    """What a store holds of each board, as the index says."""
    return {name: mirrored_board(sent) for name, sent in _stores(place.index, place.home)[0].get(store, {}).items()}


def backlog(place: Place) -> Backlog:
    """Compare the journal with the index, without MLflow."""
    index, journal, boards = Index(place), Journal(place.home), read_boards(place.home)
    return Backlog(
        len(boards),
        sum(1 for board in boards for _ in index.pending_cells(board.plan, journal)),
        sum(index.standings_pending(board) for board in boards),
        index.unchecked,
        sum(index.board(board.plan.name).unsettled for board in boards),
    )


def mirrored_board(fields: object) -> MirroredBoard:
    """A board of the index as it was stored; an empty one for what cannot have been stored."""
    known = MirroredBoard()
    for name, value in fields.items() if isinstance(fields, dict) else ():
        if isinstance(value, type(getattr(known, name, None))):
            setattr(known, name, value)
    sound = (
        all(isinstance(moment, int) for moment in (*known.cells.values(), *known.copies.values()))
        and all(isinstance(digest, str) for digest in known.digests.values())
        and all(isinstance(names, list) for names in known.names.values())
        and all(isinstance(name, str) for name in [*known.former, *known.rows])
    )
    return known if sound else MirroredBoard()


def _stores(path: Path, home: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each store holds, and the versions of MLflow and of the tables with which it was last used.

    Raises LaterVersion where a later version of harness wrote the file.
    """
    try:
        known = read_checked_json(path, SCHEMA, UNCHECKED) or {}
    except DamagedFile as error:
        set_aside(error, home, "it is made again from what MLflow holds")
        return {}, {}
    stores, versions = known.get("stores"), known.get("versions")
    found = stores if isinstance(stores, dict) else {}
    boards = {store: boards for store, boards in found.items() if isinstance(boards, dict)}
    return boards, versions if isinstance(versions, dict) else {}
