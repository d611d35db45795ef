"""A board's results, from the journal or a publication, and its standings, as stored or computed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.board_files import check_stored_board, known_board
from harness.boards.collections import Part
from harness.boards.leaderboard import board_name, find_board_file, load_board
from harness.boards.requirements import missing_datasets
from harness.boards.selection import CHANGED
from harness.boards.stale import changed_board_note, stale_forecasters
from harness.boards.workspace import Workspace
from harness.data.home_folders import home_exists, home_name, home_option
from harness.errors import BadInput, Failure, attempt
from harness.fields.names import joined_names
from harness.plugins.catalog import Catalog
from harness.results.board_results import BoardResults, JournalResults
from harness.results.claims import ClaimedResults, read_claims
from harness.results.conflicts import pending_conflicts
from harness.results.rescoring import changed_metrics, with_known_version
from harness.results.selections import selected_keys, selections_of
from harness.results.standings import Standings, pending_note, standings_path, stored_standings
from harness.results.stored_plan import stored_plan, stored_plans

if TYPE_CHECKING:
    from harness.evaluation.metrics import Metric
    from harness.forecasters.pools import Pool
    from harness.results.publication.published_results import PublishedResults

MOST_CONFLICTS = 5  # of a board that are listed


def find_standings(
    board: str,
    workspace: Workspace,
    metric: str | None = None,
    *,
    completed_only: bool = False,
    published: bool = False,
    pools: tuple[Pool, ...] = (),
) -> Standings:
    """The stored standings, or computed ones where other options than theirs are given.

    Where the home has no results of the board, or with `published`, those of its publication. With `pools`, only
    their forecasters and the baseline are ranked.
    """
    check_stored_board(board, workspace)
    if pools:
        results = find_results(board, workspace, published=published, pools=pools)
        standings = board_standings(results, workspace, metric, completed_only=completed_only)
    else:
        standings = _find_standings(board, workspace, metric, completed_only=completed_only, published=published)
    rows = [] if published else [row.forecaster for row in standings.rows]
    notes = [] if published else [*conflict_notes(board, workspace), *stale_notes(board, rows, workspace)]
    return replace(standings, notes=(*standings.notes, *notes)) if notes else standings


def stale_notes(board: str, forecasters: Collection[str], workspace: Workspace) -> list[str]:
    """Why the results of a board are stale: its file or the source of some of these forecasters was changed since."""
    plan = stored_plan(workspace.home, board_name(board))
    if plan is None:
        return []
    changed = changed_board_note(board, workspace)
    reasons: dict[str, list[str]] = {}
    for title, reason in stale_forecasters(plan, workspace).items():
        if title in forecasters:
            reasons.setdefault(reason, []).append(title)
    notes = [f"{joined_names(names)}: results are stale: {why}; run the board again" for why, names in reasons.items()]
    return [changed, *notes] if changed else notes


def conflict_notes(board: str, workspace: Workspace) -> list[str]:
    """Sentences on cells of a board that are pending since several homes have different results, the first ones."""
    plan = stored_plan(workspace.home, board_name(board))
    found = [] if plan is None else list(pending_conflicts(plan, workspace.home))
    more = f"{len(found) - MOST_CONFLICTS} more results of forecasters are pending for the same reason"
    return [*(each.sentence for each in found[:MOST_CONFLICTS]), *([more] if len(found) > MOST_CONFLICTS else [])]


def rerun_notes(board: str, standings: Standings, workspace: Workspace) -> list[str]:
    """Why a board is to be run again: stale results, different ones of several homes, and pending cells."""
    stale = stale_notes(board, [row.forecaster for row in standings.rows], workspace)
    notes = [*conflict_notes(board, workspace), *stale]
    plan = stored_plan(workspace.home, board_name(board))
    lacking = [] if plan is None else [cell.key for cell in plan.cells if not workspace.journal.has(cell.key)]
    if plan is None or not lacking:
        return notes
    selected = selected_keys(selections_of(workspace.home, plan), plan)
    pending = [key for key in lacking if key in selected]
    return [*notes, pending_note(len(pending), len(plan.cells), len(lacking) - len(pending))]


def with_claimed(standings: Standings, board: str, workspace: Workspace, *, ranked: bool) -> Standings:
    """The standings with the claimed results beside the board's file, if it has one.

    Raises BadInput for a damaged file of claimed results, and as `with_claims`.
    """
    from harness.analysis.aggregation import CLIP
    from harness.analysis.claims import with_claims

    file = attempt(lambda: find_board_file(known_board(board, workspace), workspace.catalog))
    claims = ClaimedResults(()) if isinstance(file, Failure) else read_claims(file.parent)
    plan = stored_plan(workspace.home, board_name(board))
    return with_claims(standings, claims, ranked=ranked, clip=CLIP if plan is None else plan.clip)


def live_standings(board: str, workspace: Workspace) -> Standings | None:
    """The stored standings, or computed ones where the journal has later results; None where there are none."""
    check_stored_board(board, workspace)
    name = board_name(board)
    stored, plan = stored_standings(workspace.home, name), stored_plan(workspace.home, name)
    if plan is None:
        return stored
    written = 0 if stored is None else standings_path(workspace.home, name).stat().st_mtime_ns
    finished = [workspace.journal.modified(cell.key) for cell in plan.cells]
    if max(finished, default=0) <= written:
        return stored
    return board_standings(JournalResults(plan, workspace.journal), workspace)


def _find_standings(
    board: str, workspace: Workspace, metric: str | None, *, completed_only: bool, published: bool
) -> Standings:
    stored = None if published else stored_standings(workspace.home, board_name(board))
    if stored is not None and not completed_only and metric in (None, stored.metric) and _is_current(stored, workspace):
        return stored
    results = find_results(board, workspace, published=published)
    return board_standings(results, workspace, metric, completed_only=completed_only)


def _is_current(standings: Standings, workspace: Workspace) -> bool:
    """Whether stored standings are by the present metrics.

    Those by metrics of unknown versions are kept where they cannot be computed again.
    """
    names = {standings.metric, *(name for row in standings.rows for name in row.metrics)}
    versions = {name: version for name, version in workspace.catalog.metric_versions.items() if name in names}
    plan, journal = stored_plan(workspace.home, standings.board) if versions else None, workspace.journal
    for cell in () if plan is None else plan.cells:
        run = journal.read(cell.key)
        changed = [] if run is None else changed_metrics(run, versions)
        if run is None or not changed:
            continue
        if with_known_version(run, changed) or journal.has_actuals(cell.fingerprint, run.cell.task):
            return False
    return True


def board_standings(
    results: BoardResults, workspace: Workspace, metric: str | None = None, *, completed_only: bool = False
) -> Standings:
    """A board's results → its standings, by the board's metric or another, joined with the latest costs.

    The one place where standings are computed for a user; a publication without terms has its standings stored.
    """
    from harness.analysis.costs import with_costs
    from harness.results.publication.published_results import PublishedResults

    name = metric or results.plan.metric
    standings = None
    if isinstance(results, PublishedResults) and not completed_only:
        standings = results.stored if results.stored is not None and results.stored.metric == name else None
    if standings is None:
        standings = _compute(results, name, workspace.catalog, completed_only=completed_only)
    if isinstance(results, PublishedResults):
        standings = _with_publication_notes(standings, name, results)
    return with_costs(standings, results.plan, workspace.home)


def _compute(results: BoardResults, metric: str, catalog: Catalog, *, completed_only: bool) -> Standings:
    from harness.analysis.ranking.compute import compute_standings

    metrics = [entry.spec for entry in catalog.metrics.values()]
    return compute_standings(
        results, find_metric(metric, results, catalog), metrics=metrics, completed_only=completed_only
    )


def _with_publication_notes(standings: Standings, metric: str, results: PublishedResults) -> Standings:
    notes = [results.origin]
    if metric not in results.metrics and standings.significance is None:
        notes.append(f"without intervals: they need terms of {metric}, which are not published")
    return replace(standings, notes=(*standings.notes, *notes))


def find_metric(name: str, results: BoardResults, catalog: Catalog) -> Metric:
    """The metric of that name, as it was published with the results or as the catalog has it."""
    from harness.results.publication.published_results import PublishedResults

    published = results.metrics if isinstance(results, PublishedResults) else {}
    return published[name] if name in published else catalog.metrics[name].spec


def update_costs(cells: Collection[str], home: Path) -> list[Standings]:
    """Join the stored standings of all boards that have one of these cells with the latest costs, and store them.

    Returns them. A board without stored standings gets its costs when it is shown.
    """
    from harness.analysis.costs import with_costs

    updated = []
    for plan in stored_plans(home):
        stored = stored_standings(home, plan.name)
        if stored is not None and any(cell.key in cells for cell in plan.cells):
            updated.append(with_costs(stored, plan, home))
            updated[-1].save(home)
    return updated


def find_results(
    board: str, workspace: Workspace, *, published: bool = False, pools: tuple[Pool, ...] = ()
) -> BoardResults:
    """A board's results: those in the journal, of the cells of its last run, or else its publication.

    With `pools`, only those of their forecasters and the baseline. Raises BadInput where there are none.
    """
    results = _find_results(board, workspace, published=published)
    return results.with_plan(results.plan.of_pools(pools)) if pools else results


def _find_results(board: str, workspace: Workspace, *, published: bool) -> BoardResults:
    found = None if published else _journal_results(board, workspace)
    if found is not None:
        return found
    folder = published_folder(board, workspace.catalog)
    from harness.results.publication.files import is_published
    from harness.results.publication.published_results import PublishedResults

    if is_published(folder):
        return PublishedResults(folder)
    load_board(board, workspace.catalog)  # an error in the board's file comes first
    if published:
        raise BadInput(f"no results of board {board_name(board)!r} are published in {folder}")
    raise _no_results(board, workspace)


def find_part_results(part: Part, workspace: Workspace) -> JournalResults:
    """The results in the journal of what belongs to a part of a board; raises BadInput where there are none."""
    results = find_journal_results(part.board, workspace)
    board = part.of(load_board(part.board, workspace.catalog), workspace.catalog)
    titles = {entry.title for entry in board.entries(workspace.catalog)}
    return results.with_plan(results.plan.part(titles, {task.label for task in board.tasks}))


def find_journal_results(board: str, workspace: Workspace) -> JournalResults:
    """A board's results in the journal, of the cells of its last run; raises BadInput where there are none."""
    found = _journal_results(board, workspace)
    if found is None:
        load_board(board, workspace.catalog)
        raise _no_results(board, workspace)
    return found


def _journal_results(board: str, workspace: Workspace) -> JournalResults | None:
    check_stored_board(board, workspace)
    plan, journal = stored_plan(workspace.home, board_name(board)), workspace.journal
    if plan is None or not any(journal.has(cell.key) for cell in plan.cells):
        return None
    return JournalResults(plan, journal, workspace.catalog)


def _no_results(board: str, workspace: Workspace) -> BadInput:
    home, changed = workspace.home, board_name(board) + CHANGED
    option, place = home_option(home), home_name(home) + ("" if home_exists(home) else ", which does not exist")
    hint = f", or name {changed!r}, which holds the results of `--set`" if stored_plan(home, changed) else ""
    fetch = "".join(f" {name}" for name in missing_datasets(board, workspace))
    first = f"its data is not downloaded: run `harness data fetch{fetch}{option}`, then" if fetch else "run"
    end = "" if fetch else " first"
    return BadInput(
        f"board {board_name(board)!r} has no results in {place}; {first} `harness run {board}{option}`{end}{hint}"
    )


def published_folder(board: str, catalog: Catalog) -> Path:
    """The folder of a board's file, where its results are published; raises BadBoard or UnknownName."""
    return find_board_file(board, catalog).parent
