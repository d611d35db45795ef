"""The boards and forecasters that the options of `harness run` select."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.board_files import board_digest, check_file, name_in_files
from harness.boards.collections import Part, parts_of
from harness.boards.leaderboard import (
    Leaderboard,
    board_name,
    find_board_file,
    load_board,
    with_forecasters,
    with_models,
    with_parameters,
)
from harness.boards.planning import BoardPlan, plan_board
from harness.boards.pools import forecaster_pools
from harness.boards.selected_board import SelectedBoard
from harness.boards.workspace import Workspace
from harness.errors import BadBoard, BadInput, Failure, HarnessError, UnknownName, attempt
from harness.fields.names import split_names
from harness.forecasters.limits import Limits
from harness.plugins.catalog import Catalog
from harness.plugins.forecaster_names import UnknownForecaster
from harness.plugins.installation import check_installed
from harness.plugins.weights_versions import absolute_paths
from harness.results.stored_plan import title_of_pools

if TYPE_CHECKING:
    from harness.fields.types import Json
    from harness.forecasters.pools import Pool

CHANGED = "-changed"  # appended to the name of a board that --set changed: its standings are its own


@dataclass(frozen=True)
class Selection:
    """What the options of `harness run` ask for."""

    boards: tuple[str, ...] = ()  # or collections of boards; none: all boards that --all runs
    only: tuple[str, ...] = ()  # forecasters, by their names on the boards
    tasks: tuple[str, ...] = ()  # by their names on the boards
    pools: tuple[Pool, ...] = ()  # whose forecasters are selected; with `only`, those of them that it names
    settings: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # hyperparameters by forecaster
    seeds: int | None = None
    jobs: int | None = None
    on: str | None = None  # where cells run: the name of an executor, or "ray://host:10001"
    devices: str | None = None  # the GPUs that cells may use
    timeout: float | None = None  # seconds of each cell, instead of the limits of boards and forecasters
    memory: int | None = None  # bytes of each cell, likewise
    strict: bool = False  # forecasts are made for one point in time after the other, without later values
    parts: bool = True  # whether cells of many series may be evaluated in parts
    rerun: bool = False
    retry_failed: bool = False

    @property
    def options_text(self) -> str:
        """The options that leave out cells of a board, or what else does."""
        names = [f"{option} {','.join(given)}" for option, given in (("--only", self.only), ("--task", self.tasks))]
        given = [text for text in names if not text.endswith(" ")]
        return " ".join([*given, *(f"--pool {pool}" for pool in self.pools)]) or "a collection"

    @property
    def limits(self) -> Limits:
        """The limits of each cell that the options state."""
        return Limits(self.timeout, self.memory)


@dataclass(frozen=True)
class _Loaded:
    """A board of the selection, its file with its digest, and which part of it is run."""

    board: Leaderboard
    file: Path
    digest: str
    part: Part

    def with_tasks(self, tasks: tuple[str, ...]) -> _Loaded:
        """The same with only these tasks."""
        return replace(self, part=replace(self.part, tasks=tasks))


def select_boards(selection: Selection, workspace: Workspace) -> tuple[list[SelectedBoard], list[str]]:
    """The selected boards; of `--all`, those that cannot be run are left out with a sentence each."""
    left_out: list[str] = []
    if selection.rerun:
        workspace.fingerprints.load_anew()
    loaded = _with_tasks(_load_boards(selection, workspace.catalog, left_out), selection.tasks)
    boards = {name: each.part.of(each.board, workspace.catalog) for name, each in loaded.items()}
    titles = {name: {entry.title for entry in board.entries(workspace.catalog)} for name, board in boards.items()}
    known = set[str]().union(*titles.values(), *(board.left_out for board in boards.values()))
    selection = replace(selection, only=split_names(selection.only, known))
    _check_names(selection, loaded, titles, workspace.catalog)
    _check_installed(selection, boards.values(), workspace.catalog)
    narrowed = {name: _narrowed_titles(board, selection, workspace.catalog) for name, board in boards.items()}
    _check_pools(selection, boards, narrowed)
    selected: list[SelectedBoard] = []
    for name in boards:
        only = narrowed[name]
        if only is not None and not only:
            continue
        try:
            selected.append(_selected_board(name, loaded[name], only, titles[name], selection, workspace))
        except BadInput as error:
            _leave_out(selection, name, error, left_out)
    return selected, left_out


def _load_boards(selection: Selection, catalog: Catalog, left_out: list[str]) -> dict[str, _Loaded]:
    boards: dict[str, _Loaded] = {}
    for part in parts_of(selection.boards, catalog) if selection.boards else map(Part, catalog.boards):
        name = part.board
        try:
            file = find_board_file(name, catalog)
            digest = board_digest(file)
            board = load_board(name, catalog)
            board = with_models(board, catalog, split_names(selection.only, catalog.forecasters))
            _check_distinct(boards, board_name(name), file)
        except HarnessError as error:
            _leave_out(selection, name, error, left_out)
        else:
            if selection.boards or board.in_all:
                boards[board_name(name)] = _Loaded(board, file, digest, part)
    return boards


def _with_tasks(boards: dict[str, _Loaded], given: tuple[str, ...]) -> dict[str, _Loaded]:
    """The boards with tasks of these names, and only these; all if none are given. Raises UnknownName."""
    if not given:
        return boards
    labels = {name: each.part.labels(each.board) for name, each in boards.items()}
    known = set[str]().union(*labels.values())
    names = split_names(given, known)
    for name in names:
        if name not in known:
            raise UnknownName("task on these boards", name, known)
    selected = {board: tuple(label for label in labels[board] if label in names) for board in boards}
    return {board: each.with_tasks(selected[board]) for board, each in boards.items() if selected[board]}


def _check_distinct(boards: Mapping[str, _Loaded], name: str, file: Path) -> None:
    """Raise BadBoard for a board whose results would replace those of another one."""
    for other, loaded in boards.items():
        if name_in_files(other) == name_in_files(name) and loaded.file.resolve() != file.resolve():
            raise BadBoard(
                f"the boards {loaded.file} and {file} have the same name, apart from the case of letters: {name!r}; "
                "rename the folder of one of them"
            )


def _check_names(
    selection: Selection,
    boards: Mapping[str, _Loaded],
    titles: Mapping[str, set[str]],
    catalog: Catalog,
) -> None:
    """Raise BadInput for a forecaster that is on no board, or that --only leaves out."""
    for name in (*selection.only, *selection.settings):
        if any(name in on_board for on_board in titles.values()):
            continue
        for loaded in boards.values():
            loaded.board.check_left_out(name)
        if name in catalog.forecasters and boards:
            raise BadInput(_not_on_boards(name, {board: loaded.file for board, loaded in boards.items()}))
        catalog.forecasters.check_unique(name)
        raise UnknownForecaster("forecaster on these boards", name, set().union(*titles.values()), catalog.forecasters)
    baselines = {loaded.board.baseline for loaded in boards.values()}
    for name in selection.settings:
        if selection.only and name not in selection.only and name not in baselines:
            raise BadInput(f"--set changes {name!r}, which --only leaves out; name it by --only too")


def _check_installed(selection: Selection, boards: Iterable[Leaderboard], catalog: Catalog) -> None:
    """Raise BadInput for a forecaster that --only or --set names and that is not installed, or lacks its checkpoint."""
    named = {*selection.only, *selection.settings}
    for entry in (entry for board in boards for entry in board.entries(catalog) if entry.title in named):
        parameters = {**entry.parameters, **selection.settings.get(entry.title, {})}
        check_installed(entry.name, catalog.forecasters, parameters)
        spec = catalog.forecasters[entry.name].spec
        for name, path in absolute_paths(spec, parameters).items():
            if name in spec.paths and isinstance(path, str) and path and not Path(path).exists():
                raise BadInput(f"{name} of forecaster {entry.title!r}: there is no file or folder {path}")


def _narrowed_titles(board: Leaderboard, selection: Selection, catalog: Catalog) -> tuple[str, ...] | None:
    """The forecasters on a board that --only and --pool select; None without these options.

    The baseline is run with every pool, so that --only may name it.
    """
    if not (selection.only or selection.pools):
        return None
    entries = board.entries(catalog)
    if selection.only:
        entries = tuple(entry for entry in entries if entry.title in selection.only)
    if selection.pools:
        pools = forecaster_pools((entry.name for entry in entries), catalog)
        entries = tuple(
            entry
            for entry in entries
            if pools.get(entry.name) in selection.pools or (selection.only and entry.title == board.baseline)
        )
    return tuple(entry.title for entry in entries)


def _check_pools(
    selection: Selection, boards: Mapping[str, Leaderboard], narrowed: Mapping[str, tuple[str, ...] | None]
) -> None:
    """Raise BadInput where --pool selects no forecaster, or leaves out one that --only or --set names."""
    if not selection.pools or not boards:
        return
    kept = {title for titles in narrowed.values() for title in titles or ()}
    baselines = {board.baseline for board in boards.values()}
    for option, names, allowed in (("--only", selection.only, kept), ("--set", selection.settings, kept | baselines)):
        for name in names:
            if name not in allowed:
                raise BadInput(f"{option} names {name!r}, which --pool {' --pool '.join(selection.pools)} leaves out")
    if not kept:
        raise BadInput(
            f"no forecaster on these boards is of pool {' or '.join(selection.pools)}; "
            "`harness list forecasters` shows the pools"
        )


def _not_on_boards(forecaster: str, files: Mapping[str, Path]) -> str:
    """The sentence that a forecaster of the catalog is on none of these boards, with the file to add it to."""
    if len(files) > 1:
        return f"forecaster {forecaster!r} is on none of the boards {', '.join(files)}; add it to the file of one"
    ((board, file),) = files.items()
    return f"forecaster {forecaster!r} is not on board {board!r}; add it to {file}"


def _selected_board(
    name: str,
    loaded: _Loaded,
    only: tuple[str, ...] | None,
    titles: set[str],
    selection: Selection,
    workspace: Workspace,
) -> SelectedBoard:
    settings = {title: given for title, given in selection.settings.items() if title in titles}
    board, file = loaded.board, loaded.file
    of_part = loaded.part.of(board, workspace.catalog)
    narrow = _narrow_board(of_part, workspace.catalog, only, selection.pools)
    if settings:
        changed = with_parameters(narrow, workspace.catalog, settings)
        _check_titles(changed)
        check_file(workspace.home, name + CHANGED, file)
        plan = plan_board(name + CHANGED, changed, workspace, selection.seeds)
        _check_parameters(plan, narrow, workspace.catalog)
        return SelectedBoard(plan, plan, file, loaded.digest)
    check_file(workspace.home, name, file)
    whole = plan_board(name, board, workspace, selection.seeds)
    run = whole if narrow == board else plan_board(name, narrow, workspace, selection.seeds)
    return SelectedBoard(run, whole, file, loaded.digest, selection.options_text)


def _narrow_board(
    board: Leaderboard, catalog: Catalog, only: tuple[str, ...] | None, pools: tuple[Pool, ...]
) -> Leaderboard:
    """The board with only these forecasters and its baseline, all if None, as a board of these pools."""
    narrow = with_forecasters(board, catalog, only or ())
    return replace(narrow, title=title_of_pools(board.title, pools), pools=pools) if pools else narrow


def _check_titles(board: Leaderboard) -> None:
    """Raise BadInput if --set gives a forecaster the name of another one on the board."""
    titles = [entry.title for entry in board.forecasters]
    for title in titles:
        if titles.count(title) > 1:
            raise BadInput(f"--set makes a second forecaster called {title!r}, which is on the board already")


def _check_parameters(plan: BoardPlan, before: Leaderboard, catalog: Catalog) -> None:
    """Raise BadParameter for hyperparameters given by --set; those of board files are checked where they run."""
    unchanged = {entry.title for entry in before.entries(catalog)} - {plan.board.baseline}
    for cell in plan.cells:
        if cell.title not in unchanged:
            spec = catalog.forecasters[cell.cell.forecaster].spec
            made = attempt(partial(spec.check_parameters, cell.cell.parameters))
            if isinstance(made, Failure) and isinstance(made.error, BadInput):
                raise made.error  # any other error is reported by its cell


def _leave_out(selection: Selection, name: str, error: HarnessError, left_out: list[str]) -> None:
    """Note that a board of `--all` is left out; raise the error of a board that was named."""
    if selection.boards:
        raise error
    left_out.append(f"error: board {name!r} was left out: {error}")
