"""Evidence: what came of a board's cells, whatever it is read from; all that standings rest on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from harness.errors import DataUnavailable
from harness.evaluation.metrics import Metric
from harness.evaluation.run import Run, Status
from harness.results.journal import CachedJournal, Journal
from harness.results.stored_plan import StoredCell, StoredPlan

if TYPE_CHECKING:
    from harness.evaluation.outcomes import Actuals, Outcomes
    from harness.evaluation.scoring import Terms


class BoardResults(ABC):
    """A board's plan, the record of each of its cells, and each metric's sums in every window."""

    plan: StoredPlan
    runs: Mapping[str, Run | None]  # by key; None: not run yet

    @abstractmethod
    def actuals(self, cell: StoredCell) -> Actuals:
        """The windows of the cell's task: their series and cutoffs, and what came if that may be known.

        Raises DataUnavailable where they are lost.
        """

    @abstractmethod
    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The metric's sums in each window of a completed cell; None where it does not apply to the task.

        Raises DataUnavailable where they are neither stored nor can be computed.
        """

    def outcomes(self, cell: StoredCell) -> Outcomes:
        """The forecasts of a completed cell beside what came.

        Raises DataUnavailable where they are lost, or were never known.
        """
        raise DataUnavailable(
            f"the forecasts of {cell.forecaster} on {cell.task} are not known, only what each window scored; "
            "run the board here to tell its steps apart"
        )

    def completed(self, cell: StoredCell) -> bool:
        """Whether the cell has forecasts that count."""
        run = self.runs[cell.key]
        return run is not None and run.status is Status.COMPLETED

    def failures(self, cell: StoredCell) -> list[int]:
        """The windows without a usable forecast."""
        run = self.runs[cell.key]
        return [] if run is None else [one.window for one in run.window_failures]


class JournalResults(BoardResults):
    """What the journal of a home holds of a board."""

    def __init__(self, plan: StoredPlan, journal: Journal) -> None:
        self.plan = plan
        self.journal = journal if isinstance(journal, CachedJournal) else CachedJournal(journal.home)
        self._actuals: dict[str, Actuals] = {}

    @cached_property
    def runs(self) -> Mapping[str, Run | None]:  # type: ignore[override]
        """The runs as they are now."""
        return {one.key: self.journal.read(one.key) for one in self.plan.cells}

    def actuals(self, cell: StoredCell) -> Actuals:
        """What came, stored once for all cells of a task."""
        run = self.runs[cell.key]
        if cell.task not in self._actuals:
            found = None if run is None else self.journal.read_actuals(cell.fingerprint, run.cell.task)
            if found is None:
                raise DataUnavailable(f"the actuals of task {cell.task!r} are not in the journal; run it with --rerun")
            self._actuals[cell.task] = found
        return self._actuals[cell.task]

    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The stored sums, or those of a metric that was not there yet, from the stored forecasts."""
        from harness.evaluation.scoring import applies, terms

        run, record = self.runs[cell.key], self.journal.record(cell.key)
        stored = None if record is None else record.terms(metric.name)
        if stored is not None:
            return stored
        if run is not None and not applies(metric, run.cell.task.quantile_levels):
            return None
        return terms(metric, self.outcomes(cell))

    def outcomes(self, cell: StoredCell) -> Outcomes:
        """The stored forecasts beside the stored actuals."""
        from harness.evaluation.outcomes import Outcomes

        full = self.journal.read_with_results(cell.key)
        if full is None or full.results is None:
            raise DataUnavailable(f"the forecasts of cell {cell.key} are not in the journal; run it with --rerun")
        return Outcomes(self.actuals(cell), full.results.forecast)
