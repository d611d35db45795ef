"""SplitCell: a cell in parts as the driver sees it: parts that wait, run here, or are locked by another process."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from harness.boards.planning import PlannedCell
from harness.data.storage import remove_abandoned
from harness.errors import HarnessError, InfrastructureFault
from harness.evaluation.parts import Part, PartEnd
from harness.execution.events import PartsDone
from harness.execution.locks.interface import Locks
from harness.results.journal import Journal
from harness.results.stored_parts import StoredParts, cells_in_parts, parts_folder
from harness.results.stored_plan import PLAN, stored_plans


class SplitCell:
    """A cell in parts. Its owner holds its lock, and makes its run when all parts are stored; others may help it."""

    def __init__(
        self, planned: PlannedCell, parts: Sequence[Part], stored: StoredParts, locks: Locks, *, is_own: bool
    ) -> None:
        self.planned, self.is_own = planned, is_own
        self.error: HarnessError | None = None  # why a part could not be evaluated
        self.waiting, self.running = list(parts), set[Part]()
        plan = stored.plan()
        self._count = len(parts) if plan is None else len(plan.parts)
        self._done, self._is_told = -1, True
        self._stored, self._locks = stored, locks

    def next_part(self) -> PlannedCell | None:
        """A part that can be evaluated now, and is locked for that; None if there is none.

        None is left where the plan is gone, or is another one: another process has made the run of the cell, and maybe
        runs it again; or where parts cannot be locked.
        """
        if self.waiting and not self._stored.has(self.waiting[0]):
            self.waiting.clear()
        try:
            return self._locked_part()
        except InfrastructureFault as fault:
            self.give_up(fault)
            return None

    def _locked_part(self) -> PlannedCell | None:
        for part in list(self.waiting):
            if self._note_stored(part) or part not in self.waiting or not self._locks.take(self._lock(part)):
                continue
            if self._note_stored(part):  # by another process, just before this one locked it
                self._locks.release(self._lock(part))
                continue
            self.waiting.remove(part)
            self.running.add(part)
            return replace(self.planned, part=part)
        return None

    def end(self, part: Part, result: PartEnd | HarnessError) -> None:
        """Take into account that a part has ended here."""
        self.running.discard(part)
        self._locks.release(self._lock(part))
        if isinstance(result, HarnessError):
            self.give_up(result)
        else:
            self._note(part, result)

    def give_up(self, error: HarnessError) -> None:
        """Start no other part because of an error."""
        self.error = self.error or error
        self.finish()

    def finish(self) -> None:
        """Start no other part, and tell no more of them: the cell has its run, or gets none."""
        self.waiting.clear()
        self._is_told = False

    def news(self) -> PartsDone | None:
        """How many parts are evaluated, if that has changed since the last time."""
        done = self._count - len(self.waiting) - len(self.running)
        if not self._is_told or done == self._done:
            return None
        self._done = done
        return PartsDone(self.planned, done, self._count)

    @property
    def is_over(self) -> bool:
        """Whether no part waits or runs."""
        return not self.waiting and not self.running

    @property
    def awaited(self) -> str:
        """Who evaluates the parts that are left, as part of a sentence."""
        return self._locks.owner(self._lock(self.waiting[0]))

    def stored_end(self, part: Part) -> PartEnd | None:
        """How a part ended, if its run is stored."""
        return self._stored.end(part)

    def _note_stored(self, part: Part) -> bool:
        """Whether the run of a part is stored, which is taken into account."""
        end = self._stored.end(part)
        if end is not None:
            self._note(part, end)
        return end is not None

    def _note(self, part: Part, end: PartEnd) -> None:
        self.waiting = [other for other in self.waiting if other != part and not (end.is_last and other > part)]

    def _lock(self, part: Part) -> str:
        return f"{self.planned.key}.{part.name}"


def remove_leftovers(journal: Journal, cells: Sequence[PlannedCell], locks: Locks) -> None:
    """Remove the parts of other cells than these that nobody needs, and what processes left that have ended."""
    home = journal.home
    remove_abandoned(parts_folder(home))
    others = set(cells_in_parts(home)) - {planned.key for planned in cells}
    for key in not_needed(others, journal):
        if locks.take(key):  # unless another process evaluates it
            StoredParts(home, key).remove()
            locks.release(key)


def not_needed(keys: Collection[str], journal: Journal) -> list[str]:
    """Those of the cells in parts that have a run, or that no board of the home has any more.

    A cell that another command runs may be among them.
    """
    if not keys:
        return []
    plans = stored_plans(journal.home)
    every = len(plans) == len([*(journal.home / "boards").glob(f"*/{PLAN}")])  # other versions' cannot be read
    on_boards = {cell.key for plan in plans for cell in plan.cells}
    return [key for key in keys if journal.has(key) or (every and key not in on_boards)]
