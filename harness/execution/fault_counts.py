"""FaultCounts: when no other cell is started, since too many before it could not be run."""

from __future__ import annotations

from collections import Counter

from harness.boards.planning import PlannedCell
from harness.execution.events import Finished, Postponed, Refused

MOST_FAULTS = 5  # in a row, until no other cell is started: of one forecaster, or of so many forecasters


class FaultCounts:
    """Cells in a row that could not be run for a reason outside of the forecaster.

    One forecaster may be the reason itself, such as one that kills its own process: then only its own are given up.
    """

    def __init__(self) -> None:
        self._cells = Counter[str]()  # by forecaster: since a cell of it could be run
        self._forecasters: set[str] = set()  # since any cell could be run

    def note(self, event: Finished | Refused | Postponed) -> None:
        """Take the end of a cell into account."""
        name = event.planned.cell.forecaster
        if isinstance(event, Postponed):
            self._forecasters.add(name)
            self._cells[name] += 1
        else:
            self._forecasters.clear()
            del self._cells[name]

    def reason_against(self, planned: PlannedCell) -> str:
        """Why a cell is not started; empty if it may be."""
        name = planned.cell.forecaster
        every = len(self._forecasters) >= MOST_FAULTS
        if not every and self._cells[name] < MOST_FAULTS:
            return ""
        return f"not started, because {MOST_FAULTS} cells{'' if every else f' of {name}'} in a row could not be run"
