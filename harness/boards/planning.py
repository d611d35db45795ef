"""The cells of a board, and which of them are pending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.attempt import attempt
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.overlap import TrainingOverlap, training_overlaps
from harness.boards.pools import forecaster_pools
from harness.boards.workspace import Workspace
from harness.data.storage import read_json, write_json
from harness.errors import BadData, BadTask, DataUnavailable
from harness.evaluation.run import Cell, Run, Status
from harness.forecasters.pools import Pool
from harness.forecasters.spec import ForecasterSpec, Resources
from harness.plugins.result_versions import forecaster_version
from harness.results.journal import Journal
from harness.results.stored_plan import Source, StoredCell, StoredPlan, board_folder
from harness.tasks.task import Task


@dataclass(frozen=True)
class PlannedCell:
    """A cell of a board: its key, its names on the board, and what running it takes."""

    key: str
    title: str  # the forecaster's name on the board
    task: str  # the task's name on the board
    cell: Cell
    fingerprint: str  # of the dataset
    imports: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
    size: int = 0  # number of values of the dataset
    version: str = ""  # the result version of the forecaster
    recorded: int = field(default=0, compare=False)  # when the record that `pending_cells` found was written, in ns


@dataclass(frozen=True)
class BoardPlan:
    """All cells of a board, and the tasks whose data is unavailable."""

    name: str
    board: Leaderboard
    cells: tuple[PlannedCell, ...]
    titles: tuple[str, ...]  # the forecasters' names on the board
    unavailable: Mapping[str, str] = field(default_factory=dict)  # by task: the reason
    overlaps: Mapping[str, TrainingOverlap] = field(default_factory=dict)  # by pretrained forecaster
    pools: Mapping[str, Pool] = field(default_factory=dict)  # by forecaster

    def save(self, home: Path) -> None:
        """Store the plan in the board's folder, unless it is stored already."""
        path = board_folder(home, self.name) / "plan.json"
        fields = self.to_stored().to_json()
        if read_json(path) != fields:
            write_json(path, fields)

    def to_stored(self) -> StoredPlan:
        """The plan as it is stored: what standings need to know of the board beside the runs."""
        board = self.board
        return StoredPlan(
            self.name,
            board.title,
            board.description,
            board.metric,
            board.baseline,
            tuple(StoredCell(cell.key, cell.title, cell.task, cell.fingerprint) for cell in self.cells),
            forecasters=self.titles,
            clip=board.clip,
            unavailable=dict(self.unavailable),
            generation=all(task.protocol.free_running for task in board.tasks),
            training_overlap={title: found.tasks for title, found in self.overlaps.items() if found.tasks},
            sources={cell.title: Source(cell.cell.forecaster, cell.version) for cell in self.cells},
            training={title: found.training for title, found in self.overlaps.items()},
            pools=self.pools,
            only_pools=board.pools,
        )


def plan_board(name: str, board: Leaderboard, workspace: Workspace, seeds: int | None = None) -> BoardPlan:
    """The cells of a board, with this number of seeds or the board's own.

    Raises BadTask or BadData where a task does not fit its data; a bad hyperparameter fails in its cell.
    """
    entries = board.entries(workspace.catalog)
    cells: list[PlannedCell] = []
    unavailable: dict[str, str] = {}
    for task in board.tasks:
        try:
            cells += _task_cells(task, entries, workspace, board.seeds if seeds is None else seeds)
        except DataUnavailable as error:
            unavailable[task.label] = str(error)
        except (BadTask, BadData) as error:
            raise type(error)(f"board {name!r}: {error}") from error
    pools = forecaster_pools((entry.name for entry in entries), workspace.catalog)
    return BoardPlan(
        name,
        board,
        tuple(cells),
        tuple(entry.title for entry in entries),
        unavailable,
        training_overlaps(entries, [task for task in board.tasks if task.label not in unavailable], workspace.catalog),
        {entry.title: pools[entry.name] for entry in entries if entry.name in pools},
    )


def _task_cells(task: Task, entries: Iterable[Entry], workspace: Workspace, seeds: int) -> list[PlannedCell]:
    """The cells of a task, which is checked against its data unless all of them are in the journal."""
    dataset, fingerprints = workspace.catalog.datasets[task.dataset], workspace.fingerprints
    fingerprint, size = fingerprints.of(dataset), fingerprints.size(dataset)
    cells = []
    for entry in entries:
        spec = workspace.catalog.forecasters[entry.name].spec
        version = forecaster_version(entry.name, workspace.catalog.forecasters)
        cells += [_planned_cell(entry, task, spec, version, seed, fingerprint, size) for seed in _seeds(spec, seeds)]
    if not all(workspace.journal.has(cell.key) for cell in cells):
        fingerprints.check(dataset, task)
    return cells


def _seeds(spec: ForecasterSpec, count: int) -> Iterable[int | None]:
    """The seeds of a stochastic forecaster, no seed for a deterministic one."""
    stochastic = attempt(spec.takes_seed)  # a forecaster that cannot be imported fails in its cell, and only there
    return range(count) if stochastic is True else [None]


def _planned_cell(
    entry: Entry, task: Task, spec: ForecasterSpec, version: str, seed: int | None, fingerprint: str, size: int
) -> PlannedCell:
    cell = Cell(task, entry.name, dict(entry.parameters), seed)
    return PlannedCell(
        cell.key(fingerprint, version),
        entry.title,
        task.label,
        cell,
        fingerprint,
        spec.imports,
        spec.resources,
        size,
        version=version,
    )


def pending_cells(
    plans: Iterable[BoardPlan], journal: Journal, *, rerun: bool = False, retry_failed: bool = False
) -> list[PlannedCell]:
    """The cells to be run, each once though several boards have it.

    Those that are likely to take long come first, so that none of them runs alone at the end: models on heavy
    libraries before others, large datasets before small ones.
    """
    pending: list[PlannedCell] = []
    for cell in distinct_cells(plans):
        recorded = journal.modified(cell.key)  # before the record is read: another process may write it meanwhile
        if rerun or _is_pending(journal.read(cell.key), retry_failed):
            pending.append(replace(cell, recorded=recorded))
    return sorted(pending, key=lambda cell: (not cell.imports, -cell.size))


def distinct_cells(plans: Iterable[BoardPlan]) -> list[PlannedCell]:
    """The cells of boards, each once."""
    cells: dict[str, PlannedCell] = {}
    for plan in plans:
        for cell in plan.cells:
            cells.setdefault(cell.key, cell)
    return list(cells.values())


def _is_pending(run: Run | None, retry_failed: bool) -> bool:
    return run is None or (retry_failed and run.status not in (Status.COMPLETED, Status.UNSUPPORTED))
