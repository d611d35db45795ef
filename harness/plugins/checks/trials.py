"""Trials: runs and forecasts of a forecaster that is checked, by new ones that its maker makes."""

from __future__ import annotations

from dataclasses import dataclass

from harness.data.panel import Panel
from harness.errors import Unsupported
from harness.evaluation.calls import Calls, fit
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Run, Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, PartialFailure
from harness.forecasters.remote import RemoteForecaster
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.check_results import CheckFailed
from harness.plugins.checks.makers import Maker
from harness.tasks.folds import backtest
from harness.tasks.task import Task
from harness.tasks.windows import Windows


@dataclass(frozen=True)
class Trials:
    """Evaluates, fits and forecasts with a forecaster as its cells do, without an audit."""

    spec: ForecasterSpec
    maker: Maker

    @property
    def calls(self) -> Calls:
        """How the forecaster is called."""
        return Calls(self.spec.missing, self.spec.batches)

    def run(self, task: Task, panel: Panel, *, strict: bool = False) -> Run:
        """The run of a task; raises AssertionError if it failed on a window, or Unsupported."""
        with self.maker.new_forecaster(strict=strict) as forecaster:
            run = evaluate(
                forecaster,
                task,
                panel,
                missing=self.spec.missing,
                tolerance=self.spec.tolerance,
                batches=self.spec.batches,
                audited_windows=0,
                threads=self.spec.resources.threads,
                strict=strict,
            )
        if run.status is Status.UNSUPPORTED:
            raise Unsupported(run.reason)
        if run.status is not Status.COMPLETED:
            raise CheckFailed(f"{run.status}: {run.explanation}", run.traceback)
        refused = [failure for failure in run.window_failures if failure.status is Status.UNSUPPORTED]
        failed = [failure for failure in run.window_failures if failure.status is not Status.UNSUPPORTED]
        if failed:
            raise CheckFailed(f"{len(failed)} of {run.windows} windows: {failed[0].explanation}", run.traceback)
        if refused:
            raise Unsupported(f"{len(refused)} of {run.windows} windows: {refused[0].explanation}")
        return run

    def forecast_of(self, task: Task, panel: Panel) -> Forecast:
        """The forecast of the windows of a task, by a new forecaster that is fitted to its data."""
        with self.maker.new_forecaster() as forecaster:
            return self.forecast(forecaster, self.fit(forecaster, task, panel))

    def forecasts_of(self, task: Task, panel: Panel, other: Panel) -> tuple[Forecast, Forecast]:
        """The forecasts of the windows of two panels, by a new forecaster that is fitted to the first."""
        with self.maker.new_forecaster() as forecaster:
            first = self.forecast(forecaster, self.fit(forecaster, task, panel))
            return first, self.forecast(forecaster, next(backtest(task, other).folds()).windows)

    def fit(self, forecaster: Forecaster | RemoteForecaster, task: Task, panel: Panel) -> Windows:
        """Fit it to the first fold of a task; returns the windows of that fold."""
        fold = next(backtest(task, panel).folds())
        train = fold.train.filled(self.spec.missing)
        fit(forecaster, train, self.calls.contexts(forecaster, fold.windows))
        return fold.windows

    def forecast(self, forecaster: Forecaster | RemoteForecaster, windows: Windows) -> Forecast:
        """The forecast that an evaluation scores, with NaN in windows that failed."""
        outcome = self.calls.predict(forecaster, windows)
        if isinstance(outcome, Forecast):
            return outcome
        if isinstance(outcome.error, PartialFailure):
            return outcome.error.forecast
        raise outcome.error
