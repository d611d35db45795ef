"""Calls: which windows one call of `predict` holds, and how a forecaster is fitted and called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from harness.arrays import Ints
from harness.errors import Failure
from harness.evaluation.batch_halving import with_enough_memory
from harness.evaluation.clock import Clock, attempt_call
from harness.evaluation.failures import ENDED, status_of
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import (
    FittedLocalForecaster,
    Forecaster,
    PartialFailure,
    combined,
    predict_and_check,
)
from harness.forecasters.remote import RemoteForecaster
from harness.tasks.points import points_in_time
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts, Windows

if TYPE_CHECKING:
    from harness.data.missing import Missing
    from harness.forecasters.spec import Batches


def fit(forecaster: Forecaster | RemoteForecaster, train: TrainingData, contexts: Contexts) -> None:
    """Fit a forecaster; one that fits each series by itself is fitted to the series of these windows."""
    if isinstance(forecaster, RemoteForecaster):
        forecaster.fit(train)
        forecaster.fit_contexts(contexts)
        return
    with_enough_memory(forecaster, "fit", partial(forecaster.fit, train))
    if isinstance(forecaster, FittedLocalForecaster):
        with_enough_memory(forecaster, "fit", partial(forecaster.fit_contexts, contexts))


@dataclass(frozen=True)
class Calls:
    """How a forecaster is called: with which filling of missing values, and with which windows at a time.

    - "any": all windows of a fit in one call;
    - "cutoff": those of one point in time;
    - "window": one window.

    In strict mode, calls follow each other in the order of time, and none holds windows of two points in time.
    """

    missing: Missing = "native"
    batches: Batches = "any"
    strict: bool = False

    def contexts(self, forecaster: Forecaster | RemoteForecaster, windows: Windows) -> Contexts:
        """The contexts of these windows, filled; those for another process are filled there."""
        return windows.contexts if isinstance(forecaster, RemoteForecaster) else windows.contexts.filled(self.missing)

    def parts(self, windows: Windows) -> list[Ints] | None:
        """The positions of the windows of each call; None where one call holds all of them."""
        if self.batches == "any" and not self.strict:
            return None
        positions = np.arange(len(windows))
        if self.batches == "window" and not self.strict:
            return [positions[i : i + 1] for i in positions]
        points = points_in_time(windows.panel, windows.series, windows.cutoffs)
        order = np.argsort(points, kind="stable")
        if self.batches == "window":
            return [order[i : i + 1] for i in positions]
        return np.split(order, np.flatnonzero(np.diff(points[order])) + 1)

    def fit(
        self, forecaster: Forecaster | RemoteForecaster, train: TrainingData, windows: Windows, clock: Clock
    ) -> Failure | None:
        """Fit to training data, filled as declared, and to the series of these windows; the failure if it fails.

        In strict mode, series are fitted when they are first forecast, since their first contexts are of later times.
        """
        train = train.filled(self.missing)
        if self.strict:
            return clock.fit(partial(forecaster.fit, train))
        return clock.fit(partial(fit, forecaster, train, self.contexts(forecaster, windows)))

    def predict(
        self, forecaster: Forecaster | RemoteForecaster, windows: Windows, clock: Clock | None = None
    ) -> Forecast | Failure:
        """The forecast of these windows, in their order, by as many calls as it takes; or the failure.

        A call that fails costs its own windows: the failure is then a PartialFailure. Without a clock, the calls are
        those of an audit, which fits nothing.
        """
        contexts, parts = self.contexts(forecaster, windows), self.parts(windows)
        if parts is None:
            return _call(forecaster, contexts, clock)
        outcomes: list[tuple[Ints, Forecast | Failure]] = []
        known: set[int] = set()
        for positions in parts:
            part = contexts.take(positions)
            fitted = self._fit_new_series(forecaster, part, known, clock)
            outcome = fitted if isinstance(fitted, Failure) else _call(forecaster, part, clock)
            if isinstance(outcome, Failure) and status_of(outcome) in ENDED:
                return outcome
            outcomes.append((positions, outcome))
        failures = [outcome for _, outcome in outcomes if isinstance(outcome, Failure)]
        if len(failures) == len(outcomes) and not any(isinstance(each.error, PartialFailure) for each in failures):
            return failures[0]
        return attempt_call(forecaster, partial(combined, forecaster, contexts, outcomes))

    def _fit_new_series(
        self, forecaster: Forecaster | RemoteForecaster, contexts: Contexts, known: set[int], clock: Clock | None
    ) -> Failure | None:
        """In strict mode, fit a forecaster that fits each series by itself to those that are not yet known."""
        if not self.strict or clock is None or not isinstance(forecaster, FittedLocalForecaster | RemoteForecaster):
            return None
        firsts = [i for i, series in enumerate(contexts.series.tolist()) if series not in known]
        known.update(contexts.series.tolist())
        if not firsts:
            return None
        return clock.fit_contexts(partial(forecaster.fit_contexts, contexts.take(np.array(firsts))))


def _call(forecaster: Forecaster | RemoteForecaster, contexts: Contexts, clock: Clock | None) -> Forecast | Failure:
    """The forecast of one call, as arrays that the forecaster does not keep."""
    action = partial(predict_and_check, forecaster, contexts)
    if not isinstance(forecaster, RemoteForecaster):
        action = partial(with_enough_memory, forecaster, "predict", action)
    outcome = attempt_call(forecaster, action) if clock is None else clock.predict(action)
    if isinstance(outcome, Failure) or isinstance(forecaster, RemoteForecaster):
        return outcome
    return outcome.mapped(np.copy)
