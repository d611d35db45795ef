"""The forecasts of a backtest, fit by fit: a forecaster is fitted, forecasts, and is audited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import Failure
from harness.evaluation.audit.auditor import Auditor
from harness.evaluation.audit.rules import Scored
from harness.evaluation.clock import Clock
from harness.evaluation.failures import first_traceback, without_failed_windows
from harness.evaluation.run import WindowFailure
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, PartialFailure
from harness.forecasters.remote import RemoteForecaster
from harness.tasks.folds import Backtest, Fold


@dataclass(frozen=True, eq=False)
class FoldForecast:
    """The forecast of the windows of a fit, with NaN where one failed, and these failures."""

    forecast: Forecast
    failures: tuple[WindowFailure, ...]
    traceback: str  # of the first failure


def forecast_folds(
    forecaster: Forecaster | RemoteForecaster, backtest: Backtest, clock: Clock, auditor: Auditor
) -> Iterator[FoldForecast | Failure]:
    """The forecast of each fit, of which the first and the last are audited.

    Where the forecaster fails on all windows of a fit at once, the failure is the last item.
    """
    calls, first = auditor.rules.calls, 0
    for number, fold in enumerate(backtest.folds()):
        failed = calls.fit(forecaster, fold.train, fold.windows, clock)
        is_audited = number in (0, len(backtest.fold_windows) - 1)
        with auditor.subject(forecaster, wanted=is_audited and failed is None) as subject:
            before = clock.seconds["predict"]
            outcome = failed or calls.predict(forecaster, fold.windows, clock)
            found = _fold_forecast(outcome, fold, first)
            if subject is not None and isinstance(found, FoldForecast):
                auditor.audit(subject, Scored(fold.windows, found.forecast), clock.seconds["predict"] - before)
        yield found
        if isinstance(found, Failure):
            return
        first += len(found.forecast)


def _fold_forecast(outcome: Forecast | Failure, fold: Fold, first: int) -> FoldForecast | Failure:
    """The forecast of a fit whose windows are numbered from `first`; the failure where it is one of all of them."""
    if isinstance(outcome, Failure) and not isinstance(outcome.error, PartialFailure):
        return outcome
    forecast, failures = without_failed_windows(outcome, fold.windows.contexts, first)
    return FoldForecast(forecast, tuple(failures), first_traceback(outcome))
