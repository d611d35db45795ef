"""Runs one cell and writes its record to the journal: the forecaster in a worker process, or in this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.boards.planning import PlannedCell
from harness.data.panel_store import mapped_state
from harness.errors import (
    BadInput,
    Failure,
    Unsupported,
    attempt,
)
from harness.evaluation.changes import CHANGED
from harness.evaluation.covariate_notes import ignored_covariates
from harness.evaluation.evaluate import evaluate, own_actuals
from harness.evaluation.failures import status_of
from harness.evaluation.memory import peak_memory, reset_peak
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.part_run import PartRun
from harness.evaluation.parts import Part, PartEnd, Split
from harness.evaluation.run import Run, Status
from harness.evaluation.strict_comparison import difference_note, strict_difference
from harness.evaluation.threads import thread_limit
from harness.execution.cells.in_worker import ReusedWorkerFailed, attempt_cell, check_weights, in_worker
from harness.execution.cells.panels import forget_loaded_panels, panel_of_cell
from harness.execution.cells.part_merging import merged_environment, merged_run
from harness.execution.cells.parts import run_part, split_cell
from harness.execution.cells.warning_notes import recorded_warnings, warning_notes
from harness.execution.devices import placed_device
from harness.execution.options import CellOptions
from harness.execution.workers.kept_worker import WorkerKeeper, end_or_keep
from harness.plugins.installed import installed_catalog
from harness.plugins.result_versions import forecaster_version
from harness.results.device import device_record
from harness.results.journal import Journal
from harness.results.provenance import provenance, provenance_of, weights_notes
from harness.results.stored_parts import StoredParts
from harness.tasks.categorical import are_categorical
from harness.tasks.folds import backtest
from harness.worker.devices import device_facts
from harness.worker.environment import python_environment

if TYPE_CHECKING:
    from harness.data.panel import Panel
    from harness.forecasters.forecaster import Forecaster

NOT_CATEGORICAL = "the targets are categorical, and its spec does not state categorical=True: it forecasts numbers"
SO_FAR = (Status.COMPLETED, Status.INCONSISTENT)  # of a run whose forecaster's process may have ended in the audit


def run_cell(
    planned: PlannedCell,
    home: Path,
    template: Path | None = None,
    options: CellOptions | None = None,
    killed: str = "",
    keeper: WorkerKeeper | None = None,
) -> Run | Split | PartEnd:
    """Evaluate a cell and write it to the journal; returns its record, without arrays.

    Returns its pending parts where it is split, of which the first one is evaluated then. A call for each of them, with
    the cell that has it as its `part`, evaluates it; when all are stored, the next call makes the run of them.

    Raises BadInput for a cell that cannot be run as it is specified, such as one with an unknown hyperparameter, and
    InfrastructureFault if it could not be run for a reason outside of the forecaster. `killed` is the text of the
    ProcessKilled that each earlier try raised: if it is raised again, it is a result.
    """
    options = CellOptions() if options is None else options
    if planned.part is not None and template is not None:
        return run_part(planned, planned.part, home, template, options, killed)
    parts = None if template is None else split_cell(planned, home, template, options, killed)
    if isinstance(parts, Split):
        return parts
    journal, task = Journal(home), planned.cell.task
    actuals: Actuals | Failure | None = None
    if not journal.has_actuals(planned.fingerprint, task):  # taken before the forecaster runs, perhaps in this process
        panel = attempt(lambda: panel_of_cell(planned, home, from_store=template is not None))
        actuals = panel if isinstance(panel, Failure) else attempt(lambda: own_actuals(backtest(task, panel)))
    evaluated = evaluate_cell(planned, home, template, options, killed, keeper, parts)
    run = _compared(evaluated, journal)
    if run.results is not None and isinstance(actuals, Actuals):
        journal.write_actuals(planned.fingerprint, task, actuals)
    journal.write(run)
    if parts is not None:
        StoredParts(home, planned.key).remove()
    return replace(run, results=None)


def _compared(run: Run, journal: Journal) -> Run:
    """A run in strict mode, with a note on how it compares with the batch run that it replaces."""
    if not run.strict or run.results is None:
        return run
    batch = attempt(lambda: journal.read_with_results(run.key))
    if not isinstance(batch, Run) or batch.strict:
        return run
    difference = strict_difference(run, batch)
    return run if difference is None else replace(run, notes=(*run.notes, difference_note(difference)))


def evaluate_cell(
    planned: PlannedCell,
    home: Path,
    template: Path | None = None,
    options: CellOptions | None = None,
    killed: str = "",
    keeper: WorkerKeeper | None = None,
    parts: Mapping[Part, PartRun] | None = None,
) -> Run:
    """The run of a cell, which is not written: the forecaster is in a worker of the template server at that path.

    Without a template it is in this process. `killed` is as for `run_cell`. With a keeper, the worker may be one that
    served an earlier cell of the same forecaster, or stay for a later one. With the runs of all parts, it is made of
    them.
    """
    options = CellOptions() if options is None else options
    if planned.device is None and template is not None:
        planned = replace(planned, device=placed_device(planned.resources))
    started = _now()
    with thread_limit(planned.resources.threads):
        result = attempt_cell(
            lambda: _evaluate(planned, home, template, options, keeper, parts),
            killed,
            is_in_worker=template is not None,
        )
        evaluated = _failed(planned, result, options) if isinstance(result, Failure) else result
        circumstances = _provenance(planned, evaluated.environment)
        circumstances |= device_record(planned.resources, planned.device, evaluated.environment.get("device", {}))
        if options.strict:
            circumstances["sandbox"] = evaluated.sandbox
        if len(evaluated.machines) > 1:
            circumstances["machines"] = list(evaluated.machines)
    started = min([started, *(run.started for run in (parts or {}).values())])
    notes = (*evaluated.run.notes, *weights_notes(circumstances))
    return replace(
        evaluated.run, key=planned.key, started=started, finished=_now(), notes=notes, provenance=circumstances
    )


@dataclass(frozen=True)
class _Evaluated:
    """A run, and the environment of its forecaster."""

    run: Run
    environment: Mapping[str, Any]
    sandbox: str | None = None  # of a worker in strict mode
    machines: tuple[str, ...] = ()  # that evaluated its parts


def _evaluate(
    planned: PlannedCell,
    home: Path,
    template: Path | None,
    options: CellOptions,
    keeper: WorkerKeeper | None,
    parts: Mapping[Part, PartRun] | None,
) -> _Evaluated:
    state = mapped_state(home, planned.fingerprint)
    panel = panel_of_cell(planned, home, from_store=template is not None)
    if not planned.spec.categorical and are_categorical(planned.cell.task, panel):
        return _failed(planned, Failure(Unsupported(NOT_CATEGORICAL)), options)
    if template is None:
        return _evaluate_here(planned, panel, options)
    if parts is not None:
        return _Evaluated(
            merged_run(planned, panel, parts, options, _metrics()),
            merged_environment(tuple(parts.values())),
            machines=tuple(dict.fromkeys(part.machine for part in parts.values())),
        )
    try:
        run, end = in_worker(
            planned,
            home,
            template,
            options,
            lambda forecaster: _run(forecaster, planned, panel, options),
            lambda run: run.status in SO_FAR,
            state,
            keeper,
            end_or_keep,
        )
    except ReusedWorkerFailed:
        return _evaluate(planned, home, template, options, keeper, parts)
    if end.is_reused and run.status is not Status.COMPLETED:  # what an earlier cell left may be the reason
        return _evaluate(planned, home, template, options, keeper, parts)
    notes = (*run.notes, *end.notes, *end.warnings, *end.ended.notes)
    output = "" if run.status is Status.COMPLETED else end.ended.tail
    return _Evaluated(replace(run, notes=tuple(dict.fromkeys(notes)), output=output), end.environment, end.sandbox)


def _evaluate_here(planned: PlannedCell, panel: Panel, options: CellOptions) -> _Evaluated:
    """The run with the forecaster in this process."""
    if options.strict:
        raise BadInput("strict mode needs a worker process: in this one, a forecaster can see all values")
    if planned.spec.provider is not None and (environment := planned.spec.provider.environment):
        raise BadInput(
            f"forecaster {planned.cell.forecaster!r} is in environment {environment.name!r}, which this process cannot "
            "import; run it without --jobs 0"
        )
    catalog, cell = installed_catalog(), planned.cell
    registered = catalog.forecasters[cell.forecaster]
    version = forecaster_version(cell.forecaster, catalog.forecasters, cell.parameters)
    if cell.key(planned.fingerprint, version) != planned.key:
        raise BadInput(f"plugin {registered.plugin} changed since this run began; run it again")
    registered.spec.import_libraries()  # so that their imports take no time of the fit
    reset_peak()  # of the cells that this process evaluated before
    forecaster = registered.spec.make(cell.parameters, cell.seed)
    with recorded_warnings() as warned:
        run = _run(forecaster, planned, panel, options)
    if run.reason == CHANGED:
        forget_loaded_panels()  # the panel in this process is not what it was
    check_weights(planned)
    run = replace(run, costs=replace(run.costs, peak_memory=peak_memory()))
    here = {**python_environment(), "device": device_facts(forecaster)}
    return _Evaluated(replace(run, notes=(*run.notes, *warning_notes(warned))), here)


def _run(forecaster: Forecaster, planned: PlannedCell, panel: Panel, options: CellOptions) -> Run:
    spec = planned.spec
    run = evaluate(
        forecaster,
        planned.cell.task,
        panel,
        cell=planned.cell,
        missing=spec.missing,
        tolerance=spec.tolerance,
        batches=spec.batches,
        needs_season=spec.needs_season,
        metrics=_metrics(),
        threads=planned.resources.threads,
        strict=options.strict,
        audit_seed=options.audit_seed,
    )
    return replace(run, ignored_covariates=ignored_covariates(planned.cell.task, panel, spec.covariates))


def _metrics() -> tuple[Metric, ...]:
    """The metrics of all plugins."""
    return tuple(entry.spec for entry in installed_catalog().metrics.values())


def _provenance(planned: PlannedCell, environment: Mapping[str, Any]) -> dict[str, Any]:
    provider, catalog = planned.spec.provider, installed_catalog()
    if provider is None:
        return provenance(
            planned.cell.forecaster,
            catalog.forecasters,
            planned.resources.threads,
            catalog.metric_versions,
            planned.cell.parameters,
        )
    return provenance_of(
        {"name": provider.plugin, "distribution": provider.distribution, "version": planned.version},
        planned.spec.revision,
        planned.spec.depends,
        planned.resources.threads,
        catalog.metric_versions,
        environment,
        provider.environment,
        planned.spec.weights.values(),
    )


def _failed(planned: PlannedCell, failure: Failure, options: CellOptions) -> _Evaluated:
    status, strict = status_of(failure), options.strict
    run = Run(
        planned.cell, status, reason=str(failure), place=failure.place, traceback=failure.traceback, strict=strict
    )
    return _Evaluated(run, python_environment())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
