"""The runs of all parts of a cell → what the run of the whole cell is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.arrays import Ints
from harness.boards.planning import PlannedCell
from harness.data.panel import Panel
from harness.errors import Failure, ForecasterError
from harness.evaluation.audit.auditor import BITS, Auditor
from harness.evaluation.audit.rules import Difference, Finding, Rules
from harness.evaluation.calls import Calls
from harness.evaluation.covariate_notes import ignored_covariates
from harness.evaluation.evaluate import evaluate_backtest
from harness.evaluation.metrics import Metric
from harness.evaluation.part_run import AuditOfPart, PartRun
from harness.evaluation.parts import Part
from harness.evaluation.run import Run, Status
from harness.execution.cells.warning_notes import recorded_warnings, warning_notes
from harness.execution.options import CellOptions
from harness.execution.workers.cell_workers import cell_limits
from harness.execution.workers.ends import Ended
from harness.execution.workers.forecaster import Times, notes_of_worker
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import combined
from harness.forecasters.remarks import merged_remarks
from harness.forecasters.remote import Description, Elapsed, RemoteForecaster
from harness.tasks.folds import backtest
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

PARTS_NOTE = "evaluated in {count} parts: times are sums over them, and the peak memory is the largest"


class MergedForecaster(RemoteForecaster):
    """A forecaster that returns what it returned before for the parts of a cell, in the order of their series."""

    def __init__(self, parts: Mapping[Part, PartRun]) -> None:
        self.parts = dict(sorted(parts.items()))
        self._fold, self._elapsed = -1, Elapsed()

    def fit(self, train: TrainingData) -> None:
        """Go on to the next fit."""
        self._fold += 1
        self._add([fold.fit for run in self._runs for fold in run.folds if fold.number == self._fold])

    def fit_contexts(self, contexts: Contexts) -> None:
        """Nothing: its time is that of the fit."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecast of these windows; raises what the first part raised that failed on all of its windows."""
        outcomes: list[tuple[Ints, Forecast | Failure]] = []
        for part, run in self.parts.items():
            if run.error is not None and run.error_fold == self._fold:
                raise run.error.to_error()
            positions = np.flatnonzero((contexts.series >= part.first) & (contexts.series < part.last))
            for fold in run.folds:
                if fold.number == self._fold and len(positions):
                    outcomes.append((positions, fold.outcome))
                    self._add([fold.predict])
        return combined(self, contexts, outcomes)

    def describe(self) -> Description:
        """What the forecaster told of itself after each part, as one description; or after the part that failed."""
        told = [run.description for run in self._runs]
        peak = max((each.peak_memory for each in told if each.peak_memory is not None), default=None)
        if (failed := first_failed(self._runs)) is not None:
            return replace(failed.description, peak_memory=peak)
        first, last = told[0], next((each for each in reversed(told) if each.curves or each.gradient_norms), told[-1])
        return replace(
            first,
            parameters=_sum([each.parameters for each in told]),
            parameter_bytes=_sum([each.parameter_bytes for each in told]),
            curves=last.curves,
            gradient_norms=last.gradient_norms,
            remarks=merged_remarks(each.remarks for each in told),
            peak_memory=peak,
            is_local=all(each.is_local for each in told),
        )

    def elapsed(self) -> Elapsed:
        """The time of the calls since this was last asked, of all parts together."""
        elapsed, self._elapsed = self._elapsed, Elapsed()
        return elapsed

    def copy(self) -> RemoteForecaster | None:
        """None: the parts were audited."""
        return None

    def close(self) -> None:
        """Nothing: no process runs."""

    @property
    def _runs(self) -> Sequence[PartRun]:
        return tuple(self.parts.values())

    def _add(self, times: Sequence[Elapsed]) -> None:
        self._elapsed = Elapsed(
            self._elapsed.seconds + sum(time.seconds for time in times),
            self._elapsed.cpu_seconds + sum(time.cpu_seconds for time in times),
        )


