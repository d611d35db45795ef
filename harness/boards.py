"""A board that was run: its evidence, and its standings as they are stored or as they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.campaign import stored_plan
from harness.errors import BadInput
from harness.evidence import JournalEvidence
from harness.journal import Journal
from harness.leaderboard import board_name, load_board
from harness.plugins import Catalog
from harness.ranking import Standings, stored_standings


def shown(
    board: str, metric: str | None, completed_only: bool, home: Path, catalog: Callable[[], Catalog]
) -> Standings:
    """The standings as stored, or computed where something else than the stored ones is asked."""
    name = board_name(board)
    stored = stored_standings(home, name)
    if stored is not None and not completed_only and metric in (None, stored.metric):
        return stored
    evidence = evidence_of(board, home, catalog)
    from harness.ranking.judgement import standings

    wanted = catalog().metrics[metric or evidence.plan.metric].spec
    return standings(evidence, wanted, completed_only=completed_only)


def evidence_of(board: str, home: Path, catalog: Callable[[], Catalog]) -> JournalEvidence:
    """What the journal holds of a board as it was last run; raises BadInput where that is nothing."""
    plan = stored_plan(home, board_name(board))
    journal = Journal(home)
    if plan is None or not any(journal.has(one.key) for one in plan.cells):
        load_board(board, catalog())  # a name that nobody knows is told as such
        raise BadInput(f"board {board_name(board)!r} has no results in {home}; run `harness run {board}` first")
    return JournalEvidence(plan, journal)
