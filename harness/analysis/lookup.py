"""A board that was run or published: its results, and its standings as they are stored or as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from harness.boards.leaderboard import board_name, find_board_file, load_board
from harness.errors import BadInput
from harness.plugins.catalog import Catalog
from harness.results.board_results import BoardResults, JournalResults
from harness.results.journal import Journal
from harness.results.standings import Standings, stored_standings
from harness.results.stored_plan import stored_plan, stored_plans


def find_standings(
    board: str,
    metric: str | None,
    completed_only: bool,
    home: Path,
    catalog: Callable[[], Catalog],
    *,
    published: bool = False,
) -> Standings:
    """The standings as stored, or computed where something else than the stored ones is asked.

    Where the home has no results of the board, or where `published`, they are those that came with it.
    """
    stored = None if published else stored_standings(home, board_name(board))
    if stored is not None and not completed_only and metric in (None, stored.metric):
        return stored
    results = find_results(board, home, catalog, published=published)
    from harness.analysis.ranking.compute import compute_standings
    from harness.analysis.ranking.costs import with_costs
    from harness.results.publication.published_results import PublishedResults

    name = metric or results.plan.metric
    if not isinstance(results, PublishedResults):
        found = compute_standings(results, catalog().metrics[name].spec, completed_only=completed_only)
        return with_costs(found, results.plan, home)
    if results.stored is not None and name == results.stored.metric and not completed_only:
        found = results.stored
    else:
        wanted = results.metrics[name] if name in results.metrics else catalog().metrics[name].spec
        found = compute_standings(results, wanted, completed_only=completed_only)
    notes = [results.origin]
    if name not in results.metrics and found.significance is None:
        notes.append(f"without intervals: they need terms of {name}, which are not published")
    return with_costs(replace(found, notes=(*found.notes, *notes)), results.plan, home)


def update_costs(cells: Collection[str], home: Path) -> list[Standings]:
    """The standings of all boards that hold one of the cells, with the latest costs, stored in the place of the former.

    A board whose standings are not stored has the costs once it is shown.
    """
    from harness.analysis.ranking.costs import with_costs

    renewed = []
    for plan in stored_plans(home):
        stored = stored_standings(home, plan.name)
        if stored is not None and any(one.key in cells for one in plan.cells):
            renewed.append(with_costs(stored, plan, home))
            renewed[-1].save(home)
    return renewed


def find_results(board: str, home: Path, catalog: Callable[[], Catalog], *, published: bool = False) -> BoardResults:
    """What the journal holds of a board as it was last run, else what was published of it.

    Raises BadInput where that is nothing.
    """
    found = None if published else _in_journal(board, home)
    if found is not None:
        return found
    folder = published_folder(board, catalog)
    from harness.results.publication import is_published
    from harness.results.publication.published_results import PublishedResults

    if is_published(folder):
        return PublishedResults(folder)
    load_board(board, catalog())  # what cannot be a board is told as such
    if published:
        raise BadInput(f"no results of board {board_name(board)!r} are published in {folder}")
    raise _no_results(board, home)


def find_journal_results(board: str, home: Path, catalog: Callable[[], Catalog]) -> JournalResults:
    """What the journal holds of a board as it was last run; raises BadInput where that is nothing."""
    found = _in_journal(board, home)
    if found is None:
        load_board(board, catalog())
        raise _no_results(board, home)
    return found


def _in_journal(board: str, home: Path) -> JournalResults | None:
    plan, journal = stored_plan(home, board_name(board)), Journal(home)
    if plan is None or not any(journal.has(one.key) for one in plan.cells):
        return None
    return JournalResults(plan, journal)


def _no_results(board: str, home: Path) -> BadInput:
    return BadInput(f"board {board_name(board)!r} has no results in {home}; run `harness run {board}` first")


def published_folder(board: str, catalog: Callable[[], Catalog]) -> Path:
    """The folder that a board's file lies in, where its results are published; raises BadBoard or UnknownName."""
    return find_board_file(board, catalog()).parent
