"""Cells in parts: a cell of a forecaster of single series is evaluated by several processes, some series each.

The first part is small, and tells how long the others take. A part is stored when it ends, so that a run that was
stopped goes on with the others. When all are stored, the run of the cell is made of them.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from harness.arrays import Ints
from harness.boards.planning import PlannedCell
from harness.data.panel import Panel
from harness.data.panel_store import mapped_state
from harness.errors import Failure, attempt
from harness.evaluation.audit.auditor import Auditor
from harness.evaluation.audit.rules import Rules
from harness.evaluation.calls import Calls
from harness.evaluation.evaluate import AUDITED_WINDOWS
from harness.evaluation.part_run import PartRun, StoredError
from harness.evaluation.parts import Part, PartEnd, PartsPlan, Split
from harness.evaluation.threads import thread_limit
from harness.execution.cells.in_worker import attempt_cell, in_worker
from harness.execution.cells.panels import panel_of_cell
from harness.execution.cells.part_evaluation import forecast_part
from harness.execution.devices import placed_device
from harness.execution.options import CellOptions
from harness.execution.workers.forecaster import WorkerForecaster
from harness.results.provenance import machine
from harness.results.stored_parts import StoredParts
from harness.tasks.categorical import are_categorical
from harness.tasks.folds import Backtest, backtest

LEAST_SERIES = 100  # with windows, of a cell that is split
FIRST_SERIES = 16  # of the first part
PART_SECONDS = 5.0  # of CPU time that another part takes at least
MOST_PARTS = 100  # beside the first one
WINDOWS_PER_AUDIT = 1000  # an audit forecasts about 50 windows again
LEAST_AUDITS = 2
ENDS_CELL = ("crashed", "timed_out", "out_of_memory")  # a part that failed so ends the cell; others make it whole again


def split_cell(
    planned: PlannedCell, home: Path, template: Path, options: CellOptions, killed: str
) -> Split | Mapping[Part, PartRun] | None:
    """The parts of a cell that are pending, or the runs of all of them; None if it is evaluated as a whole.

    Of a cell without parts, the first one is evaluated now, and also the other if there is only one more.
    """
    stored = StoredParts(home, planned.key)
    if options.strict or not options.parts or not _may_be_per_series(planned):
        return None
    panel = attempt(lambda: panel_of_cell(planned, home, from_store=True))
    if isinstance(panel, Failure) or len(panel) < LEAST_SERIES:
        return None
    found = attempt(lambda: backtest(planned.cell.task, panel))
    if isinstance(found, Failure) or not _may_be_split(planned, panel, found):
        return None
    plan = stored.plan() or _begin(planned, found, stored, home, template, options, killed)
    if plan is None:
        return None
    if pending := stored.pending(plan):
        return Split(pending)
    runs = {part: run for part in plan.parts if stored.end(part) and (run := stored.read(part)) is not None}
    if pending := stored.pending(plan):  # those that turned out to be damaged
        return Split(pending)
    if any(run.error is not None and run.error.kind not in ENDS_CELL for run in runs.values()):
        stored.remove()
        return None
    return runs


_not_per_series: set[tuple[str, str]] = set()  # forecasters, of which this process has learned it from a worker


def _may_be_per_series(planned: PlannedCell) -> bool:
    """Whether a forecaster is, or may turn out to be, one of single series; a stochastic one has to state it."""
    spec = planned.spec
    if spec.provider is None or spec.batches != "any":
        return False
    if spec.per_series is not None:
        return spec.per_series
    return planned.cell.seed is None and _identity(planned) not in _not_per_series


def _identity(planned: PlannedCell) -> tuple[str, str]:
    return planned.cell.forecaster, planned.version


def run_part(
    planned: PlannedCell, part: Part, home: Path, template: Path, options: CellOptions, killed: str
) -> PartEnd:
    """Evaluate a part of a cell and store its run, unless that is stored already, or the cell has its run by now.

    Raises as `run_cell` does.
    """
    stored = StoredParts(home, planned.key)
    if (end := stored.end(part)) is not None:
        return end
    plan = stored.plan()
    if plan is None or part not in plan.parts:
        return PartEnd()
    found = backtest(planned.cell.task, panel_of_cell(planned, home, from_store=True))
    used = stored.seconds_used(plan)
    run = _evaluate_part(planned, part, found, home, template, options, killed, used, is_audited=part in plan.audited)
    assert run is not None
    stored.write(part, run)
    return stored.end(part) or PartEnd()


def _may_be_split(planned: PlannedCell, panel: Panel, found: Backtest) -> bool:
    """Whether the task is one whose windows can be forecast some series at a time, and has enough of them."""
    task, spec = planned.cell.task, planned.spec
    if task.protocol.free_running or (task.split is not None and task.split.holds_out_series):
        return False
    if (spec.needs_season and found.season_length == 1) or (not spec.categorical and are_categorical(task, panel)):
        return False
    in_order = all(bool((np.diff(fold.series) >= 0).all()) for fold in found.fold_windows)
    return in_order and int(np.count_nonzero(_work(found))) >= LEAST_SERIES


def _work(found: Backtest) -> Ints:
    """How many windows and fits each series has, (series,); 0 where it has no window."""
    counts = np.zeros(len(found.panel), dtype=np.int64)
    for fold in found.fold_windows:
        windows = np.bincount(fold.series, minlength=len(counts))
        counts += windows + (windows > 0)
    return counts


def _begin(
    planned: PlannedCell,
    found: Backtest,
    stored: StoredParts,
    home: Path,
    template: Path,
    options: CellOptions,
    killed: str,
) -> PartsPlan | None:
    """The plan of a cell, whose first part is evaluated now; None if it fails, or is none of single series."""
    work = _work(found)
    first = Part(0, int(np.flatnonzero(work)[FIRST_SERIES - 1]) + 1, secrets.token_hex(4))
    run = _evaluate_part(planned, first, found, home, template, options, killed, 0.0, is_audited=False)
    if run is None:
        _not_per_series.add(_identity(planned))
    if run is None or run.error is not None:
        return None
    done = int(work[: first.last].sum())
    parts = _rest(work, first, run.work * (work.sum() - done) / done)
    audits = min(len(parts), max(LEAST_AUDITS, len(found.windows) // WINDOWS_PER_AUDIT))
    audited = secrets.SystemRandom().sample(parts, audits)
    plan = PartsPlan((first, *parts), tuple(sorted(audited)))
    stored.write(first, run)
    stored.write_plan(plan)
    if len(parts) == 1:
        run_part(planned, parts[0], home, template, options, killed)
    return plan


def _rest(work: Ints, first: Part, seconds: float) -> list[Part]:
    """The other parts than the first one, of about the same work, which takes so many CPU seconds."""
    rest = work[first.last :]
    done = np.cumsum(rest)
    count = min(MOST_PARTS, math.floor(seconds / PART_SECONDS), int(np.count_nonzero(rest)) // 2)
    shares = done[-1] * np.arange(1, max(count, 1)) / max(count, 1)
    borders = [first.last, *(first.last + np.searchsorted(done, shares) + 1).tolist(), len(work)]
    return [Part(begin, end, first.plan) for begin, end in pairwise(borders) if work[begin:end].any()]


def _evaluate_part(
    planned: PlannedCell,
    part: Part,
    found: Backtest,
    home: Path,
    template: Path,
    options: CellOptions,
    killed: str,
    used: float,
    *,
    is_audited: bool,
) -> PartRun | None:
    """The run of a part, after others have used so many seconds; None if the forecaster is none of single series."""
    if planned.device is None:
        planned = replace(planned, device=placed_device(planned.resources))
    spec, started = planned.spec, datetime.now(UTC).isoformat(timespec="milliseconds")
    state = mapped_state(home, planned.fingerprint)
    inside = [(fold.series >= part.first) & (fold.series < part.last) for fold in found.fold_windows]
    numbers = tuple(number for number, windows in enumerate(inside) if windows.any())
    own = found.of_series(part.first, part.last)
    rules = Rules(Calls(spec.missing, spec.batches), spec.tolerance, is_stochastic=planned.cell.seed is not None)

    def forecast(forecaster: WorkerForecaster) -> PartRun | None:
        if not (spec.per_series or forecaster.per_series):
            return None
        process = forecaster.process
        process.used += used  # the limit is that of the cell
        run = forecast_part(forecaster, own, numbers, Auditor(rules, AUDITED_WINDOWS if is_audited else 0))
        return replace(run, used=process.used - used)

    def has_forecast(run: PartRun | None) -> bool:
        return run is not None and run.error is None

    with thread_limit(planned.resources.threads):
        result = attempt_cell(
            lambda: in_worker(planned, home, template, options, forecast, has_forecast, state),
            killed,
            is_in_worker=True,
        )
    if isinstance(result, Failure):
        error = StoredError.of(result)
        return PartRun(error=error, is_outside=True, machine=machine()["name"], started=started)
    run, end = result
    if run is None:
        return None
    return replace(
        run,
        environment=end.environment,
        machine=machine()["name"],
        notes=end.ended.notes,
        output=end.ended.tail,
        started=started,
    )
