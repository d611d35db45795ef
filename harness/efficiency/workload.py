"""The workload of a measurement: a forecaster of the catalog, the data of a task's first fold, and its windows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from harness.boards.fingerprints import load_unchanged
from harness.data.panel_store import stored_panel
from harness.efficiency.circumstances import Repetition, Subject
from harness.efficiency.record import Bench
from harness.errors import BadInput
from harness.evaluation.calls import fit
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, LocalForecaster, PartialFailure, predict_and_check
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.catalog import Catalog
from harness.plugins.environments.environment import Environment
from harness.tasks.folds import backtest
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

JOB, RESULT, TIMINGS = "job.json", "result.json", "pytest-benchmark.json"  # in the folder of a job


@dataclass(frozen=True)
class Job:
    """The order for a measuring process: the record that it completes, its task, and where the data are."""

    bench: Bench
    task: Mapping[str, Any]  # as JSON
    fingerprint: str
    home: Path
    bound: float | None = None  # seconds
    forecaster: str = ""  # its name in the process that measures it; empty: that of the subject
    environment: Environment | None = None  # that the forecaster is in; not told to the process

    @property
    def own_name(self) -> str:
        """The name of the forecaster in the process that measures it."""
        return self.forecaster or self.bench.subject.forecaster

    def to_json(self) -> dict[str, Any]:
        """The job as JSON values."""
        return {
            "bench": self.bench.to_json(),
            "parameters": json.dumps(self.bench.subject.parameters),  # as text: they may hold infinity
            "task": self.task,
            "fingerprint": self.fingerprint,
            "home": str(self.home),
            "bound": self.bound,
            "forecaster": self.forecaster,
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Job:
        """The job that `to_json` wrote."""
        rest = dict(table)
        bench, parameters = Bench.from_json(rest.pop("bench")), json.loads(rest.pop("parameters"))
        bench = replace(bench, subject=replace(bench.subject, parameters=parameters))
        return cls(**{**rest, "bench": bench, "home": Path(table["home"])})


@dataclass(frozen=True)
class Workload:
    """A forecaster's training data and windows; its own libraries are not imported yet."""

    spec: ForecasterSpec
    subject: Subject
    device: str
    train: TrainingData
    contexts: Contexts
    repetition: Repetition  # its seed and number determine the order of the windows

    def import_libraries(self) -> None:
        """Import the libraries that the forecaster needs."""
        self.spec.import_libraries()

    @property
    def takes_device(self) -> bool:
        """Whether the forecaster has the hyperparameter `device`."""
        return takes_device(self.spec)

    def construct(self) -> Forecaster:
        """The forecaster with the board's hyperparameters, on the requested device."""
        parameters = dict(self.subject.parameters)
        if self.takes_device and self.device != "auto":
            parameters.setdefault("device", self.device)
        return self.spec.make(parameters, self.subject.seed)

    def fit(self, forecaster: Forecaster) -> None:
        """Fit the forecaster, as an evaluation does."""
        fit(forecaster, self.train, self.contexts)

    @property
    def samples(self) -> int:
        """The number of observations of the targets in the training data."""
        return int((~np.isnan(self.train.panel.target_values)).sum())

    def window(self, number: int) -> Contexts:
        """One window of the task."""
        return self.contexts.take(slice(number, number + 1))

    def windows(self, trial: int = 0) -> Iterator[Contexts]:
        """An endless stream of windows, in one random order again and again; another one for each trial."""
        order = self.generator(trial).permutation(len(self.contexts))
        return (self.window(int(number)) for number in cycle(order))

    def generator(self, trial: int = 0) -> np.random.Generator:
        """A random generator of this repetition."""
        return np.random.default_rng([self.repetition.seed, self.repetition.number, trial])

    def batch(self, size: int) -> Contexts:
        """A batch of windows: those of the task, repeated."""
        return self.contexts.take(np.resize(np.arange(len(self.contexts)), size))


def takes_device(spec: ForecasterSpec) -> bool:
    """Whether a forecaster has the hyperparameter `device`."""
    return "device" in spec.parameter_names()


def prepare_workload(job: Job, catalog: Catalog) -> Workload:
    """The workload of a job, its data loaded; raises BadData if the data changed since the job was made.

    Stored data are read without the libraries of the dataset's loader, whose imports and memory are not measured then.
    """
    subject, task = job.bench.subject, Task.from_json(job.task, catalog.protocol_classes)
    spec = catalog.forecasters[job.own_name].spec
    panel = stored_panel(job.home, job.fingerprint)
    if panel is None:
        panel = load_unchanged(catalog.datasets[task.dataset], job.fingerprint, job.home)
    fold = next(backtest(task, panel).folds())
    train = fold.train.filled(spec.missing)
    _ = train.panel, train.validation  # computed now, and not when the forecaster first asks
    contexts = fold.windows.contexts.filled(spec.missing)
    device, repetition = job.bench.conditions.device, job.bench.repetition or Repetition("")
    return Workload(spec, subject, device, train, contexts, repetition)


def learns(forecaster: Forecaster) -> bool:
    """Whether its `fit` does anything."""
    return getattr(type(forecaster), "fit", None) is not LocalForecaster.fit


def usable_windows(forecaster: Forecaster, contexts: Contexts) -> tuple[Contexts, int]:
    """The windows that it can forecast, and the number of others; raises what it raises where it can forecast none."""
    try:
        forecast: Forecast = predict_and_check(forecaster, contexts)
    except PartialFailure as error:
        if len(error.failures) == len(contexts):
            raise
        forecast = error.forecast
    kept = np.flatnonzero(forecast.finite())
    if not len(kept):
        raise BadInput("every forecast is NaN or infinite")
    if len(kept) == len(contexts):
        return contexts, 0
    return contexts.take(kept), len(contexts) - len(kept)
