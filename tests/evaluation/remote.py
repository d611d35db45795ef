"""A RemoteForecaster for tests: the forecaster in this process, and the times and errors of another one."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.data.missing import Missing
from harness.errors import Failure, ForecasterError
from harness.evaluation.description import describe
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster, PartialFailure
from harness.forecasters.remote import Description, Elapsed, RemoteForecaster
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

SECONDS = 2**-10  # of each call, by the clock of the other process


@dataclass
class Elsewhere(RemoteForecaster):
    """Behaves as the forecaster in a process of its own, whose copies know nothing of each other."""

    forecaster: Forecaster
    missing: Missing = "native"
    can_be_copied: bool = True
    calls: list[Contexts] = field(default_factory=list)
    copies: list[Elsewhere] = field(default_factory=list)
    seconds: float = 0.0
    closed: bool = False

    def fit(self, train: TrainingData) -> None:
        sent = pickle.loads(pickle.dumps(train))  # without later values of its panel, as they do not leave a supervisor
        self._run(lambda: self.forecaster.fit(sent))

    def fit_contexts(self, contexts: Contexts) -> None:
        forecaster = self.forecaster
        if isinstance(forecaster, FittedLocalForecaster):
            self._run(lambda: forecaster.fit_contexts(contexts.filled(self.missing)))

    def predict(self, contexts: Contexts) -> Forecast:
        self.calls.append(contexts)
        forecast: list[Forecast] = []
        self._run(lambda: forecast.append(self.forecaster.predict(contexts.filled(self.missing))))
        return forecast[0]

    def _run(self, action: Callable[[], None]) -> None:
        self.seconds += SECONDS
        try:
            action()
        except PartialFailure as error:
            raise PartialFailure(error.forecast, {i: _sent(each) for i, each in error.failures.items()}) from None
        except Exception as error:
            raise _sent(Failure(error)).error from None

    def describe(self) -> Description:
        return describe(self.forecaster)

    def elapsed(self) -> Elapsed:
        seconds, self.seconds = self.seconds, 0.0
        return Elapsed(seconds, seconds / 2)

    def copy(self) -> Elsewhere | None:
        if not self.can_be_copied:
            return None
        self.copies.append(Elsewhere(copy.deepcopy(self.forecaster), self.missing))
        return self.copies[-1]

    def close(self) -> None:
        self.closed = True


def _sent(failure: Failure) -> Failure:
    kind = "unsupported" if type(failure.error).__name__ == "Unsupported" else "failed"
    return Failure(ForecasterError(str(failure), kind, "remote traceback", failure.place))
