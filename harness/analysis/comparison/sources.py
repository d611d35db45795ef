"""The two sources of a comparison: runs or boards, in a home or published."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analysis.lookup import find_journal_results, find_results
from harness.analysis.ranking.scores import ForecasterTask
from harness.boards.fingerprints import stored_fingerprints
from harness.boards.leaderboard import board_file, board_name
from harness.boards.workspace import Workspace, open_workspace
from harness.data.home_folders import home_name, is_url
from harness.errors import BadInput
from harness.evaluation.run import Run
from harness.forecasters.pools import Pool
from harness.results.board_results import BoardResults, JournalResults
from harness.results.publication.files import is_published
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

    def only(self, forecasters: Collection[str]) -> Source:
        """The cells of these forecasters."""
        return replace(self, cells={key: cells for key, cells in self.cells.items() if key[0] in forecasters})

    def of_pools(self, pools: tuple[Pool, ...]) -> Source:
        """The cells of the forecasters of these pools, all if none is given; raises BadInput for a run."""
        if not pools:
            return self
        if self.is_run:
            raise BadInput("--pool selects forecasters of boards; a run has one forecaster")
        return self.only(self.results.plan.in_pools(pools))

    def runs(self, key: ForecasterTask) -> list[Run | None]:
        """The runs of a forecaster on a task; None where one is pending."""
        return [self.results.runs[cell.key] for cell in self.cells[key]]


def find_sources(first: str, second: str, workspace: Workspace, pools: tuple[Pool, ...] = ()) -> tuple[Source, Source]:
    """The two runs or two boards that texts name; raises BadInput for anything else.

    With `pools`, only the cells of their forecasters.
    """
    pair = _find_source(first, workspace), _find_source(second, workspace)
    if pair[0].is_run != pair[1].is_run:
        run, board = (first, second) if pair[0].is_run else (second, first)
        raise BadInput(f"{run!r} is a run and {board!r} a board; compare two runs or two boards")
    return pair[0].of_pools(pools), pair[1].of_pools(pools)


def _find_source(text: str, workspace: Workspace) -> Source:
    name, at, location = _parts(text)
    if at and not (name and location):
        raise BadInput(f"{text!r} is neither KEY@HOME nor BOARD@PLACE")
    elsewhere = bool(at) and location != PUBLISHED
    opened = open_workspace(location, reads_only=True) if elsewhere else workspace
    folder = opened.home
    if elsewhere and is_url(location):
        opened.check_exists()
    if elsewhere and not is_url(location) and not (is_published(folder) or (folder / "journal").is_dir()):
        raise BadInput(f"{location!r} is neither a home folder nor one of published results")
    is_key = re.fullmatch(r"[0-9a-f]{1,32}", name) is not None
    if is_key and not _is_board(name, workspace.at(folder)):
        return _find_run(text, name, location, workspace.at(folder))
    if name in workspace.catalog.forecasters and not _is_board(name, workspace.at(folder)):
        raise BadInput(
            f"{name!r} is a forecaster and not a board; two forecasters are compared on one task, by the keys of their "
            "runs, which `harness runs BOARD` lists"
        )
    results = _find_board_results(name, location, folder, workspace)
    cells: dict[ForecasterTask, list[StoredCell]] = {}
    for cell in results.plan.cells:
        cells.setdefault((cell.forecaster, cell.task), []).append(cell)
    return Source(text, results, {key: tuple(seeds) for key, seeds in cells.items()}, is_run=False)


def _parts(text: str) -> tuple[str, str, str]:
    """What is named, "@", and where it is; the last two are empty without an "@". A URL may have another one."""
    url = text.find("://")
    at = text.rfind("@") if url < 0 else text.rfind("@", 0, url)
    return (text, "", "") if at < 0 else (text[:at], "@", text[at + 1 :])


def _find_board_results(name: str, location: str, folder: Path, workspace: Workspace) -> BoardResults:
    if location == PUBLISHED:
        return find_results(name, workspace, published=True)
    if not location or not is_published(folder):
        return find_journal_results(name, workspace.at(folder))
    results = PublishedResults(folder)
    if results.plan.name != board_name(name):
        raise BadInput(f"{folder} holds results of board {results.plan.name!r}, not of {board_name(name)!r}")
    return results


def _is_board(name: str, workspace: Workspace) -> bool:
    in_catalog = name in workspace.catalog.boards
    return in_catalog or board_file(name) is not None or stored_plan(workspace.home, name) is not None


def _find_run(text: str, digits: str, location: str, workspace: Workspace) -> Source:
    """The run whose key begins with these digits."""
    if location == PUBLISHED:
        raise BadInput(f"{text!r}: a run is in a home or in a folder of published results; name that folder")
    check_digits(text, digits)
    results: BoardResults
    if location and is_published(workspace.home):
        results = PublishedResults(workspace.home)
        cell = _cell(results.plan, full_key(digits, results.runs, workspace.home))
    else:
        plan = plan_of_run(full_key(digits, workspace.journal.keys(), workspace.home), workspace)
        results, cell = JournalResults(plan, workspace.journal, workspace.catalog), plan.cells[0]
    return Source(text, results, {(cell.forecaster, cell.task): (cell,)}, is_run=True)


def check_digits(text: str, digits: str) -> None:
    """Raise BadInput for too few digits of a key."""
    if len(digits) < MIN_DIGITS:
        raise BadInput(f"{text!r}: at least {MIN_DIGITS} digits of a run's key are needed, or its board's name")


def full_key(digits: str, keys: Iterable[str], folder: Path) -> str:
    """The one key that begins with these digits; raises BadInput where there are none or several."""
    matching = sorted(key for key in keys if key.startswith(digits))
    if not matching:
        raise BadInput(f"no run in {home_name(folder)} has a key that begins with {digits}")
    if len(matching) > 1:
        shown = ", ".join(matching[:3])
        raise BadInput(f"{len(matching)} runs in {home_name(folder)} have a key that begins with {digits}: {shown}")
    return matching[0]


def _cell(plan: StoredPlan, key: str) -> StoredCell:
    return next(cell for cell in plan.cells if cell.key == key)


def plan_of_run(key: str, workspace: Workspace) -> StoredPlan:
    """A plan of one cell: from a board that has it, or else with the fingerprint that gives its key."""
    plans = stored_plans(workspace.home)
    for plan in plans:
        if any(cell.key == key for cell in plan.cells):
            return replace(plan, cells=(_cell(plan, key),))
    run = workspace.journal.read(key)
    if run is None:
        raise BadInput(f"the record of run {key} in {home_name(workspace.home)} cannot be read; run its board again")
    version = str(run.provenance.get("plugin", {}).get("version", ""))
    known = dict.fromkeys(_known_fingerprints(plans, workspace.home))
    fingerprint = next((data for data in known if run.cell.key(data, version) == key), None)
    if fingerprint is None:
        raise BadInput(
            f"the data of run {key} in {home_name(workspace.home)} are not known; run its board with --rerun"
        )
    name = run.cell.forecaster
    cell = StoredCell(key, name, run.cell.task.label, fingerprint)
    return StoredPlan("", "", "", next(iter(run.scores), "MASE"), name, (cell,), (name,))


def _known_fingerprints(plans: Iterable[StoredPlan], home: Path) -> Iterator[str]:
    """The fingerprints of all data that a home folder has results or a memory of."""
    yield from (cell.fingerprint for plan in plans for cell in plan.cells)
    yield from stored_fingerprints(home)
