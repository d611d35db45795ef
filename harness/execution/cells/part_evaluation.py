"""The evaluation of a part of a cell: a forecaster in a worker forecasts the windows of some series."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.errors import Failure
from harness.evaluation.audit.auditor import Auditor
from harness.evaluation.clock import Clock
from harness.evaluation.fold_forecasts import forecast_folds
from harness.evaluation.part_run import AuditOfPart, FoldOfPart, PartRun, StoredError, WindowError
from harness.execution.workers.forecaster import WorkerForecaster
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import PartialFailure
from harness.forecasters.remote import Description, Elapsed, RemoteForecaster
from harness.tasks.folds import Backtest
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts


@dataclass
class _Listening(RemoteForecaster):
    """A forecaster whose forecasts are kept as it returned them, and the call that each of its warnings came from."""

    forecaster: WorkerForecaster
    fold: int = 0  # the fit among those of the cell
    returned: Forecast | PartialFailure | None = None
    warnings: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._note_warnings(0)

    def fit(self, train: TrainingData) -> None:
        """Fit to training data."""
        try:
            self.forecaster.fit(train)
        finally:
            self._note_warnings(2 * self.fold + 1)

    def fit_contexts(self, contexts: Contexts) -> None:
        """Fit to the series of these windows."""
        try:
            self.forecaster.fit_contexts(contexts)
        finally:
            self._note_warnings(2 * self.fold + 1)

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecast of these windows."""
        try:
            forecast = self.forecaster.predict(contexts)
        except PartialFailure as error:
            self.returned = error
            raise
        finally:
            self._note_warnings(2 * self.fold + 2)
        self.returned = forecast
        return forecast

    def describe(self) -> Description:
        """What the forecaster tells of itself now."""
        return self.forecaster.describe()

    def elapsed(self) -> Elapsed:
        """The time of all calls since this was last asked."""
        return self.forecaster.elapsed()

    def copy(self) -> RemoteForecaster | None:
        """A copy for the audit, whose forecasts are not kept."""
        return self.forecaster.copy()

    def close(self) -> None:
        """End the process."""
        self.forecaster.close()

    def _note_warnings(self, call: int) -> None:
        for text in self.forecaster.warnings:
            self.warnings.setdefault(text, call)


def forecast_part(
    forecaster: WorkerForecaster, backtest: Backtest, numbers: tuple[int, ...], auditor: Auditor
) -> PartRun:
    """The forecasts of a part, whose fits are those of these numbers among all fits of the cell.

    Where the forecaster fails on all windows of a fit at once, the run has that failure, and no later fit.
    """
    listening = _Listening(forecaster, numbers[0])
    clock, spent = Clock(listening), (Elapsed(), Elapsed())
    run, found_in = PartRun(), 0
    for position, found in enumerate(forecast_folds(listening, backtest, clock, auditor)):
        number = numbers[position]
        if isinstance(found, Failure):
            run = replace(run, error=StoredError.of(found), error_fold=number)
            break
        found_in = number if auditor.finding is not None and not found_in else found_in
        before, spent = spent, (_elapsed(clock, "fit"), _elapsed(clock, "predict"))
        times = [_since(earlier, now) for earlier, now in zip(before, spent, strict=True)]
        fold = FoldOfPart(number, times[0], times[1], *_errors_and_forecast(listening.returned))
        run = replace(run, folds=(*run.folds, fold))
        listening.fold = numbers[min(position + 1, len(numbers) - 1)]
    return replace(
        run,
        description=forecaster.describe(),
        audit=_audit_of(auditor, found_in),
        warnings=tuple((call, text) for text, call in listening.warnings.items()),
        seconds=forecaster.times.seconds,
        own_seconds=forecaster.times.own_seconds,
    )


def _errors_and_forecast(returned: Forecast | PartialFailure | None) -> tuple[tuple[WindowError, ...], Forecast]:
    """The errors of a forecast, of which the first has its traceback, and the forecast."""
    assert returned is not None
    if isinstance(returned, Forecast):
        return (), returned
    failures = enumerate(returned.failures.items())
    errors = (WindowError(window, StoredError.of(failure, with_traceback=i == 0)) for i, (window, failure) in failures)
    return tuple(errors), returned.forecast


def _elapsed(clock: Clock, phase: str) -> Elapsed:
    return Elapsed(clock.seconds[phase], clock.cpu_seconds[phase])


def _since(before: Elapsed, now: Elapsed) -> Elapsed:
    return Elapsed(now.seconds - before.seconds, now.cpu_seconds - before.cpu_seconds)


def _audit_of(auditor: Auditor, fold: int) -> AuditOfPart | None:
    """What an auditor found; None if it audited nothing."""
    if auditor.seed is None or not auditor.audits:
        return None
    status, reason, place, traceback = auditor.finding or (None, "", "", "")
    return AuditOfPart(
        auditor.seed,
        auditor.audits,
        auditor.windows,
        auditor.seconds,
        auditor.on_copy,
        status,
        reason,
        fold,
        auditor.in_batches,
        auditor.repeated,
        place,
        traceback,
    )
