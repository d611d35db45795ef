"""Leaderboards: forecasters, tasks and a metric, read from a `leaderboard.toml`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.boards.left_out import reason_left_out
from harness.boards.limits import BoardLimits
from harness.boards.pools import forecaster_pools
from harness.boards.table_datasets import name_tables
from harness.boards.toml_files import read_toml
from harness.data.table_dataset import TableDataset
from harness.errors import BadBoard, BadInput, UnknownName
from harness.fields.errors import FieldError, quotes_hint, short_repr
from harness.fields.reading import build
from harness.fields.types import Json
from harness.forecasters.libraries import library_of
from harness.forecasters.pools import Pool
from harness.plugins.catalog import Catalog
from harness.plugins.plugin_file import FILE, plugin_file
from harness.plugins.table_datasets import declare
from harness.tasks.protocols import PROTOCOLS, Protocol
from harness.tasks.task import Task, task_classes

BOARD_FILE = "leaderboard.toml"
LONGEST_NAME = 200  # bytes of a board's name; file systems allow about 255 for a name with what harness adds to it
MOST_SEEDS = 1_000


@dataclass(frozen=True)
class Entry:
    """A forecaster on a board, with its hyperparameters and its name there."""

    name: str
    label: str | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name on the board."""
        return self.name if self.label is None else self.label

    def with_parameters(self, parameters: Mapping[str, Json]) -> Entry:
        """The entry with other hyperparameters, which are added to its name."""
        text = ", ".join(f"{key}={value}" for key, value in parameters.items())
        return Entry(self.name, f"{self.title} ({text})", {**self.parameters, **parameters})


@dataclass(frozen=True)
class Leaderboard:
    """Forecasters, tasks, the metric for ranking, and the baseline for relative errors."""

    title: str
    metric: str
    baseline: str  # the name of a forecaster on the board
    tasks: tuple[Task, ...]
    description: str = ""
    forecasters: tuple[Entry, ...] = ()
    every_forecaster: bool = False  # whether those of the catalog are added, but for models of other libraries
    without: tuple[str, ...] = ()  # forecasters that `every_forecaster` does not add
    seeds: int = 1  # of stochastic forecasters
    clip: tuple[float, float] = (0.01, 100.0)  # of relative errors
    in_all: bool = True  # whether `harness run --all` runs it
    limits: BoardLimits = field(default_factory=BoardLimits)  # on the time and memory of each cell
    pools: tuple[Pool, ...] = ()  # of whose forecasters it consists, beside the baseline; empty: of all
    datasets: tuple[TableDataset, ...] = ()  # the files that its tasks name
    left_out: Mapping[str, str] = field(default_factory=dict)  # by forecaster of its file: why it cannot be run now

    def entries(self, catalog: Catalog) -> tuple[Entry, ...]:
        """The forecasters on the board, in its order, those of the catalog last."""
        entries = self.forecasters
        if self.every_forecaster:
            titles = {entry.title for entry in self.forecasters} | set(self.without)
            entries = (
                *entries,
                *(Entry(name) for name in catalog.forecasters if name not in titles and not library_of(name)),
            )
        return entries if not self.pools else self._in_pools(entries, catalog)

    def check_left_out(self, title: str) -> None:
        """Raise BadInput for a forecaster of its file that is left out, with the reason."""
        if title in self.left_out:
            raise BadInput(f"forecaster {title!r} is left out of the board: {self.left_out[title]}")

    def _in_pools(self, entries: Iterable[Entry], catalog: Catalog) -> tuple[Entry, ...]:
        """The baseline, and the forecasters of the board's pools."""
        others = [entry.name for entry in entries if entry.title != self.baseline]
        pools = forecaster_pools((name for name in others if name in catalog.forecasters), catalog)
        return tuple(entry for entry in entries if entry.title == self.baseline or pools.get(entry.name) in self.pools)


def read_leaderboard(path: Path, protocols: Iterable[type[Protocol]] = PROTOCOLS) -> Leaderboard:
    """The board that a file describes, with protocols of these classes; raises BadBoard, which names file and line."""
    return read_toml(path, "board", partial(_board, path.parent, tuple(task_classes(protocols))))