def first_failed(runs: Sequence[PartRun]) -> PartRun | None:
    """The part that failed on all windows of a fit, of the first such fit; None if none did."""
    return min((run for run in runs if run.error is not None), key=lambda run: run.error_fold, default=None)


def merged_auditor(runs: Sequence[PartRun], rules: Rules) -> Auditor:
    """An auditor that has found what the audits of the parts found, and audits nothing."""
    audits = [run.audit for run in runs if run.audit is not None]
    auditor = Auditor(rules, sample=0)
    for audit in audits:
        auditor.seed = (auditor.seed or 0) | audit.seed << BITS * auditor.audits
        auditor.audits += audit.audits
        auditor.windows += audit.windows
        auditor.seconds += audit.seconds
    auditor.on_copy = all(audit.on_copy for audit in audits)
    auditor.finding = _first_finding(audits)
    auditor.in_batches = _largest([audit.in_batches for audit in audits])
    auditor.repeated = _largest([audit.repeated for audit in audits])
    return auditor


def merged_notes(runs: Sequence[PartRun]) -> list[str]:
    """The notes on the workers of all parts: warnings in the order of the calls, and on clocks."""
    warned = [(call, position, text) for position, run in enumerate(runs) for call, text in run.warnings]
    in_order = dict.fromkeys(text for _, _, text in sorted(warned, key=lambda each: each[:2]))
    times = Times(sum(run.seconds for run in runs), own_seconds=sum(run.own_seconds for run in runs))
    return [*notes_of_worker(in_order, times), *(note for run in runs for note in run.notes)]


def merged_environment(runs: Sequence[PartRun]) -> Mapping[str, Any]:
    """The environment of the first part that told one."""
    return next((run.environment for run in runs if run.environment), {"python": "", "libraries": [], "blas": []})


def merged_output(runs: Sequence[PartRun]) -> str:
    """The last lines that the workers printed."""
    return Ended(None, output="\n".join(run.output for run in runs)).tail


def _first_finding(audits: Sequence[AuditOfPart]) -> Finding | None:
    """The violation of the first fit that has one, of its first part."""
    first = min((audit for audit in audits if audit.status is not None), key=lambda audit: audit.fold, default=None)
    if first is None or first.status is None:
        return None
    return Finding(first.status, first.reason, first.place, first.traceback)


def _largest(differences: Sequence[Difference | None]) -> Difference | None:
    known = [difference for difference in differences if difference is not None]
    return max(known, key=lambda difference: difference.size, default=None)


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def merged_run(
    planned: PlannedCell,
    panel: Panel,
    parts: Mapping[Part, PartRun],
    options: CellOptions,
    metrics: tuple[Metric, ...],
) -> Run:
    """The run that the parts make. Raises what a part failed with outside of a call, and where they took too long."""
    runs, spec = [parts[part] for part in sorted(parts)], planned.spec
    failed = first_failed(runs)
    if failed is not None and failed.error is not None and failed.is_outside:
        raise failed.error.to_error()
    limit = cell_limits(planned, options).seconds
    if failed is None and limit is not None and sum(run.used for run in runs) > limit:
        raise ForecasterError(f"it took more than {limit:g} s, in {len(runs)} parts", "timed_out")
    rules = Rules(Calls(spec.missing), spec.tolerance, is_stochastic=planned.cell.seed is not None)
    found = backtest(planned.cell.task, panel)
    with recorded_warnings() as warned:
        run = evaluate_backtest(MergedForecaster(parts), found, planned.cell, merged_auditor(runs, rules), metrics)
    own = (*run.notes, *merged_notes(runs), *warning_notes(warned))
    return replace(
        run,
        notes=(*dict.fromkeys(own), PARTS_NOTE.format(count=len(runs))),
        output="" if run.status is Status.COMPLETED else merged_output(runs),
        costs=replace(run.costs, parts=len(runs)),
        ignored_covariates=ignored_covariates(planned.cell.task, panel, spec.covariates),
    )
