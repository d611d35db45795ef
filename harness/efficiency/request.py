"""What is to be measured: a request to `harness bench`, and the jobs for the measuring processes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.boards.fingerprints import Fingerprints, load_unchanged
from harness.boards.leaderboard import Entry, Leaderboard, board_name, load_board
from harness.data.panel_store import is_stored, store_panel
from harness.efficiency.circumstances import Conditions, Subject
from harness.efficiency.environment import usable_cores
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench
from harness.efficiency.workload import Job, takes_device
from harness.errors import BadInput, DataUnavailable, Failure, UnknownName, attempt
from harness.evaluation.run import Cell
from harness.fields.libraries import install_command as missing_command
from harness.fields.types import Json
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.catalog import Catalog
from harness.plugins.environments.environment import Environment
from harness.plugins.environments.lock import OWN
from harness.plugins.forecaster_names import UnknownForecaster
from harness.plugins.installation import check_installed, install_command
from harness.plugins.provider import provider_of
from harness.plugins.result_versions import NOT_INSTALLED, forecaster_version
from harness.plugins.weights_versions import absolute_paths, contents_of
from harness.tasks.task import Task

LIBRARY = ("pytest", "pytest_benchmark")  # modules with which this interpreter measures
NEEDED = ("pytest", "pytest-benchmark", "psutil", "scipy")  # in an environment


@dataclass(frozen=True)
class BenchRequest:
    """A request to measure forecasters of a board."""

    home: Path
    names: tuple[str, ...] = ()  # forecasters by their names on the board, or of the catalog; none: all of the board
    board: str = "classics"
    tasks: tuple[str, ...] = ()  # by their names on the board; none: the first whose data are available
    all_tasks: bool = False  # all whose data are available
    settings: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # hyperparameters by forecaster
    seconds: float = 3.0  # for each scenario, in all repetitions together
    repetitions: int = 5
    threads: int | None = None  # None: as many as the forecaster's cells have
    device: str = "auto"
    bound: float | None = None  # seconds
    timeout: float | None = None  # seconds for a repetition
    fresh: bool = False  # whether earlier repetitions are forgotten
    seed: int | None = None  # of the order of forecasters and windows; None: a random one


def jobs(request: BenchRequest, catalog: Catalog) -> list[Job]:
    """The measurements of a request, in the board's order, task by task.

    Raises BadInput or DataUnavailable where there are none.
    """
    board = load_board(request.board, catalog)
    _check(request)
    every = {entry.title: entry for entry in board.entries(catalog)}
    for name in request.names:
        board.check_left_out(name)
    entries = [_entry(name, every, catalog) for name in dict.fromkeys(request.names)]
    for entry in entries:
        check_installed(entry.name, catalog.forecasters, _parameters(entry, request))
    entries = entries or [
        entry
        for entry in every.values()
        if not install_command(catalog.forecasters[entry.name], _parameters(entry, request))
    ]
    _check_library(entries, catalog)
    tasks = _tasks(board, request, catalog)
    for name in request.settings:
        if name not in (known := [entry.title for entry in entries]):
            raise UnknownName("measured forecaster", name, known)
    entries = [_with_settings(entry, request.settings, catalog) for entry in entries]
    if request.names and request.device == "cuda":
        _check_devices(entries, catalog)
    return [_job(entry, task, fingerprint, request, catalog) for task, fingerprint in tasks for entry in entries]


def _check(request: BenchRequest) -> None:
    for name in ("seconds", "bound", "timeout"):
        value = getattr(request, name)
        if value is not None and not (0 < value < math.inf):
            raise BadInput(f"--{name} must be a time of more than 0, not {value:g} s")
    if request.tasks and request.all_tasks:
        raise BadInput("--task and --all-tasks exclude each other")
    if request.threads is not None and request.threads > usable_cores():
        raise BadInput(f"--threads {request.threads} exceeds the {usable_cores()} cores that this process may use")


def _check_library(entries: Sequence[Entry], catalog: Catalog) -> None:
    """Raise BadInput without pytest-benchmark here, unless all forecasters are measured by environments."""
    command = missing_command(LIBRARY, f"{OWN}[bench]")
    if command and not all(_environment_of(entry, catalog) for entry in entries):
        raise BadInput(f"harness bench needs pytest-benchmark, which is not installed; run `{command}`")


def _environment_of(entry: Entry, catalog: Catalog) -> Environment | None:
    provider = provider_of(catalog.forecasters[entry.name].plugin)
    return None if provider is None else provider.environment


def _check_devices(entries: Sequence[Entry], catalog: Catalog) -> None:
    """Raise BadInput for a forecaster without the hyperparameter `device`."""
    for entry in entries:
        if not _takes_device(catalog.forecasters[entry.name].spec):
            raise BadInput(f"--device cuda: {entry.title} has no hyperparameter `device`; leave one of them out")


def _takes_device(spec: ForecasterSpec) -> bool:
    """Whether it has the hyperparameter `device`, also where it cannot be loaded: measuring it tells why."""
    return attempt(partial(takes_device, spec)) is not False


def _tasks(board: Leaderboard, request: BenchRequest, catalog: Catalog) -> list[tuple[Task, str]]:
    """The tasks to measure, with the fingerprints of their data."""
    tasks = {task.label: task for task in board.tasks}
    for name in request.tasks:
        if name not in tasks:
            raise UnknownName(f"task of board {request.board!r}", name, tasks)
    named = list(dict.fromkeys(request.tasks))
    fingerprints, reasons, found = Fingerprints(request.home), list[str](), list[tuple[Task, str]]()
    for task in [tasks[name] for name in named] or board.tasks:
        dataset = catalog.datasets[task.dataset]
        if dataset.spec.not_installed:
            reasons.append(dataset.spec.not_installed)
            continue
        try:
            fingerprint = fingerprints.of(dataset)
            fingerprints.check(dataset, task)
        except DataUnavailable as error:
            reasons.append(str(error))
            continue
        found.append((task, fingerprint))
        if not named and not request.all_tasks:
            break
    if not found or (named and reasons):
        raise DataUnavailable("; ".join(dict.fromkeys(reasons)))
    return found


def _entry(name: str, every: Mapping[str, Entry], catalog: Catalog) -> Entry:
    if name in every:
        return every[name]
    if name in catalog.forecasters:  # not on the board: with its defaults
        return Entry(name)
    catalog.forecasters.check_unique(name)
    raise UnknownForecaster("forecaster", name, {*every, *catalog.forecasters})


def _parameters(entry: Entry, request: BenchRequest) -> dict[str, Json]:
    """The hyperparameters of a forecaster, with those of the request."""
    return {**entry.parameters, **request.settings.get(entry.title, {})}


def _with_settings(entry: Entry, settings: Mapping[str, Mapping[str, Json]], catalog: Catalog) -> Entry:
    """With the given hyperparameters; raises BadInput for one that the forecaster does not have."""
    if entry.title not in settings:
        return entry
    changed = entry.with_parameters(settings[entry.title])
    made = attempt(partial(catalog.forecasters[entry.name].spec.check_parameters, changed.parameters))
    if isinstance(made, Failure) and isinstance(made.error, BadInput):
        raise made.error
    return changed


def _job(entry: Entry, task: Task, fingerprint: str, request: BenchRequest, catalog: Catalog) -> Job:
    spec, plugin = catalog.forecasters[entry.name].spec, catalog.forecasters[entry.name].plugin
    provider, environment = provider_of(plugin), _environment_of(entry, catalog)
    if environment is not None:
        _check_environment(environment)
        if not is_stored(request.home, fingerprint):  # the environment may not have the plugin of the dataset
            store_panel(load_unchanged(catalog.datasets[task.dataset], fingerprint, request.home), request.home)
    seed = 0 if attempt(spec.takes_seed) is True else None
    parameters = absolute_paths(spec, entry.parameters)
    cell = Cell(task, entry.name, parameters, seed, contents_of(spec.paths, parameters))
    key = cell.key(fingerprint, forecaster_version(entry.name, catalog.forecasters, parameters))
    own = spec.resources.threads
    threads = request.threads or own
    device = request.device if request.device == "auto" or _takes_device(spec) else "auto"
    identity = hashlib.sha256(json.dumps([key, threads, device]).encode()).hexdigest()[:32]
    board = board_name(request.board)
    subject = Subject(entry.title, entry.name, board, task.label, key, parameters, seed)
    conditions = Conditions(
        request.seconds / request.repetitions, threads, device, own_threads=own, longest=request.seconds
    )
    cores = usable_cores()
    notes = (f"uses {threads} threads on {cores} cores",) if threads > cores else ()
    bench = Bench(identity, subject, this_machine(), conditions, notes=notes)
    own_name = entry.name if provider is None else provider.name_there(entry.name)
    return Job(bench, task.to_json(), fingerprint, request.home.resolve(), request.bound, own_name, environment)


def _check_environment(environment: Environment) -> None:
    """Raise BadInput for an environment without the libraries that measure."""
    missing = [name for name in NEEDED if environment.version_of(name) == NOT_INSTALLED]
    if missing:
        again = replace(environment, requirements=(*environment.requirements, f"{OWN}[bench]")).again
        raise BadInput(
            f"environment {environment.name!r} lacks {', '.join(missing)}, with which harness bench measures; create "
            f"it again with them by `{again}`, which gives it another hash, so that its cells are run again"
        )