def _board(folder: Path, classes: tuple[type, ...], table: Mapping[str, Any]) -> Leaderboard:
    """The board of a table; raises FieldError for what does not fit."""
    if "datasets" in table:
        raise FieldError(("datasets",), "unknown key 'datasets'; a task names its file: dataset = { file = … }")
    if "left_out" in table:
        raise FieldError(("left_out",), "unknown key 'left_out'; leave it out")
    table, datasets = name_tables(table, folder)
    board = replace(build(Leaderboard, table, classes), datasets=datasets)
    _check(board)
    return board


def load_board(name: str, catalog: Catalog) -> Leaderboard:
    """The board of that name or file; raises BadBoard unless its forecasters, datasets and metric are known."""
    path = find_board_file(name, catalog)
    _check_name(path, board_name(name))
    if board_file(name) and board_name(name) in catalog.boards:
        provided = catalog.boards[board_name(name)]
        if provided.spec.resolve() != path.resolve():
            raise BadBoard(
                f"{path}: a board called {board_name(name)!r} is provided by plugin {provided.plugin}; "
                "rename the folder of the file"
            )
    board = read_leaderboard(path, catalog.protocol_classes)
    for dataset in board.datasets:
        declare(dataset)
    try:
        metric = catalog.metrics[board.metric].spec
        board = _with_known_environments(board, board_name(name), catalog)
        for task in board.tasks:
            catalog.datasets[task.dataset]
    except UnknownName as error:
        raise BadBoard(f"{path}: {error}{_plugin_file_hint(path)}") from error
    for task in board.tasks:
        if len(task.quantile_levels) < metric.least_levels:
            count = len(task.quantile_levels) or "none"
            wanted = metric.requirement.replace("quantile levels", "quantile_levels")
            raise BadBoard(f"{path}: metric {metric.name} {wanted}, and task {task.label!r} asks for {count}")
    titles = [entry.title for entry in board.entries(catalog)]
    if board.baseline in board.left_out:
        raise BadBoard(f"{path}: the baseline {board.baseline!r} cannot be run: {board.left_out[board.baseline]}")
    if board.baseline not in titles:
        raise BadBoard(f"{path}: {UnknownName('forecaster on the board (its baseline)', board.baseline, titles)}")
    return board


def _with_known_environments(board: Leaderboard, name: str, catalog: Catalog) -> Leaderboard:
    """The board without the forecasters whose environment is not known, in `left_out`; raises UnknownName."""
    reasons = {entry.title: reason_left_out(entry.name, entry.title, name, catalog) for entry in board.forecasters}
    if not any(reasons.values()):
        return board
    kept = tuple(entry for entry in board.forecasters if not reasons[entry.title])
    return replace(board, forecasters=kept, left_out={title: reason for title, reason in reasons.items() if reason})


def _plugin_file_hint(path: Path) -> str:
    """How to import the plugin file beside a board, if there is one that is not imported; empty otherwise."""
    beside = path.resolve().parent / FILE
    if not beside.is_file() or plugin_file() == beside:
        return ""
    return f"; name the board by its path, {os.path.join(os.curdir, path)}, to import the {FILE} beside it"


def _check_name(path: Path, name: str) -> None:
    """Raise BadBoard for a name that cannot be the name of a folder."""
    if name in ("", ".", "..") or not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        raise BadBoard(
            f"{path}: {name!r} cannot be the name of a board, which must be printable and have at most {LONGEST_NAME} "
            "bytes; rename its folder"
        )


def board_file(name: str) -> Path | None:
    """The file that a path names, directly or by its folder; None for a name of the catalog."""
    if name.endswith(".toml"):
        return Path(name)
    inside = Path(name) / BOARD_FILE
    return inside if os.path.isfile(inside) else None  # False, too, for what cannot be a path


