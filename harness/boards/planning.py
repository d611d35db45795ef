"""The cells of a board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.overlap import TrainingOverlap, training_overlaps
from harness.boards.planned_spec import PlannedSpec, planned_spec
from harness.boards.pools import forecaster_pools
from harness.boards.workspace import Workspace
from harness.errors import BadData, BadInput, BadTask, DataUnavailable, InfrastructureFault
from harness.evaluation.parts import Part
from harness.evaluation.run import Cell
from harness.forecasters.devices import Device
from harness.forecasters.limits import Limits
from harness.forecasters.pools import Pool
from harness.forecasters.resources import Resources
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.installation import install_command, lacks
from harness.plugins.registry import Registered
from harness.plugins.result_versions import forecaster_version
from harness.plugins.weights_versions import absolute_paths, contents_of, weights_of
from harness.results.stored_plan import Source, StoredCell, StoredPlan
from harness.tasks.task import Task
from harness.worker.probing import known_facts


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
    spec: PlannedSpec = field(default_factory=lambda: PlannedSpec(), compare=False)
    limits: Limits = field(default_factory=Limits, compare=False)  # of the board
    device: Device | None = field(default=None, compare=False)  # that an executor has assigned to it
    part: Part | None = None  # of its series, where only these are evaluated now
    recorded: int = field(default=0, compare=False)  # when the record that `pending_cells` found was written, in ns
    paths: tuple[str, ...] = field(default=(), compare=False)  # hyperparameters that are paths

    @property
    def has_changed_contents(self) -> bool:
        """Whether hyperparameters that are paths have another content than when the cell was planned."""
        return contents_of(self.paths, self.cell.parameters) != dict(self.cell.contents)


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
    not_installed: Mapping[str, str] = field(default_factory=dict)  # by forecaster: the command that installs it

    def save(self, home: Path) -> None:
        """Store the plan in the board's folder, unless it is stored already."""
        self.to_stored().save(home)

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
            not_installed=self.not_installed,
            left_out=board.left_out,
        )


def plan_board(name: str, board: Leaderboard, workspace: Workspace, seeds: int | None = None) -> BoardPlan:
    """The cells of a board, with this number of seeds or the board's own.

    Raises BadTask or BadData where a task does not fit its data; a bad hyperparameter fails in its cell.
    """
    every, missing = board.entries(workspace.catalog), _not_installed(name, board, workspace)
    entries = _known_entries(name, board, [entry for entry in every if entry.title not in missing], workspace)
    cells: list[PlannedCell] = []
    unavailable: dict[str, str] = {}
    for task in board.tasks:
        if reason := workspace.catalog.datasets[task.dataset].spec.not_installed:
            unavailable[task.label] = reason
            continue
        try:
            planned = _task_cells(task, entries, workspace, board.seeds if seeds is None else seeds)
            cells += [replace(cell, limits=board.limits.of_cells()) for cell in planned]
        except DataUnavailable as error:
            unavailable[task.label] = str(error)
        except (BadTask, BadData) as error:
            raise type(error)(f"board {name!r}: {error}") from error
    pools = forecaster_pools((entry.name for entry in every), workspace.catalog)
    return BoardPlan(
        name,
        board,
        tuple(cells),
        tuple(entry.title for entry in entries),
        unavailable,
        training_overlaps(entries, [task for task in board.tasks if task.label not in unavailable], workspace.catalog),
        {entry.title: pools[entry.name] for entry in every if entry.name in pools},
        missing,
    )


def _not_installed(name: str, board: Leaderboard, workspace: Workspace) -> dict[str, str]:
    """The command that installs each forecaster of a board that is not installed; raises BadInput for its baseline."""
    entries, forecasters = board.entries(workspace.catalog), workspace.catalog.forecasters
    commands = {entry.title: install_command(forecasters[entry.name], entry.parameters) for entry in entries}
    if command := commands.get(board.baseline):
        raise BadInput(lacks(f"{board.baseline!r}, the baseline of board {name!r},", command))
    return {title: command for title, command in commands.items() if command}


