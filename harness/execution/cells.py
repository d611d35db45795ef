"""Runs one cell and writes its record to the journal: the forecaster in a worker process, or in this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.boards.fingerprints import load_unchanged
from harness.boards.planning import PlannedCell
from harness.data.panel_store import mapped_state, panel_folder, stored_panel
from harness.errors import (
    BadData,
    BadInput,
    DataUnavailable,
    Failure,
    ForecasterError,
    HarnessError,
    HomeUnusable,
    InfrastructureFault,
    ProcessKilled,
    Unsupported,
    attempt,
    unexpected,
)
from harness.evaluation.changes import CHANGED
from harness.evaluation.covariate_notes import ignored_covariates
from harness.evaluation.evaluate import evaluate, own_actuals
from harness.evaluation.failures import status_of
from harness.evaluation.memory import peak_memory, reset_peak
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run, Status
from harness.evaluation.strict_comparison import difference_note, strict_difference
from harness.evaluation.threads import thread_limit
from harness.execution import sandbox
from harness.execution.devices import placed_device
from harness.execution.kept_worker import WorkerKeeper, end_or_keep
from harness.execution.options import TRIES, CellOptions
from harness.execution.warning_notes import recorded_warnings, warning_notes
from harness.execution.workers import worker_forecaster
from harness.plugins.installed import installed_catalog
from harness.plugins.result_versions import forecaster_version
from harness.results.device import device_record
from harness.results.journal import Journal
from harness.results.provenance import provenance, provenance_of
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
) -> Run:
    """Evaluate a cell and write it to the journal; returns its record, without arrays.

    Raises BadInput for a cell that cannot be run as it is specified, such as one with an unknown hyperparameter, and
    InfrastructureFault if it could not be run for a reason outside of the forecaster. `killed` is the text of the
    ProcessKilled that each earlier try raised: if it is raised again, it is a result.
    """
    journal, task = Journal(home), planned.cell.task
    actuals: Actuals | Failure | None = None
    if not journal.has_actuals(planned.fingerprint, task):  # taken before the forecaster runs, perhaps in this process
        panel = attempt(lambda: _panel(planned, home, from_store=template is not None))
        actuals = panel if isinstance(panel, Failure) else attempt(lambda: own_actuals(backtest(task, panel)))
    run = _compared(evaluate_cell(planned, home, template, options, killed, keeper), journal)
    if run.results is not None and isinstance(actuals, Actuals):
        journal.write_actuals(planned.fingerprint, task, actuals)
    journal.write(run)
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
) -> Run:
    """The run of a cell, which is not written: the forecaster is in a worker of the template server at that path.

    Without a template it is in this process. `killed` is as for `run_cell`. With a keeper, the worker may be one that
    served an earlier cell of the same forecaster, or stay for a later one.
    """
    options = CellOptions() if options is None else options
    if planned.device is None and template is not None:
        planned = replace(planned, device=placed_device(planned.resources))
    started = _now()
    with thread_limit(planned.resources.threads):
        result = attempt(lambda: _evaluate(planned, home, template, options, keeper))
        error = result.error if isinstance(result, Failure) else None
        if isinstance(error, ProcessKilled) and str(error) == killed:
            result = Failure(ForecasterError(f"{error}, in each of {TRIES + 1} tries", "crashed"))
        elif isinstance(error, BadInput | DataUnavailable | InfrastructureFault):
            raise error
        elif template is not None and error is not None and not isinstance(error, HarnessError):
            raise unexpected(error) from error  # what a worker's forecaster raises is told as one of ours
        evaluated = _failed(planned, result, options) if isinstance(result, Failure) else result
        circumstances = _provenance(planned, evaluated.environment)
        circumstances |= device_record(planned.resources, planned.device, evaluated.environment.get("device", {}))
        if options.strict:
            circumstances["sandbox"] = evaluated.sandbox
    return replace(evaluated.run, key=planned.key, started=started, finished=_now(), provenance=circumstances)


@dataclass(frozen=True)
class _Evaluated:
    """A run, and the environment of its forecaster."""

    run: Run
    environment: Mapping[str, Any]
    sandbox: str | None = None  # of a worker in strict mode


def _evaluate(
    planned: PlannedCell, home: Path, template: Path | None, options: CellOptions, keeper: WorkerKeeper | None
) -> _Evaluated:
    state = mapped_state(home, planned.fingerprint)
    panel = _panel(planned, home, from_store=template is not None)
    if not planned.spec.categorical and are_categorical(planned.cell.task, panel):
        return _failed(planned, Failure(Unsupported(NOT_CATEGORICAL)), options)
    if template is None:
        return _evaluate_here(planned, panel, options)
    provider = planned.spec.provider
    if provider is None:
        raise BadInput(f"forecaster {planned.cell.forecaster!r} was given as an object; run it with --jobs 0")
    with (
        worker_forecaster(planned, provider, home, template, options, keeper) as forecaster,
        recorded_warnings() as warned,
    ):
        run = _run(forecaster, planned, panel, options)
        failure = forecaster.process.failure
        if failure is not None and (isinstance(failure, InfrastructureFault) or run.status in SO_FAR):
            raise failure
        environment = forecaster.environment()
        ended = end_or_keep(forecaster, run)
        name = sandbox.NAME if isinstance(forecaster.process, sandbox.SandboxedProcess) else None
    if mapped_state(home, planned.fingerprint) != state:
        raise InfrastructureFault(f"the stored data {panel_folder(home, planned.fingerprint)} was changed meanwhile")
    if forecaster.is_reused and run.status is not Status.COMPLETED:  # what an earlier cell left may be the reason
        return _evaluate(planned, home, template, options, keeper)
    if not provider.is_unchanged():
        raise BadInput(f"plugin {provider} changed since this run began; run it again")
    _check_weights(planned)
    notes = (*run.notes, *forecaster.notes, *warning_notes(warned), *ended.notes)
    output = "" if run.status is Status.COMPLETED else ended.tail
    return _Evaluated(replace(run, notes=tuple(dict.fromkeys(notes)), output=output), environment, name)


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
        _panel_or_error.cache_clear()  # the panel in this process is not what it was
    _check_weights(planned)
    run = replace(run, costs=replace(run.costs, peak_memory=peak_memory()))
    here = {**python_environment(), "device": device_facts(forecaster)}
    return _Evaluated(replace(run, notes=(*run.notes, *warning_notes(warned))), here)


def _check_weights(planned: PlannedCell) -> None:
    """Raise BadInput if the weights of a cell are not those of its key."""
    if planned.spec.has_changed_weights or planned.has_changed_contents:
        raise BadInput(f"the weights of forecaster {planned.title!r} changed since this run began; run it again")


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
        metrics=[entry.spec for entry in installed_catalog().metrics.values()],
        threads=planned.resources.threads,
        strict=options.strict,
        audit_seed=options.audit_seed,
    )
    return replace(run, ignored_covariates=ignored_covariates(planned.cell.task, panel, spec.covariates))


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


def _panel(planned: PlannedCell, home: Path, *, from_store: bool) -> Panel:
    """The data of a cell; from its loader, raises BadData if that returns other data.

    From the store, raises InfrastructureFault where it is not there, damaged, or cannot be read.
    """
    if from_store:
        return _stored_panel(planned.fingerprint, home, mapped_state(home, planned.fingerprint))
    panel = _panel_or_error(planned.cell.task.dataset, planned.fingerprint, home)
    if isinstance(panel, Exception):
        raise panel
    return panel


@lru_cache(maxsize=4)
def _stored_panel(fingerprint: str, home: Path, state: object) -> Panel:
    """The panel in the store; `state` is that of its files, so that changed ones are read again."""
    try:
        panel = stored_panel(home, fingerprint)
    except HomeUnusable as error:
        raise InfrastructureFault(str(error)) from error
    if panel is None:
        raise InfrastructureFault(f"the stored data {panel_folder(home, fingerprint)} is damaged; it is stored again")
    return panel


@lru_cache(maxsize=4)
def _panel_or_error(dataset: str, fingerprint: str, home: Path) -> Panel | BadData:
    """The dataset; the fingerprint is a part of the cache's key, so that changed data is loaded again."""
    try:
        return load_unchanged(installed_catalog().datasets[dataset], fingerprint, home)
    except BadData as error:
        return error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