def find_board_file(name: str, catalog: Catalog) -> Path:
    """The file of a board, by its path or by its name in the catalog.

    Raises BadBoard for a path that does not exist, UnknownName for an unknown name.
    """
    path, is_folder = board_file(name), os.path.isdir(name)
    if path is None and name in catalog.collections:
        raise BadBoard(f"{name!r} is a collection of boards; name one of them, which `harness list boards` shows")
    is_path = path is not None or is_folder or "/" in name or os.sep in name
    if path is None and (name in catalog.boards or not is_path):
        return catalog.boards[name].spec
    if path is not None and os.path.exists(path):
        return path
    wrong = f"the folder {name} has no {BOARD_FILE}" if is_folder else f"there is no file or folder {name}"
    raise BadBoard(f"{wrong}; name a board of `harness list boards`, a board file, or a folder with a {BOARD_FILE}")


def board_name(name: str) -> str:
    """The name of a board: that in the catalog, of the file, or of the folder of a `leaderboard.toml`."""
    path = board_file(name)
    if path is None:
        return name
    return path.resolve().parent.name if path.name == BOARD_FILE else path.stem


def with_forecasters(board: Leaderboard, catalog: Catalog, only: tuple[str, ...]) -> Leaderboard:
    """The board with only these forecasters and its baseline; raises UnknownName for one that is not on it."""
    if not only:
        return board
    entries = {entry.title: entry for entry in board.entries(catalog)}
    for name in only:
        if name not in entries:
            raise UnknownName("forecaster on the board", name, entries)
    kept = [entry for title, entry in entries.items() if title in only or title == board.baseline]
    return replace(board, forecasters=tuple(kept), every_forecaster=False, left_out={})


def with_models(board: Leaderboard, catalog: Catalog, names: Iterable[str]) -> Leaderboard:
    """A board with `every_forecaster`, and those of these names that it does not add; others as they are.

    These are models of other libraries, and NAME@ENVIRONMENT where the catalog does not list that.
    """
    if not board.every_forecaster:
        return board
    titles, listed = {entry.title for entry in board.forecasters}, set(catalog.forecasters)
    unlisted = [name for name in names if name not in titles and (library_of(name) or name not in listed)]
    models = [name for name in unlisted if name in catalog.forecasters]
    return replace(board, forecasters=(*board.forecasters, *map(Entry, models)))


def with_parameters(board: Leaderboard, catalog: Catalog, settings: Mapping[str, Mapping[str, Json]]) -> Leaderboard:
    """The board with other hyperparameters of some forecasters, which are added to their names."""
    if not settings:
        return board
    entries = []
    for entry in board.entries(catalog):
        parameters = settings.get(entry.title)
        if parameters is not None:
            changed = entry.with_parameters(parameters)
            entry = replace(changed, label=entry.title) if entry.title == board.baseline else changed
        entries.append(entry)
    return replace(board, forecasters=tuple(entries), every_forecaster=False)


def _check(board: Leaderboard) -> None:
    if not board.tasks:
        raise FieldError(("tasks",), "a board needs at least one task")
    if not board.forecasters and not board.every_forecaster:
        raise FieldError(("forecasters",), "a board needs forecasters, or every_forecaster = true")
    if board.seeds < 1:
        raise FieldError(("seeds",), f"seeds must be at least 1, not {board.seeds}")
    if board.seeds > MOST_SEEDS:
        raise FieldError(("seeds",), f"seeds must be at most {MOST_SEEDS:,}, not {short_repr(board.seeds)}")
    if not 0 < board.clip[0] <= 1 <= board.clip[1]:
        raise FieldError(("clip",), f"clip must hold 1 between two positive bounds, not {list(board.clip)}")
    for i, entry in enumerate(board.forecasters):
        if (value := _not_json(entry.parameters)) is not None:
            raise FieldError(
                ("forecasters", str(i), "parameters"),
                f"parameters hold {value!r}, which is not a JSON value{quotes_hint(value)}",
            )
    for what, labels in (
        ("tasks", [task.label for task in board.tasks]),
        ("forecasters", [entry.title for entry in board.forecasters]),
    ):
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        if repeated:
            raise FieldError((what,), f"two {what} are called {repeated[0]!r}; rename one of them")


def _not_json(value: object) -> object | None:
    """The first value inside that is not a JSON value, such as a date."""
    if value is None or isinstance(value, bool | int | float | str):
        return None
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else None
    if inside is None:
        return value
    return next((wrong for element in inside if (wrong := _not_json(element)) is not None), None)
