"""The context of a verification: the catalog, the home folder, and the runs made so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data.files import load
from harness.data.panel import Panel
from harness.errors import DataUnavailable, HarnessError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import Metric
from harness.evaluation.run import Status
from harness.plugins.catalog import Catalog
from harness.plugins.installation import install_command, lacks
from harness.tasks.task import Task


@dataclass(frozen=True)
class RunScores:
    """The scores of a completed run."""

    windows: int
    scores: Mapping[str, float]  # by metric


class VerificationContext:
    """The catalog and the home folder; each panel is loaded once, and each run is made once."""

    def __init__(self, catalog: Catalog, home: Path) -> None:
        self.catalog = catalog
        self.home = home
        self._panels: dict[str, Panel] = {}
        self._runs: dict[tuple[str, Task, tuple[Metric, ...]], RunScores] = {}

    def run(self, forecaster: str, task: Task, metrics: tuple[Metric, ...]) -> RunScores:
        """The scores of a forecaster of the catalog, with its defaults, on a task.

        Raises UnknownName if the catalog lacks one of the two, DataUnavailable if files or libraries are not,
        HarnessError if the run does not complete.
        """
        key = forecaster, task, metrics
        if key not in self._runs:
            self._runs[key] = self._evaluate(*key)
        return self._runs[key]

    def _evaluate(self, name: str, task: Task, metrics: tuple[Metric, ...]) -> RunScores:
        if command := install_command(self.catalog.forecasters[name]):
            raise DataUnavailable(lacks(f"forecaster {name!r}", command))
        spec = self.catalog.forecasters[name].spec
        run = evaluate(
            spec.make({}),
            task,
            self._panel(task.dataset),
            missing=spec.missing,
            tolerance=spec.tolerance,
            metrics=metrics,
            threads=spec.resources.threads,
        )
        if run.status is not Status.COMPLETED:
            raise HarnessError(f"{name} on {task.dataset}: {run.status.value}: {run.reason}")
        if run.window_failures:
            failed = f"{len(run.window_failures)} of {run.windows} windows failed"
            raise HarnessError(f"{name} on {task.dataset}: {failed}; the first: {run.window_failures[0].explanation}")
        return RunScores(run.windows, dict(run.scores))

    def _panel(self, dataset: str) -> Panel:
        if dataset not in self._panels:
            self._panels[dataset] = load(self.catalog.datasets[dataset].spec, self.home)
        return self._panels[dataset]