def _known_entries(name: str, board: Leaderboard, entries: list[Entry], workspace: Workspace) -> list[Entry]:
    """The forecasters of a board without those of which cannot be found out now whether they take a seed.

    A warning says so. To take them for deterministic ones would make other cells of them than another time.
    """
    forecasters = workspace.catalog.forecasters
    registered = [forecasters[entry.name] for entry in entries]
    # of all forecasters of a plugin at once
    facts = known_facts(each for each in registered if each.spec.draws is None)
    problems = {each: found.problem for each, found in facts.items() if found.problem}
    for forecaster, problem in problems.items():
        remedy = "run the command again, or state `draws` in its spec"
        line = f"forecaster {forecaster!r} was left out of board {name!r}: {problem}; {remedy}"
        if line not in workspace.catalog.problems:
            workspace.catalog.problems.append(line)
        if any(entry.name == forecaster and entry.title == board.baseline for entry in entries):
            raise InfrastructureFault(f"board {name!r} cannot be planned without its baseline: {line}")
    return [entry for entry in entries if entry.name not in problems]


def _task_cells(task: Task, entries: Iterable[Entry], workspace: Workspace, seeds: int) -> list[PlannedCell]:
    """The cells of a task, which is checked against its data unless all of them are in the journal."""
    dataset, fingerprints = workspace.catalog.datasets[task.dataset], workspace.fingerprints
    fingerprint, size = fingerprints.of(dataset), fingerprints.size(dataset)
    cells = []
    for entry in entries:
        registered = workspace.catalog.forecasters[entry.name]
        forecaster = entry.name, workspace.catalog.forecasters, entry.parameters
        version, spec = forecaster_version(*forecaster), planned_spec(registered, weights_of(*forecaster))
        planned = partial(_planned_cell, entry, task, registered, spec, version, fingerprint, size)
        cells += [planned(seed) for seed in _seeds(registered, seeds)]
    if not all(workspace.journal.has(cell.key) for cell in cells):
        fingerprints.check(dataset, task)
    return cells


def _seeds(registered: Registered[ForecasterSpec], count: int) -> Iterable[int | None]:
    """The seeds of a stochastic forecaster, no seed for a deterministic one."""
    stochastic = registered.spec.draws
    if stochastic is None:  # a forecaster that cannot be imported fails in its cell, and only there
        stochastic = known_facts([registered])[registered.spec.name].takes_seed
    return range(count) if stochastic else [None]


def _planned_cell(
    entry: Entry,
    task: Task,
    registered: Registered[ForecasterSpec],
    planned: PlannedSpec,
    version: str,
    fingerprint: str,
    size: int,
    seed: int | None,
) -> PlannedCell:
    spec = registered.spec
    parameters = absolute_paths(spec, entry.parameters)
    cell = Cell(task, entry.name, parameters, seed, contents_of(spec.paths, parameters))
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
        paths=tuple(spec.paths),
        spec=planned,
    )


def plan_cell(cell: Cell, title: str, workspace: Workspace) -> PlannedCell:
    """A cell on the present data, with the present version of its forecaster, whatever boards have it."""
    dataset, fingerprints = workspace.catalog.datasets[cell.task.dataset], workspace.fingerprints
    registered = workspace.catalog.forecasters[cell.forecaster]
    forecaster = cell.forecaster, workspace.catalog.forecasters, cell.parameters
    version, planned = forecaster_version(*forecaster), planned_spec(registered, weights_of(*forecaster))
    entry = Entry(cell.forecaster, title, cell.parameters)
    fingerprint, size = fingerprints.of(dataset), fingerprints.size(dataset)
    return _planned_cell(entry, cell.task, registered, planned, version, fingerprint, size, cell.seed)
