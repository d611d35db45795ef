"""A board → the cells it asks for, and where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.attempt import attempt
from harness.boards.fingerprints import Fingerprints
from harness.boards.leaderboard import Entry, Leaderboard
from harness.data.storage import read_json, write_json
from harness.errors import BadData, BadTask, DataUnavailable
from harness.evaluation.run import Cell, Run, Status
from harness.forecasters.spec import Resources
from harness.plugins.catalog import Catalog
from harness.results.journal import Journal
from harness.results.stored_plan import StoredCell, StoredPlan, board_folder
from harness.tasks.protocols import Generation


@dataclass(frozen=True)
class PlannedCell:
    """A cell with its key and its place on a board."""

    key: str
    title: str  # the forecaster's name on the board
    task: str  # the task's name on the board
    cell: Cell
    fingerprint: str
    imports: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
    size: int = 0  # how many values the data holds
    training_overlap: bool = False  # whether the forecaster was trained on this data before


@dataclass(frozen=True)
class BoardPlan:
    """All cells of a board, and the tasks whose data is not here."""

    name: str
    board: Leaderboard
    cells: tuple[PlannedCell, ...]
    titles: tuple[str, ...]
    unavailable: Mapping[str, str] = field(default_factory=dict)  # by task: why

    def save(self, home: Path) -> None:
        """Store which cells belong to the board, for whoever reads the journal."""
        path = board_folder(home, self.name) / "plan.json"
        fields = self.stored().to_json()
        if read_json(path) != fields:
            write_json(path, fields)

    def stored(self) -> StoredPlan:
        """All that standings need to know of the board beside what came of its cells."""
        board = self.board
        return StoredPlan(
            self.name,
            board.title,
            board.description,
            board.metric,
            board.baseline,
            tuple(StoredCell(one.key, one.title, one.task, one.fingerprint) for one in self.cells),
            forecasters=self.titles,
            clip=board.clip,
            unavailable=dict(self.unavailable),
            generation=all(isinstance(task.protocol, Generation) for task in board.tasks),
            training_overlap=_seen(self.cells),
        )


def plan_board(
    name: str, board: Leaderboard, catalog: Catalog, fingerprints: Fingerprints, journal: Journal, seeds: int | None
) -> BoardPlan:
    """The cells of a board.

    Raises BadTask or BadData where a task does not fit its data, BadParameter is left to the cell.
    """
    entries = board.entries(catalog)
    cells: list[PlannedCell] = []
    unavailable: dict[str, str] = {}
    for task in board.tasks:
        dataset = catalog.datasets[task.dataset]
        try:
            fingerprint = fingerprints.of(dataset)
            mine = [one for entry in entries for one in _cells(entry, board, task, catalog, fingerprint, seeds)]
            size = fingerprints.size(dataset)
            mine = [replace(one, size=size) for one in mine]
            if not all(journal.has(one.key) for one in mine):
                fingerprints.check(dataset, task)
        except DataUnavailable as error:
            unavailable[task.label] = str(error)
            continue
        except (BadTask, BadData) as error:
            raise type(error)(f"board {name!r}: {error}") from error
        cells += mine
    return BoardPlan(name, board, tuple(cells), tuple(entry.title for entry in entries), unavailable)


def _cells(
    entry: Entry, board: Leaderboard, task: Any, catalog: Catalog, fingerprint: str, seeds: int | None
) -> Iterator[PlannedCell]:
    provided = catalog.forecasters[entry.name]
    count = board.seeds if seeds is None else seeds
    draws = attempt(provided.spec.takes_seed)  # what cannot be imported fails in its cell, and only there
    for seed in range(count) if draws is True else [None]:
        cell = Cell(task, entry.name, dict(entry.parameters), seed)
        key = cell.key(fingerprint, provided.plugin.result_version)
        spec = provided.spec
        overlap = task.dataset in spec.trained_on
        yield PlannedCell(
            key, entry.title, task.label, cell, fingerprint, spec.imports, spec.resources, training_overlap=overlap
        )


def _seen(cells: Iterable[PlannedCell]) -> dict[str, tuple[str, ...]]:
    """By forecaster, the tasks on data that it was trained on before."""
    found: dict[str, dict[str, None]] = {}
    for one in cells:
        if one.training_overlap:
            found.setdefault(one.title, {})[one.task] = None
    return {title: tuple(tasks) for title, tasks in found.items()}


def pending_cells(
    plans: Iterable[BoardPlan], journal: Journal, *, rerun: bool = False, retry_failed: bool = False
) -> list[PlannedCell]:
    """The cells still to be run, each once though several boards ask for it.

    What is likely to take long comes first, so that no long cell is left alone at the end: models on heavy
    libraries before others, much data before little.
    """
    wanted: dict[str, PlannedCell] = {}
    for plan in plans:
        for one in plan.cells:
            if one.key not in wanted and (rerun or _is_missing(journal.read(one.key), retry_failed)):
                wanted[one.key] = one
    return sorted(wanted.values(), key=lambda one: (not one.imports, -one.size))


def _is_missing(run: Run | None, retry_failed: bool) -> bool:
    return run is None or (retry_failed and run.status not in (Status.COMPLETED, Status.UNSUPPORTED))
