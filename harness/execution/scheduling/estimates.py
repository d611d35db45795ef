"""Expected costs of cells: the seconds and the memory that each is expected to take.

Without measurements they follow from what is known without any run, so that all machines expect the same. Measurements
are the runs of journals: of the same cell, or else of the forecaster on other tasks and of others on the task. The
logarithm of seconds is then the sum of an effect of the forecaster and one of the task, which are estimated by median
polish (Tukey 1977), so that one slow run does not matter.

A failed run counts if it timed out, or if its forecaster has completed others: one that fails at once tells nothing.

A forecaster without a completed run is expected to take what it is without measurements, times the factor by which
measured forecasters are slower than that, and at least 1: that others are fast does not mean that it is. The factor is
the median over measured forecasters that use the same libraries, or over all if there are none.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal

from harness.boards.planning import PlannedCell
from harness.errors import LaterVersion
from harness.evaluation.run import Cell, Run, Status
from harness.results.journal import Journal

Basis = Literal["measured", "similar cells", "other forecasters", "no measurement"]
UNMEASURED: tuple[Basis, ...] = ("other forecasters", "no measurement")
LEAST_SECONDS = 0.001  # of a run, for its logarithm
ROUNDS = 10  # of the median polish
# of a cell without measurements, on a core of 2026: of any; more with a library; for each value of the data
SECONDS, LIBRARY_SECONDS, SECONDS_PER_VALUE = 0.2, 1.5, 2e-6
MEMORY = 1_000_000_000  # bytes of a cell without measurements


@dataclass(frozen=True)
class Estimate:
    """What a cell is expected to take."""

    seconds: float
    memory: int  # bytes, of the process of its forecaster
    basis: Basis = "no measurement"
    parts: int = 1  # that can be evaluated at a time


@dataclass(frozen=True)
class MeasuredCell:
    """What a run took."""

    forecaster: str  # its name and hyperparameters
    task: str
    dataset: str
    seconds: float  # of one process, with its audit
    memory: int | None
    status: Status
    parts: int = 1  # that can be evaluated at a time


def default_estimate(planned: PlannedCell) -> Estimate:
    """What a cell is expected to take without any measurement; the same on all machines."""
    return Estimate(_default_seconds(planned, planned.size), planned.resources.memory or MEMORY)


def _default_seconds(planned: PlannedCell, size: int) -> float:
    """The seconds that a cell with another size of its data is expected to take without any measurement."""
    library = LIBRARY_SECONDS if planned.imports else 0.0
    return SECONDS + library + SECONDS_PER_VALUE * size * (10 if planned.imports else 1)


def measured_cells(journal: Journal) -> Iterator[MeasuredCell]:
    """What the runs of a journal took; those of a later version of harness are left out."""
    for key in journal.keys():  # noqa: SIM118
        try:
            run = journal.read(key)
        except LaterVersion:
            continue
        seconds = None if run is None else _seconds(run)
        if run is not None and seconds is not None:
            forecaster, task = _names(run.cell)
            parts = max(1, run.costs.parts - 1)  # the first one tells how many others there are
            memory = run.costs.peak_memory
            yield MeasuredCell(forecaster, task, run.cell.task.dataset, seconds, memory, run.status, parts)


def estimate_cells(cells: Sequence[PlannedCell], measured: Iterable[MeasuredCell]) -> dict[str, Estimate]:
    """What each cell is expected to take, by key."""
    measured = list(measured)
    model = _Model(cells, measured)
    return {planned.key: model.estimate(planned) for planned in cells}


class _Model:
    """The effects of forecasters and tasks on the logarithm of seconds, and the memory of forecasters."""

    def __init__(self, cells: Sequence[PlannedCell], measured: Sequence[MeasuredCell]) -> None:
        telling = _telling(measured)
        self.same: dict[tuple[str, str], list[MeasuredCell]] = {}
        for cell in telling:
            self.same.setdefault((cell.forecaster, cell.task), []).append(cell)
        self.memory: dict[str, int] = {}  # by forecaster, the most
        for cell in (*telling, *(cell for cell in measured if cell.status is Status.OUT_OF_MEMORY)):
            self.memory[cell.forecaster] = max(self.memory.get(cell.forecaster, 0), cell.memory or 0)
        logs = {
            names: median(math.log(max(cell.seconds, LEAST_SECONDS)) for cell in completed)
            for names, runs in self.same.items()
            if (completed := [cell for cell in runs if cell.status is Status.COMPLETED])
        }
        self.forecasters, self.tasks = _median_polish(logs)
        sizes = {planned.cell.task.dataset: planned.size for planned in cells}
        datasets = {cell.task: cell.dataset for cell in measured if cell.dataset in sizes}
        self.sizes = {task: sizes[datasets[task]] for task in self.tasks if task in datasets}
        planned_by_name = {_names(planned.cell)[0]: planned for planned in cells}
        self.known = {name: planned for name, planned in planned_by_name.items() if name in self.forecasters}
        self.by_libraries: dict[frozenset[str], dict[str, PlannedCell]] = {}
        for name, planned in self.known.items():
            self.by_libraries.setdefault(_libraries(planned), {})[name] = planned

    def estimate(self, planned: PlannedCell) -> Estimate:
        """What a cell is expected to take."""
        forecaster, task = _names(planned.cell)
        default = default_estimate(planned)
        if runs := self.same.get((forecaster, task)):
            seconds = median(cell.seconds for cell in runs)
            memory = max(cell.memory or 0 for cell in runs) or self.memory[forecaster] or default.memory
            return Estimate(seconds, memory, "measured", max(cell.parts for cell in runs))
        of_task = self._task_effect(task, planned.size)
        if of_task is None or not self.known:
            return default
        memory = self.memory.get(forecaster) or default.memory
        if forecaster in self.forecasters:
            return Estimate(math.exp(self.forecasters[forecaster] + of_task), memory, "similar cells")
        return Estimate(default.seconds * self._slowness(planned, of_task), memory, "other forecasters")

    def _slowness(self, planned: PlannedCell, of_task: float) -> float:
        """How many times slower measured forecasters are on a task than without measurements expected; at least 1."""
        alike = self.by_libraries.get(_libraries(planned), self.known)
        factors = [
            math.exp(self.forecasters[name] + of_task) / _default_seconds(other, planned.size)
            for name, other in alike.items()
        ]
        return max(1.0, median(factors))

    def _task_effect(self, task: str, size: int) -> float | None:
        """The effect of a task; of one without runs, that of the task nearest in size, in proportion to their sizes."""
        if task in self.tasks or not self.sizes:
            return self.tasks.get(task)
        known = [(abs(math.log(max(size, 1) / max(other, 1))), name) for name, other in self.sizes.items()]
        nearest = min(known)[1]
        return self.tasks[nearest] + math.log(max(size, 1) / max(self.sizes[nearest], 1))


def _telling(measured: Sequence[MeasuredCell]) -> list[MeasuredCell]:
    """The runs that tell how long cells take: those that timed out, and those of forecasters with completed ones."""
    working = {cell.forecaster for cell in measured if cell.status is Status.COMPLETED}
    return [cell for cell in measured if cell.status is Status.TIMED_OUT or cell.forecaster in working]


def _median_polish(logs: Mapping[tuple[str, str], float]) -> tuple[dict[str, float], dict[str, float]]:
    """The effects of the first and of the second names, whose sums are near the values."""
    first = {name: 0.0 for name, _ in logs}
    second = {name: 0.0 for _, name in logs}
    for _ in range(ROUNDS):
        _update(first, [(a, value - second[b]) for (a, b), value in logs.items()])
        _update(second, [(b, value - first[a]) for (a, b), value in logs.items()])
    return first, second


def _update(effects: dict[str, float], residuals: Iterable[tuple[str, float]]) -> None:
    groups: dict[str, list[float]] = {}
    for name, residual in residuals:
        groups.setdefault(name, []).append(residual)
    effects.update({name: median(group) for name, group in groups.items()})


def _libraries(planned: PlannedCell) -> frozenset[str]:
    return frozenset(module.partition(".")[0] for module in planned.imports)


def _names(cell: Cell) -> tuple[str, str]:
    """What tells the forecaster of a cell from others, and what its task; seeds do not matter."""
    fields = cell.to_json()
    forecaster = json.dumps([fields["forecaster"], fields["parameters"]], sort_keys=True)
    return forecaster, json.dumps(fields["task"], sort_keys=True)


def _seconds(run: Run) -> float | None:
    """The seconds from the start of a run to its end; None where they are not known.

    Of a run made of parts they are the sum of what the parts took: parts run at the same time, and on different days.
    """
    if run.costs.parts > 1:
        return run.costs.fit_seconds + run.costs.predict_seconds + (run.audit.seconds if run.audit else 0.0)
    try:
        return max(0.0, (datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)).total_seconds())
    except (ValueError, TypeError):
        return None


def unmeasured_forecasters(cells: Iterable[PlannedCell], estimates: Mapping[str, Estimate]) -> list[str]:
    """The names on the board of the forecasters without a completed run from which their times could be estimated.

    Those that are expected to take longest are first.
    """
    seconds: dict[str, float] = {}
    for planned in cells:
        estimate = estimates[planned.key]
        if estimate.basis in UNMEASURED:
            seconds[planned.title] = seconds.get(planned.title, 0.0) + estimate.seconds
    return sorted(seconds, key=lambda title: -seconds[title])


def basis_counts(estimates: Mapping[str, Estimate]) -> Mapping[Basis, int]:
    """How many estimates have each basis."""
    return Counter(estimate.basis for estimate in estimates.values())
