"""Runs one cell and writes its record to the journal, in a worker process or in this one."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.attempt import Failure, attempt
from harness.boards.fingerprints import load_unchanged
from harness.boards.planning import PlannedCell
from harness.errors import BadData, BadInput, DataUnavailable
from harness.evaluation.evaluate import evaluate, status_of
from harness.evaluation.memory import peak_memory, reset_peak
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run
from harness.evaluation.threads import THREAD_VARIABLES, thread_limit
from harness.plugins.installed import installed_catalog
from harness.plugins.result_versions import forecaster_version
from harness.results.journal import Journal
from harness.results.provenance import provenance
from harness.tasks.folds import backtest

if TYPE_CHECKING:
    from harness.data.panel import Panel

MOST_WARNINGS = 5  # in the notes of a run


def run_cell(planned: PlannedCell, home: Path) -> Run:
    """Evaluate a cell and write it to the journal; returns its record, without arrays.

    Raises BadInput for a cell that cannot be run as it is specified, such as one with an unknown hyperparameter.
    """
    catalog = installed_catalog()
    started = _now()
    with thread_limit(planned.resources.threads):
        result = attempt(lambda: _evaluate(planned, home))
        circumstances = provenance(
            planned.cell.forecaster, catalog.forecasters, planned.resources.threads, catalog.metric_versions
        )
    if isinstance(result, Failure) and isinstance(result.error, BadInput | DataUnavailable):
        raise result.error
    run = _failed_run(planned, result) if isinstance(result, Failure) else result
    run = replace(run, key=planned.key, started=started, finished=_now(), provenance=circumstances)
    Journal(home).write(run)
    return replace(run, results=None)


def _evaluate(planned: PlannedCell, home: Path) -> Run:
    catalog, cell = installed_catalog(), planned.cell
    registered = catalog.forecasters[cell.forecaster]
    spec = registered.spec
    metrics = [entry.spec for entry in catalog.metrics.values()]
    panel = _panel(cell.task.dataset, planned.fingerprint, home)
    if cell.key(panel.fingerprint(), forecaster_version(cell.forecaster, catalog.forecasters)) != planned.key:
        raise BadInput(f"plugin {registered.plugin} changed since this run began; run it again")
    spec.import_libraries()  # so that their imports take no time of the fit
    reset_peak()  # of the cells that this process evaluated before
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        forecaster = spec.make(cell.parameters, cell.seed)
        run = evaluate(
            forecaster,
            cell.task,
            panel,
            cell=cell,
            missing=spec.missing,
            tolerance=spec.tolerance,
            metrics=metrics,
            threads=planned.resources.threads,
        )
    run = replace(run, costs=replace(run.costs, peak_memory=peak_memory()))
    notes = dict.fromkeys(f"warning: {warning.category.__name__}: {warning.message}" for warning in warned)
    run = replace(run, notes=(*run.notes, *list(notes)[:MOST_WARNINGS]))
    journal = Journal(home)
    if not journal.has_actuals(planned.fingerprint, cell.task):
        journal.write_actuals(planned.fingerprint, cell.task, Actuals.of(backtest(cell.task, panel)))
    return run


def _failed_run(planned: PlannedCell, failure: Failure) -> Run:
    return Run(planned.cell, status_of(failure), reason=str(failure), traceback=failure.traceback)


def _panel(dataset: str, fingerprint: str, home: Path) -> Panel:
    """The dataset with this fingerprint; raises BadData if its loader returns other data."""
    panel = _panel_or_error(dataset, fingerprint, home)
    if isinstance(panel, BadData):
        raise panel
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


def limit_threads(threads: int) -> None:
    """Limit the threads of numerical libraries that are loaded from now on, in this process and its children."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)


def start_worker() -> None:
    """Prepare a worker process: it ignores Ctrl-C, which its parent handles, and ends when its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    with contextlib.suppress(OSError):
        multiprocessing.connection.wait([sentinel])
    os._exit(1)
