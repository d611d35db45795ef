"""Clock: the time of a forecaster's fits and forecasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from harness.errors import Failure, HarnessError, InfrastructureFault, attempt_of_forecaster, unexpected
from harness.evaluation.memory import quick_peak
from harness.evaluation.run import Costs
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.remote import Description, RemoteForecaster

T = TypeVar("T")


@dataclass
class Clock:
    """Times a forecaster's fits and forecasts, and catches what they raise.

    The time of a forecaster in another process is the time that passed there, as its supervisor measured it.
    """

    forecaster: Forecaster | RemoteForecaster
    seconds: dict[str, float] = field(default_factory=lambda: {"fit": 0.0, "predict": 0.0})
    cpu_seconds: dict[str, float] = field(default_factory=lambda: {"fit": 0.0, "predict": 0.0})
    fits: int = 0

    def fit(self, action: Callable[[], T]) -> T | Failure:
        """Run the action; its time counts as fitting, and it is one fit more."""
        self.fits += 1
        return self._time("fit", action)

    def fit_contexts(self, action: Callable[[], T]) -> T | Failure:
        """Run the action; its time counts as fitting, as a part of the last fit."""
        return self._time("fit", action)

    def predict(self, action: Callable[[], T]) -> T | Failure:
        """Run the action; its time counts as forecasting."""
        return self._time("predict", action)

    def _time(self, phase: str, action: Callable[[], T]) -> T | Failure:
        if isinstance(self.forecaster, RemoteForecaster):
            self.forecaster.elapsed()  # that of an audit since the last call is no cost of the forecaster
            outcome = attempt_call(self.forecaster, action)
            elapsed = self.forecaster.elapsed()
            self.seconds[phase] += elapsed.seconds
            self.cpu_seconds[phase] += elapsed.cpu_seconds
            return outcome
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = attempt_of_forecaster(action)
        self.seconds[phase] += time.perf_counter() - wall
        self.cpu_seconds[phase] += time.process_time() - cpu
        return outcome

    def costs(self, description: Description) -> Costs:
        """The time until now, the peak memory of the forecaster's process, and the model size."""
        remote = isinstance(self.forecaster, RemoteForecaster)
        return Costs(
            fit_seconds=self.seconds["fit"],
            predict_seconds=self.seconds["predict"],
            fit_cpu_seconds=self.cpu_seconds["fit"],
            predict_cpu_seconds=self.cpu_seconds["predict"],
            fits=self.fits,
            peak_memory=description.peak_memory if remote else quick_peak(),
            parameters=description.parameters,
        )


def attempt_call(forecaster: Forecaster | RemoteForecaster, action: Callable[[], T]) -> T | Failure:
    """The return value of a call of a forecaster, or its failure.

    Raises InfrastructureFault where it is no result of the forecaster in another process: where its process was killed
    by others, and for any exception that is none of ours, such as OSError, which is not what the forecaster raised.
    """
    outcome = attempt_of_forecaster(action)
    if isinstance(forecaster, RemoteForecaster) and isinstance(outcome, Failure):
        raise_fault(outcome)
    return outcome


def raise_fault(failure: Failure) -> None:
    """Raise what is no fault of a forecaster in another process."""
    if isinstance(failure.error, InfrastructureFault):
        raise failure.error
    if not isinstance(failure.error, HarnessError):
        raise unexpected(failure.error) from failure.error
