"""The content of results.json: a board's plan, its metrics, and the record of each cell."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from harness.arrays import Floats
from harness.errors import DataUnavailable
from harness.evaluation.metrics import Aggregation, Best, Metric
from harness.evaluation.run import Cell, Costs, Run, Status, WindowFailure
from harness.fields.types import FiniteOrNull, Json
from harness.forecasters.layer import Layer
from harness.forecasters.origins import Functional
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredPlan
from harness.tasks.task import Task


@dataclass(frozen=True)
class PublishedMetric:
    """What aggregation and ranking need of a metric; it cannot be computed from forecasts."""

    aggregation: Aggregation
    root: bool
    best: Best
    quantiles: bool
    description: str
    interval: bool = False

    @classmethod
    def of(cls, metric: Metric) -> PublishedMetric:
        """What is published of a metric."""
        return cls(**{field.name: getattr(metric, field.name) for field in fields(cls)})

    def metric(self, name: str) -> Metric:
        """The metric, whose losses are unknown."""
        return Metric(name, _unknown_losses, **vars(self))


def _unknown_losses(outcomes: object) -> Floats:
    raise DataUnavailable("of a published metric only the terms are known")


@dataclass(frozen=True)
class FailedWindows:
    """The windows that failed for one reason."""

    status: Status
    reason: str
    windows: tuple[int, ...]


@dataclass(frozen=True)
class PublishedRun:
    """The record of a run without traceback and curves; tasks and provenances, which many runs share, stand apart."""

    forecaster: str
    parameters: Mapping[str, Json]
    seed: int | None
    task: str  # its name on the board
    status: Status
    reason: str
    scores: Mapping[str, FiniteOrNull]
    windows: int
    hyperparameters: Mapping[str, Json]
    notes: tuple[str, ...]
    costs: Costs
    started: str
    finished: str
    window_failures: tuple[FailedWindows, ...]
    provenance: int  # position in the list of provenances
    period: tuple[str, str] | None = None
    functionals: Mapping[str, Functional] = field(default_factory=dict)
    unsupported: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    batch_difference: float | None = None
    ignored_covariates: tuple[str, ...] = ()
    model_summary: tuple[Layer, ...] = ()

    @classmethod
    def of(cls, run: Run, task: str, provenance: int, metric: str) -> PublishedRun:
        """What is published of a run; by the board's metric it has NaN where it completed without a score."""
        if run.status is Status.COMPLETED and metric not in run.scores:
            run = replace(run, scores={**run.scores, metric: math.nan})
        return cls(
            run.cell.forecaster,
            run.cell.parameters,
            run.cell.seed,
            task,
            **{name: getattr(run, name) for name in SHARED},
            window_failures=_failures_by_reason(run),
            provenance=provenance,
        )

    def run(self, key: str, task: Task, provenance: Mapping[str, Any]) -> Run:
        """The record as a run."""
        failures = [
            WindowFailure(window, failed.status, failed.reason)
            for failed in self.window_failures
            for window in failed.windows
        ]
        return Run(
            Cell(task, self.forecaster, self.parameters, self.seed),
            key=key,
            **{name: getattr(self, name) for name in SHARED},
            window_failures=tuple(sorted(failures, key=lambda failure: failure.window)),
            provenance=provenance,
        )


CHANGED = ("window_failures", "provenance")  # fields of a run that are published in another form
SHARED = ({field.name for field in fields(PublishedRun)} & {field.name for field in fields(Run)}) - set(CHANGED)


@dataclass(frozen=True)
class Publication:
    """The content of results.json."""

    plan: StoredPlan
    metrics: Mapping[str, PublishedMetric]  # whose terms are published
    withheld: Mapping[str, str]  # by task: why its terms are not published
    standings: Mapping[str, Any] | None  # as JSON, where terms are withheld; elsewhere they follow from the terms
    tasks: Mapping[str, Task]
    provenance: tuple[Mapping[str, Any], ...]
    cells: Mapping[str, PublishedRun]  # by key

    @classmethod
    def of(
        cls,
        results: BoardResults,
        metrics: Sequence[Metric],
        withheld: Mapping[str, str],
        standings: Mapping[str, Any] | None,
    ) -> Publication:
        """What is published of a board's results."""
        tasks: dict[str, Task] = {}
        provenances: dict[str, int] = {}
        runs: dict[str, PublishedRun] = {}
        for cell in results.plan.cells:
            run = results.runs[cell.key]
            if run is None or cell.key in runs:
                continue
            tasks.setdefault(cell.task, run.cell.task)
            provenance = json.dumps(_without_machine_name(run.provenance), sort_keys=True)
            number = provenances.setdefault(provenance, len(provenances))
            runs[cell.key] = PublishedRun.of(run, cell.task, number, results.plan.metric)
        declared = {metric.name: PublishedMetric.of(metric) for metric in metrics}
        distinct = tuple(json.loads(provenance) for provenance in provenances)
        return cls(results.plan, declared, dict(withheld), standings, tasks, distinct, runs)

    def runs(self) -> Iterator[tuple[str, Run]]:
        """The runs by key."""
        for key, cell in self.cells.items():
            yield key, cell.run(key, self.tasks[cell.task], self.provenance[cell.provenance])


def _without_machine_name(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance without the network name of the machine, which is private."""
    machine = provenance.get("machine", {})
    return {**provenance, "machine": {name: value for name, value in machine.items() if name != "name"}}


def _failures_by_reason(run: Run) -> tuple[FailedWindows, ...]:
    windows: dict[tuple[Status, str], list[int]] = {}
    for failure in run.window_failures:
        windows.setdefault((failure.status, failure.reason), []).append(failure.window)
    return tuple(FailedWindows(status, reason, tuple(failed)) for (status, reason), failed in windows.items())
