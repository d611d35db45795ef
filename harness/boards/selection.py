"""What a user asks of `harness run`, and the boards that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.attempt import Failure, attempt
from harness.boards.fingerprints import Fingerprints
from harness.boards.leaderboard import Leaderboard, board_name, load_board, with_forecasters, with_parameters
from harness.boards.planning import BoardPlan, plan_board
from harness.errors import BadInput, HarnessError, UnknownName
from harness.plugins.catalog import Catalog
from harness.results.journal import Journal

if TYPE_CHECKING:
    from harness.fields.types import Json

CHANGED = "-changed"  # appended to the name of a board that --set changed: its standings are its own


@dataclass(frozen=True)
class Selection:
    """What a user asked for."""

    boards: tuple[str, ...]  # none: all that are for --all
    home: Path
    only: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    seeds: int | None = None
    jobs: int | None = None
    rerun: bool = False
    retry_failed: bool = False


@dataclass(frozen=True)
class SelectedBoard:
    """A board as it is to be run, and as it is to be remembered: with all its forecasters."""

    run: BoardPlan
    stored: BoardPlan


def select_boards(request: Selection, catalog: Catalog, journal: Journal) -> tuple[list[SelectedBoard], list[str]]:
    """The boards that were asked for; of `--all`, those that cannot be run are left out with a sentence each."""
    names = request.boards or tuple(catalog.boards)
    left_out: list[str] = []
    boards: dict[str, Leaderboard] = {}
    for name in names:
        try:
            board = load_board(name, catalog)
            if request.boards or board.in_all:
                boards[board_name(name)] = board
        except HarnessError as error:
            _give_up(request, name, error, left_out)
    titles = {name: {entry.title for entry in board.entries(catalog)} for name, board in boards.items()}
    for wanted in (*request.only, *request.settings):
        if not any(wanted in mine for mine in titles.values()):
            raise UnknownName("forecaster on these boards", wanted, set().union(*titles.values()))
    for wanted in request.settings:
        if request.only and wanted not in request.only and not _is_baseline(wanted, boards):
            raise BadInput(f"--set changes {wanted!r}, which --only leaves out; name it by --only too")
    fingerprints = Fingerprints(request.home)
    chosen: list[SelectedBoard] = []
    for name, board in boards.items():
        if request.only and titles[name].isdisjoint(request.only):
            continue
        try:
            chosen.append(_chosen(name, board, titles[name], request, catalog, fingerprints, journal))
        except BadInput as error:
            _give_up(request, name, error, left_out)
    return chosen, left_out


def _chosen(
    name: str,
    board: Leaderboard,
    titles: set[str],
    request: Selection,
    catalog: Catalog,
    fingerprints: Fingerprints,
    journal: Journal,
) -> SelectedBoard:
    only = tuple(one for one in request.only if one in titles)
    settings = {one: given for one, given in request.settings.items() if one in titles}
    narrow = with_forecasters(board, catalog, only)
    if settings:
        changed = with_parameters(narrow, catalog, settings)
        plan = plan_board(name + CHANGED, changed, catalog, fingerprints, journal, request.seeds)
        _check_parameters(plan, catalog, narrow)
        return SelectedBoard(plan, plan)
    whole = plan_board(name, board, catalog, fingerprints, journal, request.seeds)
    if not only:
        return SelectedBoard(whole, whole)
    return SelectedBoard(plan_board(name, narrow, catalog, fingerprints, journal, request.seeds), whole)


def _is_baseline(title: str, boards: Mapping[str, Leaderboard]) -> bool:
    return any(board.baseline == title for board in boards.values())


def _check_parameters(plan: BoardPlan, catalog: Catalog, before: Leaderboard) -> None:
    """Raise BadParameter for hyperparameters given by hand; those of board files are checked where they run."""
    untouched = {entry.title for entry in before.entries(catalog)}
    for one in plan.cells:
        if one.title not in untouched or one.title == plan.board.baseline:
            made = attempt(partial(catalog.forecasters[one.cell.forecaster].spec.make, one.cell.parameters))
            if isinstance(made, Failure) and isinstance(made.error, BadInput):
                raise made.error  # whatever else goes wrong is its cell's to tell


def _give_up(request: Selection, name: str, error: HarnessError, left_out: list[str]) -> None:
    if request.boards:
        raise error
    left_out.append(f"error: board {name!r} was left out: {error}")
