"""What a page shows of each forecaster's cells: hyperparameters, curves, model summaries, notes and failures."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.errors import Failure, attempt
from harness.evaluation.run import Run, Status
from harness.report.page.lines import Limit
from harness.report.runs.model_summary import ModelSummary, model_summaries
from harness.results.device import device_text
from harness.results.journal import Journal
from harness.results.software import software_by_text
from harness.results.stored_plan import StoredCell, StoredPlan

KEY = 12  # characters of a key that are shown
MOST_POINTS = 300  # of a training curve
MOST_CELLS = 3000  # of a page; of a larger board those of the first forecasters


@dataclass(frozen=True)
class CellDetails:
    """A finished cell."""

    key: str
    task: str
    seed: int | None
    status: str
    score: float  # by the board's metric; NaN where it has none
    fit_seconds: float
    window_seconds: float  # of forecasting
    parameters: int | None
    remarks: tuple[str, ...]  # the reason of a failure, notes, and the device
    curves: Mapping[str, tuple[float, ...]]  # of training, by name
    gradient_norms: Mapping[str, tuple[float, ...]]  # by time step, the last one first

    @property
    def short_key(self) -> str:
        """The first characters of the key."""
        return self.key[:KEY]


@dataclass(frozen=True)
class ForecasterDetails:
    """The finished cells of a forecaster, in the order of the board."""

    forecaster: str
    hyperparameters: Mapping[str, str]  # as JSON
    cells: tuple[CellDetails, ...]
    summaries: tuple[ModelSummary, ...] = ()  # of its networks
    software: Mapping[str, str] = field(default_factory=dict)  # environment, Python and packages, with its tasks

    @property
    def completed(self) -> int:
        """The number of completed cells."""
        return sum(cell.status == Status.COMPLETED.value for cell in self.cells)

    @property
    def parameters(self) -> tuple[int, ...]:
        """The least and the greatest number of learned parameters; empty where no cell has counted them."""
        known = [cell.parameters for cell in self.cells if cell.parameters is not None]
        return tuple(dict.fromkeys((min(known), max(known)))) if known else ()


def find_details(
    plan: StoredPlan, journal: Journal, metric: str, forecasters: Collection[str]
) -> list[ForecasterDetails]:
    """The details of these forecasters, in their order; one without a finished cell is left out."""
    found, count = [], 0
    for forecaster in forecasters:
        cells = plan.by_forecaster.get(forecaster, ())
        count += len(cells)
        if count > MOST_CELLS:
            break
        runs = [(cell, run) for cell in cells if (run := _run(cell, journal)) is not None]
        if runs:
            found.append(_details(forecaster, runs, metric))
    return found


def curve_data(details: Collection[ForecasterDetails], tasks: Collection[str], kind: str) -> list[dict[str, Any]]:
    """The `curves` or `gradient_norms` for the scripts, as JSON values: one entry for each cell that has some."""
    places = {task: position for position, task in enumerate(tasks)}
    return [
        {
            "name": forecaster.forecaster,
            "task": places[cell.task],
            "seed": cell.seed,
            "curves": {
                name: Limit(MOST_POINTS).curve(values) for name, values in getattr(cell, kind).items() if values
            },
        }
        for forecaster in details
        for cell in forecaster.cells
        if cell.task in places and any(map(len, getattr(cell, kind).values()))
    ]


def _run(cell: StoredCell, journal: Journal) -> Run | None:
    run = attempt(partial(journal.read, cell.key))
    return None if isinstance(run, Failure) else run


def _details(forecaster: str, runs: list[tuple[StoredCell, Run]], metric: str) -> ForecasterDetails:
    first = runs[0][1]
    known = {**first.cell.parameters, **first.hyperparameters}
    shown = {name: json.dumps(value, ensure_ascii=False) for name, value in known.items()}
    summaries = model_summaries((cell.task, run.model_summary) for cell, run in runs)
    cells = tuple(_cell(cell, run, metric) for cell, run in runs)
    software = software_by_text([(cell.task, run) for cell, run in runs])
    tasks = {text: ", ".join(dict.fromkeys(names)) for text, names in software.items()}
    return ForecasterDetails(forecaster, shown, cells, tuple(summaries), tasks)


def _cell(cell: StoredCell, run: Run, metric: str) -> CellDetails:
    lost, failed = run.window_failures, ""
    if lost:
        failed = f"{len(lost)} of {run.windows} windows failed: {lost[0].explanation}"
    device = device_text(run.provenance)
    score, seconds = run.scores.get(metric), run.costs.predict_seconds
    return CellDetails(
        cell.key,
        cell.task,
        run.cell.seed,
        run.status.value,
        math.nan if score is None else score,
        run.costs.fit_seconds,
        seconds / run.windows if run.windows else math.nan,
        run.costs.parameters,
        tuple(remark for remark in (run.reason, failed, *run.notes, device and f"device: {device}") if remark),
        run.curves,
        run.gradient_norms,
    )
