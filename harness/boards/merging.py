"""Merging of boards: their plans, which name their cells, and the files that they are of.

All steps can be repeated, and the plan of a board is stored last: the same command continues an interrupted merge.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.boards.board_files import copy_stored_file
from harness.boards.leaderboard import BOARD_FILE
from harness.data.home_folders import home_name
from harness.errors import DamagedFile, LaterVersion
from harness.results.journal import Journal
from harness.results.selections import copy_selections
from harness.results.standings import remove_standings
from harness.results.stored_plan import StoredPlan, board_folder, checked_plan, planned_boards, stored_plan


@dataclass(frozen=True)
class PlanOfHome:
    """The plan of a board in one of the homes."""

    home: Path
    plan: StoredPlan

    def preference(self, journal: Journal) -> tuple[int, int, str]:
        """The order in which one of several plans is kept: the one with the most cells that are done, or the most."""
        done = sum(journal.has(cell.key) for cell in self.plan.cells)
        return -done, -len(self.plan.cells), repr(self.plan.to_json())


@dataclass
class BoardMerge:
    """What a merge of boards found, as sentences."""

    notes: list[str] = field(default_factory=list)  # on boards with different plans
    problems: list[str] = field(default_factory=list)  # on what was left, since it cannot be read


def merge_boards(sources: Sequence[Path], into: Path) -> BoardMerge:
    """Merge the boards of homes into another home, whose journal is merged; the sources are only read.

    A board that cannot be read is left as it is, and the others are merged.
    """
    merge, found = BoardMerge(), dict[str, dict[Path, StoredPlan]]()
    for home in sources:
        for name in planned_boards(home):
            try:
                plan = checked_plan(home, name)
            except (DamagedFile, LaterVersion) as error:
                merge.problems.append(f"board {name} of {home_name(home)} was left out: {error}")
                continue
            if plan is not None:
                found.setdefault(name, {})[home] = plan
    for name, plans in sorted(found.items()):
        try:
            own = stored_plan(into, name)  # a damaged one is moved away
            _merge_board(name, plans if own is None else {into: own, **plans}, into, merge)
        except LaterVersion as error:
            merge.problems.append(f"board {name} was left as it is: {error}")
    return merge


def _merge_board(name: str, plans: Mapping[Path, StoredPlan], into: Path, merge: BoardMerge) -> None:
    """Merge the plans of a board, by their homes, that of the home that is merged into first; raises LaterVersion."""
    journal = Journal(into)
    best = min((PlanOfHome(home, plan) for home, plan in plans.items()), key=lambda each: each.preference(journal))
    others = [home_name(home) for home, plan in plans.items() if plan != best.plan]
    if others:
        merge.notes.append(
            f"board {name} has other cells in {', '.join(others)} than in {home_name(best.home)}, whose are kept: "
            "run it again with `harness run`"
        )
    for home in plans:  # of `into`, all cells may have been asked for
        copy_selections(home, into, name)
    if plans.get(into) != best.plan:
        remove_standings(into, name)
        _copy_files(best.home, into, name)
        best.plan.save(into)


def _copy_files(source: Path, into: Path, name: str) -> None:
    """Copy what a home has of the file of a board."""
    own = board_folder(source, name) / BOARD_FILE
    if own.is_file():
        shutil.copyfile(own, board_folder(into, name) / BOARD_FILE)
    copy_stored_file(source, into, name)
