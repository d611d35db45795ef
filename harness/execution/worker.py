"""One cell, from its name to its record in the journal; what every worker process runs."""

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
from harness.boards.planning import PlannedCell
from harness.data.files import load
from harness.efficiency.environment import THREAD_VARIABLES
from harness.errors import BadInput, DataUnavailable
from harness.evaluation.evaluate import evaluate, status_of
from harness.evaluation.memory import peak_memory, reset_peak
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.journal import Journal
from harness.results.provenance import provenance
from harness.tasks.folds import backtest

if TYPE_CHECKING:
    from harness.data.panel import Panel

MOST_WARNINGS = 5  # of a cell that its run keeps


def run_cell(planned: PlannedCell, home: Path) -> Run:
    """Evaluate a cell and write it into the journal; returns its record, without arrays.

    Raises BadInput where the cell cannot be what was asked for, a hyperparameter that is not there say.
    """
    catalog = _catalog()
    provided = catalog.forecasters[planned.cell.forecaster]
    started = _now()
    outcome = attempt(lambda: _evaluated(planned, home, catalog))
    if isinstance(outcome, Failure) and isinstance(outcome.error, BadInput | DataUnavailable):
        raise outcome.error
    run = _lost(planned, outcome) if isinstance(outcome, Failure) else outcome
    run = replace(
        run,
        key=planned.key,
        started=started,
        finished=_now(),
        provenance=provenance(provided.plugin, planned.resources.threads),
    )
    Journal(home).write(run)
    return replace(run, results=None)


def _evaluated(planned: PlannedCell, home: Path, catalog: Catalog) -> Run:
    from threadpoolctl import threadpool_limits

    cell, spec = planned.cell, catalog.forecasters[planned.cell.forecaster].spec
    metrics = [one.spec for one in catalog.metrics.values()]
    panel = _panel(cell.task.dataset, planned.fingerprint, home)
    version = catalog.forecasters[cell.forecaster].plugin.result_version
    if cell.key(panel.fingerprint(), version) != planned.key:
        raise BadInput("its data or its plugin changed since this run began; run it again")
    spec.import_libraries()  # so that their threads are limited too, and their imports take no time of the fit
    journal = Journal(home)
    reset_peak()  # of the cells that this process evaluated before
    with threadpool_limits(planned.resources.threads), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        forecaster = spec.make(cell.parameters, cell.seed)
        run = evaluate(forecaster, cell.task, panel, cell=cell, missing=spec.missing, metrics=metrics)
    run = replace(run, costs=replace(run.costs, peak_memory=peak_memory()))
    said = dict.fromkeys(f"warning: {one.category.__name__}: {one.message}" for one in warned)
    run = replace(run, notes=(*run.notes, *list(said)[:MOST_WARNINGS]))
    if not journal.has_actuals(planned.fingerprint, cell.task):
        journal.write_actuals(planned.fingerprint, cell.task, Actuals.of(backtest(cell.task, panel)))
    return run


def _lost(planned: PlannedCell, failure: Failure) -> Run:
    return Run(planned.cell, status_of(failure), reason=str(failure), traceback=failure.traceback)


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return load_catalog()


@lru_cache(maxsize=4)
def _panel(dataset: str, fingerprint: str, home: Path) -> Panel:
    """The data as it was when the cell was planned; the fingerprint is part of what it is remembered by."""
    return load(_catalog().datasets[dataset].spec, home)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def limit_threads(threads: int) -> None:
    """Let numerical libraries that are loaded from now on use so many threads, here and in child processes."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)


def start_worker() -> None:
    """Prepare a worker process: Ctrl-C is the parent's to handle, and the worker ends when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    with contextlib.suppress(OSError):
        multiprocessing.connection.wait([sentinel])
    os._exit(1)
