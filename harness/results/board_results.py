"""The results of a board's cells, from a journal or a publication: the input of standings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from harness.errors import DataUnavailable
from harness.evaluation.metrics import Metric
from harness.evaluation.run import Run, Status
from harness.results.journal import CachedJournal, Journal
from harness.results.record import Record
from harness.results.rescoring import changed_metrics, rescored, with_known_version, without_scores
from harness.results.selections import selected_keys, selections_of
from harness.results.stored_plan import StoredCell, StoredPlan

if TYPE_CHECKING:
    from harness.evaluation.outcomes import Actuals, Outcomes
    from harness.evaluation.scoring import Terms
    from harness.plugins.catalog import Catalog


class BoardResults(ABC):
    """A board's plan, the record of each of its cells, and each metric's terms in every window."""

    plan: StoredPlan
    runs: Mapping[str, Run | None]  # by key; None: not run yet

    @property
    def selected(self) -> Collection[str]:
        """The keys of the cells that commands have asked for."""
        return {cell.key for cell in self.plan.cells}

    def with_plan(self, plan: StoredPlan) -> Self:
        """The same results under a plan with fewer cells."""
        narrowed = copy(self)
        vars(narrowed).update(plan=plan, runs={cell.key: self.runs[cell.key] for cell in plan.cells})
        return narrowed

    @abstractmethod
    def actuals(self, cell: StoredCell) -> Actuals:
        """The windows of the cell's task: their series and cutoffs, and the actuals where they are known.

        Raises DataUnavailable where they are not available.
        """

    @abstractmethod
    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The metric's terms in each window of a completed cell; None where it does not apply to the task.

        Raises DataUnavailable where they are neither stored nor computable.
        """

    def outcomes(self, cell: StoredCell) -> Outcomes:
        """The forecasts of a completed cell beside the actuals; raises DataUnavailable where they are not available."""
        raise DataUnavailable(
            f"the forecasts of {cell.forecaster} on {cell.task} are not published, only the terms of each window; "
            "run the board on this machine for errors by step"
        )

    def completed(self, cell: StoredCell) -> bool:
        """Whether the cell completed."""
        run = self.runs[cell.key]
        return run is not None and run.status is Status.COMPLETED

    def failures(self, cell: StoredCell) -> list[int]:
        """The windows without a valid forecast."""
        run = self.runs[cell.key]
        return [] if run is None else [failure.window for failure in run.window_failures]


class JournalResults(BoardResults):
    """The results of a board in the journal of a home.

    With a catalog, scores and terms by metrics whose plugin has changed since are computed again.
    """

    def __init__(self, plan: StoredPlan, journal: Journal, catalog: Catalog | None = None) -> None:
        self.plan = plan
        self.journal = journal if isinstance(journal, CachedJournal) else CachedJournal(journal.home)
        self.catalog = catalog
        self.rescored: dict[str, Record] = {}  # by key: the records whose scores were computed again, with their arrays
        self._outdated: dict[
            str, list[str]
        ] = {}  # by key: metrics whose stored scores and terms are of another version
        self._actuals: dict[str, Actuals] = {}

    @cached_property
    def runs(self) -> Mapping[str, Run | None]:  # type: ignore[override]
        """The runs, read once, with the scores by the present metrics; those with damaged terms count as not run."""
        runs = {key: self._current_run(cell) for key, cell in {cell.key: cell for cell in self.plan.cells}.items()}
        self.journal.save_index()
        return runs

    @cached_property
    def selected(self) -> Collection[str]:
        """The keys of the cells that commands have asked for."""
        return selected_keys(selections_of(self.journal.home, self.plan), self.plan)

    def _current_run(self, cell: StoredCell) -> Run | None:
        """The run of a cell, scored again by metrics that changed.

        Where forecasts or actuals are lost, a score of another version is removed, and one of an unknown version kept.
        """
        record = self.journal.read_verified(cell.key)
        if record is None or self.catalog is None:
            return None if record is None else record.run
        versions = self.catalog.metric_versions
        changed = changed_metrics(record.run, versions)
        if not changed:
            return record.run
        try:
            full = self.journal.read_with_results(cell.key) if not record.lost_arrays() else None
            if full is None or full.results is None:
                raise DataUnavailable(f"no forecasts are stored in {record.folder}")
            metrics = [self.catalog.metrics[name].spec for name in changed]
            run = rescored(full, self.actuals(cell), metrics, versions)
        except DataUnavailable:
            self._outdated[cell.key] = with_known_version(record.run, changed)
            return without_scores(record.run, self._outdated[cell.key])
        self.rescored[cell.key] = replace(record, run=run)
        return replace(run, results=None)

    def _stored_terms(self, cell: StoredCell, metric: str) -> Terms | None:
        """The terms in the record; None where it has none of the present metric."""
        if cell.key in self.rescored:
            results = self.rescored[cell.key].run.results
            return None if results is None else results.terms.get(metric)
        return None if metric in self._outdated.get(cell.key, ()) else self.journal.read_terms(cell.key, metric)

    def actuals(self, cell: StoredCell) -> Actuals:
        """The actuals, stored once for all cells of a task."""
        if cell.task not in self._actuals:
            run = self.journal.read(cell.key)
            actuals = None if run is None else self.journal.read_actuals(cell.fingerprint, run.cell.task)
            if actuals is None:
                raise DataUnavailable(f"the actuals of task {cell.task!r} are not in the journal; run its board again")
            self._actuals[cell.task] = actuals
        return self._actuals[cell.task]

    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The stored terms, or those of the stored forecasts where a metric was installed later or has changed."""
        from harness.evaluation.scoring import applies, fits_targets, terms

        run, stored = self.runs[cell.key], self._stored_terms(cell, metric.name)
        if stored is not None:
            return stored
        if run is not None and not applies(metric, run.cell.task.quantile_levels):
            return None
        if not fits_targets(metric, self.actuals(cell)):
            return None
        return terms(metric, self.outcomes(cell))

    def outcomes(self, cell: StoredCell) -> Outcomes:
        """The stored forecasts beside the stored actuals."""
        from harness.evaluation.outcomes import Outcomes

        full = self.journal.read_with_results(cell.key)
        if full is None or full.results is None:
            raise DataUnavailable(f"the forecasts of cell {cell.key} are not in the journal; run it with --rerun")
        return Outcomes(self.actuals(cell), full.results.forecast)
