"""A board of which a command runs all cells, or some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.boards.board_files import store_file
from harness.boards.planning import BoardPlan
from harness.results.selections import WHOLE, BoardSelection, has_selections
from harness.results.standings import remove_standings
from harness.results.stored_plan import stored_plan


@dataclass(frozen=True)
class SelectedBoard:
    """A board as it is run, with the selected forecasters, and as it is stored, with all of them."""

    run: BoardPlan
    stored: BoardPlan
    file: Path
    digest: str = ""  # of the file
    options: str = ""  # those that select cells of the board, such as "--only naive"

    @property
    def selection(self) -> BoardSelection:
        """What of the stored board is run."""
        titles, tasks = self.run.titles, tuple(task.label for task in self.run.board.tasks)
        every = self.stored.titles, tuple(task.label for task in self.stored.board.tasks)
        return BoardSelection(
            self.options if (titles, tasks) != every else "",
            () if titles == every[0] else titles,
            () if tasks == every[1] else tasks,
        )

    def save(self, home: Path) -> None:
        """Store the plan, which of its cells are run, and its file; standings of another plan are removed."""
        name, before = self.stored.name, stored_plan(home, self.stored.name)
        if before is not None and before != self.stored.to_stored():
            remove_standings(home, name)
        if before is not None and not has_selections(home, name):  # an earlier version ran it, whatever was asked for
            WHOLE.save(home, name)
        self.selection.save(home, name)
        self.stored.save(home)
        store_file(home, name, self.file, self.digest)
