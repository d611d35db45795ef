"""The two sources of a comparison: runs or boards, in a home or published."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analysis.lookup import find_journal_results, find_results
from harness.analysis.ranking.scores import ForecasterTask
from harness.boards.leaderboard import board_file, board_name
from harness.data.storage import read_json
from harness.errors import BadInput
from harness.evaluation.run import Run
from harness.plugins.catalog import Catalog
from harness.results.board_results import BoardResults, JournalResults
from harness.results.journal import Journal
from harness.results.publication import is_published
from harness.results.publication.published_results import PublishedResults
from harness.results.stored_plan import StoredCell, StoredPlan, stored_plan, stored_plans

MIN_DIGITS = 6  # of a key
PUBLISHED = "published"  # names the results published with a board


@dataclass(frozen=True, eq=False)
class Source:
    """A run or a board, with the cells of each forecaster on each task."""

    name: str  # as it was given
    results: BoardResults
    cells: Mapping[ForecasterTask, tuple[StoredCell, ...]]  # one for each seed
    is_run: bool

    def runs(self, key: ForecasterTask) -> list[Run | None]:
        """The runs of a forecaster on a task; None where one is pending."""
        return [self.results.runs[cell.key] for cell in self.cells[key]]


def find_sources(first: str, second: str, home: Path, catalog: Callable[[], Catalog]) -> tuple[Source, Source]:
    """The two runs or two boards that texts name; raises BadInput for anything else."""
    pair = _find_source(first, home, catalog), _find_source(second, home, catalog)
    if pair[0].is_run != pair[1].is_run:
        run, board = (first, second) if pair[0].is_run else (second, first)
        raise BadInput(f"{run!r} is a run and {board!r} a board; compare two runs or two boards")
    return pair


def _find_source(text: str, home: Path, catalog: Callable[[], Catalog]) -> Source:
    name, at, place = text.rpartition("@") if "@" in text else (text, "", "")
    if at and not (name and place):
        raise BadInput(f"{text!r} is neither KEY@HOME nor BOARD@PLACE")
    folder = Path(place) if at and place != PUBLISHED else home
    if at and place != PUBLISHED and not (is_published(folder) or (folder / "journal").is_dir()):
        raise BadInput(f"{place!r} is neither a home folder nor one of published results")
    digits = re.fullmatch(r"[0-9a-f]{1,32}", name) is not None
    if digits and not _is_board(name, folder, catalog):
        return _find_run(text, name, place, folder)
    results: BoardResults
    if place == PUBLISHED:
        results = find_results(name, home, catalog, published=True)
    elif at and is_published(folder):
        results = PublishedResults(folder)
        if results.plan.name != board_name(name):
            raise BadInput(f"{folder} holds results of board {results.plan.name!r}, not of {board_name(name)!r}")
    else:
        results = find_journal_results(name, folder, catalog)
    cells: dict[ForecasterTask, list[StoredCell]] = {}
    for cell in results.plan.cells:
        cells.setdefault((cell.forecaster, cell.task), []).append(cell)
    return Source(text, results, {key: tuple(seeds) for key, seeds in cells.items()}, is_run=False)


def _is_board(name: str, home: Path, catalog: Callable[[], Catalog]) -> bool:
    return name in catalog().boards or board_file(name) is not None or stored_plan(home, name) is not None


def _find_run(text: str, digits: str, place: str, folder: Path) -> Source:
    """The run whose key begins with these digits."""
    if place == PUBLISHED:
        raise BadInput(f"{text!r}: a run is in a home or in a folder of published results; name that folder")
    published = PublishedResults(folder) if place and is_published(folder) else None
    journal = Journal(folder)
    if len(digits) < MIN_DIGITS:
        raise BadInput(f"{text!r}: at least {MIN_DIGITS} digits of a run's key are needed, or its board's name")
    keys = sorted(key for key in (journal.keys() if published is None else published.runs) if key.startswith(digits))
    if not keys:
        raise BadInput(f"no run in {folder} has a key that begins with {digits}")
    if len(keys) > 1:
        raise BadInput(f"{len(keys)} runs in {folder} have a key that begins with {digits}: {', '.join(keys[:3])}")
    if published is not None:
        results: BoardResults = published
        cell = _cell(published.plan, keys[0])
    else:
        plan = _plan_of_run(keys[0], folder, journal)
        results, cell = JournalResults(plan, journal), plan.cells[0]
    return Source(text, results, {(cell.forecaster, cell.task): (cell,)}, is_run=True)


def _cell(plan: StoredPlan, key: str) -> StoredCell:
    return next(cell for cell in plan.cells if cell.key == key)


def _plan_of_run(key: str, home: Path, journal: Journal) -> StoredPlan:
    """A plan of one cell: from a board that has it, or else with the fingerprint that gives its key."""
    plans = stored_plans(home)
    for plan in plans:
        if any(cell.key == key for cell in plan.cells):
            return replace(plan, cells=(_cell(plan, key),))
    run = journal.read(key)
    if run is None:
        raise BadInput(f"the record of run {key} in {home} cannot be read; run it with --rerun")
    known = [cell.fingerprint for plan in plans for cell in plan.cells]
    remembered = read_json(home / "fingerprints.json") or {}
    entries = [entry for entry in remembered.values() if isinstance(entry, dict)]
    known += [str(entry["fingerprint"]) for entry in entries if "fingerprint" in entry]
    version = str(run.provenance.get("plugin", {}).get("version", ""))
    matching = [fingerprint for fingerprint in dict.fromkeys(known) if run.cell.key(fingerprint, version) == key]
    if not matching:
        raise BadInput(f"the data of run {key} in {home} are not known; run its board with --rerun")
    name = run.cell.forecaster
    cell = StoredCell(key, name, run.cell.task.label, matching[0])
    return StoredPlan("", "", "", next(iter(run.scores), "MASE"), name, (cell,), (name,))
