"""SplitCell: a cell in parts as the driver sees it: parts that wait, run here, or are locked by another process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.boards.planning import PlannedCell
from harness.data.storage import remove_abandoned
from harness.errors import HarnessError
from harness.evaluation.parts import Part, PartEnd
from harness.execution.locks.interface import Locks
from harness.results.journal import Journal
from harness.results.stored_parts import StoredParts, cells_in_parts, parts_folder


class SplitCell:
    """A cell in parts. Its owner holds its lock, and makes its run when all parts are stored; others may help it."""

    def __init__(
        self, planned: PlannedCell, parts: Sequence[Part], stored: StoredParts, locks: Locks, *, is_own: bool
    ) -> None:
        self.planned, self.is_own = planned, is_own
        self.error: HarnessError | None = None  # why a part could not be evaluated
        self.waiting, self.running = list(parts), set[Part]()
        self._stored, self._locks = stored, locks

    def next_part(self) -> PlannedCell | None:
        """A part that can be evaluated now, and is locked for that; None if there is none.

        None is left where the plan is gone: another process has made the run of the cell.
        """
        if self.waiting and not self._stored.is_planned:
            self.waiting.clear()
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
            self.error = self.error or result
            self.waiting.clear()
        else:
            self._note(part, result)

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
    """Remove the parts of other cells than these that are finished, and what processes left that have ended."""
    home = journal.home
    remove_abandoned(parts_folder(home))
    for key in set(cells_in_parts(home)) - {planned.key for planned in cells}:
        if journal.has(key) and locks.take(key):  # unless another process evaluates it again
            StoredParts(home, key).remove()
            locks.release(key)
