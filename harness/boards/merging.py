"""Merging of boards: their plans, which name their cells, and the files that they are of."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.boards.board_files import copy_stored_file
from harness.boards.leaderboard import BOARD_FILE
from harness.data.damage import reported_only
from harness.data.home_folders import home_name
from harness.results.journal import Journal
from harness.results.selections import copy_selections
from harness.results.standings import remove_standings
from harness.results.stored_plan import StoredPlan, board_folder, stored_plan, stored_plans


@dataclass(frozen=True)
class PlanOfHome:
    """The plan of a board in one of the homes."""

    home: Path
    plan: StoredPlan

    def preference(self, journal: Journal) -> tuple[int, int, str]:
        """The order in which one of several plans is kept: the one with the most cells that are done, or the most."""
        done = sum(journal.has(cell.key) for cell in self.plan.cells)
        return -done, -len(self.plan.cells), repr(self.plan.to_json())


def merge_boards(sources: Sequence[Path], into: Path, changed: Collection[str]) -> Iterator[str]:
    """Merge the boards of homes into another home, whose journal is merged; sentences on those with different plans.

    Standings of boards with changed cells, whose keys are given, are computed again.
    """
    journal = Journal(into)
    found: dict[str, list[PlanOfHome]] = {}
    with reported_only():
        for home in (into, *sources):
            for plan in stored_plans(home):
                found.setdefault(plan.name, []).append(PlanOfHome(home, plan))
    for name, plans in sorted(found.items()):
        best = min(plans, key=lambda each: each.preference(journal))
        others = [each for each in plans if each.plan != best.plan]
        if others:
            yield (
                f"board {name} has other cells in {', '.join(home_name(each.home) for each in others)} than in "
                f"{home_name(best.home)}, whose are kept: run it again with `harness run`"
            )
        if any(cell.key in changed for cell in best.plan.cells):
            remove_standings(into, name)
        if stored_plan(into, name) != best.plan:
            remove_standings(into, name)
            best.plan.save(into)
            _copy_files(best.home, into, name)
        for each in plans:  # the first is the home itself, of which all cells may have been asked for
            copy_selections(each.home, into, name)


def _copy_files(source: Path, into: Path, name: str) -> None:
    """Copy what a home has of the file of a board."""
    own = board_folder(source, name) / BOARD_FILE
    if own.is_file():
        shutil.copyfile(own, board_folder(into, name) / BOARD_FILE)
    copy_stored_file(source, into, name)
