"""The two sides of a comparison: runs or boards, wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analysis.lookup import find_journal_results, find_results
from harness.boards.leaderboard import board_file, board_name
from harness.boards.workspace import Workspace
from harness.data.storage import read_json
from harness.errors import BadInput
from harness.evaluation.run import Run
from harness.results.board_results import BoardResults, JournalResults
from harness.results.publication import is_published
from harness.results.publication.published_results import PublishedResults
from harness.results.stored_plan import StoredCell, StoredPlan, stored_plan, stored_plans

DIGITS = 6  # of a key, at least
PUBLISHED = "published"  # the place of what came with a board
Place = tuple[str, str]  # forecaster, task


@dataclass(frozen=True, eq=False)
class Source:
    """One of the two: a run or a board, and the cells of each forecaster on each task."""

    name: str  # as it was given
    results: BoardResults
    places: Mapping[Place, tuple[StoredCell, ...]]
    is_run: bool

    def runs(self, place: Place) -> list[Run | None]:
        """The records of a forecaster on a task."""
        return [self.results.runs[one.key] for one in self.places[place]]


def find_sources(first: str, second: str, workspace: Workspace) -> tuple[Source, Source]:
    """What two texts name: two runs or two boards; raises BadInput for anything else."""
    pair = _side(first, workspace), _side(second, workspace)
    if pair[0].is_run != pair[1].is_run:
        run, board = (first, second) if pair[0].is_run else (second, first)
        raise BadInput(f"{run!r} is a run and {board!r} a board; compare two of a kind")
    return pair


def _side(text: str, workspace: Workspace) -> Source:
    name, at, place = text.rpartition("@") if "@" in text else (text, "", "")
    if at and not (name and place):
        raise BadInput(f"{text!r} is neither KEY@HOME nor BOARD@PLACE")
    where = Path(place) if at and place != PUBLISHED else workspace.home
    there = workspace.at(where)
    if at and place != PUBLISHED and not (is_published(where) or (where / "journal").is_dir()):
        raise BadInput(f"{place!r} is neither a home folder nor one of published results")
    digits = re.fullmatch(r"[0-9a-f]{1,32}", name) is not None
    if digits and not _is_board(name, there):
        return _run_side(text, name, place, there)
    results: BoardResults
    if place == PUBLISHED:
        results = find_results(name, workspace, published=True)
    elif at and is_published(where):
        results = PublishedResults(where)
        if results.plan.name != board_name(name):
            raise BadInput(f"{where} holds results of board {results.plan.name!r}, not of {board_name(name)!r}")
    else:
        results = find_journal_results(name, there)
    places: dict[Place, list[StoredCell]] = {}
    for one in results.plan.cells:
        places.setdefault((one.forecaster, one.task), []).append(one)
    return Source(text, results, {where: tuple(mine) for where, mine in places.items()}, is_run=False)


def _is_board(name: str, workspace: Workspace) -> bool:
    in_catalog = name in workspace.catalog.boards
    return in_catalog or board_file(name) is not None or stored_plan(workspace.home, name) is not None


def _run_side(text: str, digits: str, place: str, workspace: Workspace) -> Source:
    """The run whose key begins with these digits."""
    if place == PUBLISHED:
        raise BadInput(f"{text!r}: a run lies in a home or in a folder of published results; name that folder")
    where, journal = workspace.home, workspace.journal
    published = PublishedResults(where) if place and is_published(where) else None
    if len(digits) < DIGITS:
        raise BadInput(f"{text!r}: at least {DIGITS} digits of a run's key are needed, or its board's name")
    keys = sorted(key for key in (journal.keys() if published is None else published.runs) if key.startswith(digits))
    if not keys:
        raise BadInput(f"no run in {where} has a key that begins with {digits}")
    if len(keys) > 1:
        raise BadInput(f"{len(keys)} runs in {where} have a key that begins with {digits}: {', '.join(keys[:3])}")
    if published is not None:
        results: BoardResults = published
        cell = _cell(published.plan, keys[0])
    else:
        plan = _plan_of(keys[0], workspace)
        results, cell = JournalResults(plan, journal), plan.cells[0]
    return Source(text, results, {(cell.forecaster, cell.task): (cell,)}, is_run=True)


def _cell(plan: StoredPlan, key: str) -> StoredCell:
    return next(one for one in plan.cells if one.key == key)


def _plan_of(key: str, workspace: Workspace) -> StoredPlan:
    """A plan of one cell: from a board that has it, or where none has, by the fingerprint that gives its key."""
    home = workspace.home
    plans = stored_plans(home)
    for plan in plans:
        if any(one.key == key for one in plan.cells):
            return replace(plan, cells=(_cell(plan, key),))
    run = workspace.journal.read(key)
    if run is None:
        raise BadInput(f"the record of run {key} in {home} cannot be read; run it with --rerun")
    known = [one.fingerprint for plan in plans for one in plan.cells]
    remembered = read_json(home / "fingerprints.json") or {}
    known += [str(one["fingerprint"]) for one in remembered.values() if isinstance(one, dict) and "fingerprint" in one]
    version = str(run.provenance.get("plugin", {}).get("version", ""))
    found = [one for one in dict.fromkeys(known) if run.cell.key(one, version) == key]
    if not found:
        raise BadInput(f"which data run {key} in {home} is of is not known; run its board with --rerun")
    name = run.cell.forecaster
    cell = StoredCell(key, name, run.cell.task.label, found[0])
    return StoredPlan("", "", "", next(iter(run.scores), "MASE"), name, (cell,), (name,))
