"""Forecaster: the interface that a plugin implements; and base classes for models of one series."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from harness.arrays import Floats
from harness.errors import ComponentFailed, Failure, HarnessError, InvalidForecast, Unsupported, attempt_of_forecaster
from harness.fields.errors import short_repr
from harness.forecasters.forecast import Forecast
from harness.forecasters.returned import checked_forecast, unknown_forecast, window_forecast
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

if TYPE_CHECKING:
    from harness.forecasters.remote import RemoteForecaster


class PartialFailure(HarnessError):
    """Raised by `predict` of a local forecaster that failed on some windows; it carries the forecasts of the others.

    `forecast` covers all windows, with NaN where one failed; `failures` are the reasons by window; `forecaster` is the
    one that failed. A combination that calls it must catch this error, or else fails on all windows.
    """

    def __init__(
        self,
        forecast: Forecast,
        failures: Mapping[int, Failure],
        forecaster: Forecaster | RemoteForecaster | None = None,
    ) -> None:
        self.forecast = forecast
        self.failures = dict(failures)
        self.forecaster = forecaster
        first = next(iter(self.failures.values()))
        super().__init__(f"{len(self.failures)} of {len(forecast)} windows failed; the first: {first}")


@runtime_checkable
class Forecaster(Protocol):
    """A dataclass whose fields are its hyperparameters: JSON values, and `seed` if it is stochastic.

    `fit` learns; names of fitted attributes end in an underscore. `predict` does not change the
    forecaster, and the forecast of a window depends neither on the other windows nor on their order:
    random numbers are seeded by (seed, series, cutoff). Both may raise `Unsupported`.

    A fitted forecaster may have these attributes:
    - `curves_`: sequences of numbers by name, such as the training loss;
    - `gradient_norms_`: sequences of norms by name, of the gradient of a loss at each time step, the last one first;
    - `remarks_`: sentences that become notes of the run;
    - `parameter_count` and `parameter_bytes`: the number of its learned parameters and their bytes. Without
      them, the arrays and numbers in its fitted attributes are counted;
    - `model_summary`: the layers of its network, a sequence of `Layer`.
    """

    def fit(self, train: TrainingData) -> None: ...

    def predict(self, contexts: Contexts) -> Forecast: ...


def predict_and_check(forecaster: Forecaster | RemoteForecaster, contexts: Contexts) -> Forecast:
    """The forecast of these windows, with the quantile levels of their task; raises InvalidForecast for another shape.

    Raises PartialFailure if the quantiles of some windows are in the wrong order, or probabilities do not add up to 1.
    Raises Unsupported if nothing can be scored: the forecast is one of numbers and the targets are categorical, or the
    opposite; neither a mean nor a median follows from the quantiles of the forecast, and none of the task's levels is
    one of the forecast's or lies between two of them. Raises ComponentFailed, or Unsupported, if another forecaster
    that this one calls failed on some windows: its forecasts are not those of this one.
    """
    try:
        returned = forecaster.predict(contexts)
    except PartialFailure as error:
        if error.forecaster is not None and error.forecaster is not forecaster:
            raise component_failure(error) from error
        return _check(error.forecast, contexts, "predict", _checked_failures(error, len(contexts)))
    return _check(returned, contexts, "predict", {})


def component_failure(error: PartialFailure) -> HarnessError:
    """The failure of a forecaster whose component failed on some windows."""
    first = next(iter(error.failures.values()))
    kind = Unsupported if isinstance(first.error, Unsupported) else ComponentFailed
    return kind(
        f"its component {type(error.forecaster).__name__} failed on {len(error.failures)} of {len(error.forecast)} "
        f"windows, the first: {first}; catch harness.PartialFailure, whose forecast has NaN there"
    )


def _checked_failures(error: PartialFailure, windows: int) -> dict[int, Failure]:
    """The failures by window; raises InvalidForecast for those of other windows, or of another type."""
    failures: Mapping[Any, Any] = error.failures
    for window, failure in failures.items():
        is_window = isinstance(window, int | np.integer) and 0 <= window < windows
        if not is_window or not isinstance(failure, Failure):
            raise InvalidForecast(
                f"the failures of a PartialFailure must be Failures by windows from 0 to {windows - 1}, "
                f"not {short_repr(failure)} by {short_repr(window)}"
            )
    return {int(window): failure for window, failure in failures.items()}


def _check(forecast: Any, contexts: Contexts, method: str, failures: Mapping[int, Failure]) -> Forecast:
    """What a method returned, checked against the windows that it was given; some of them may have failed before."""
    checked, invalid = checked_forecast(forecast, contexts, contexts.window_name, method)
    if invalid:
        checked = checked.without(np.array(list(invalid)))
        failures = {**{i: Failure(error) for i, error in invalid.items()}, **failures}
    if failures:
        raise PartialFailure(checked, failures)
    return checked


class LocalForecaster(ABC):
    """Forecasts each window from its own context; nothing is learned.

    @dataclass
    class MovingAverage(LocalForecaster):
        length: int = 24

        def predict_series(self, context: Context) -> Floats:
            mean = np.nanmean(context.target[-self.length :], axis=0)
            return np.tile(mean, (context.horizon, 1))
    """

    def fit(self, train: TrainingData) -> None:
        """Does nothing: each window is forecast from its own context."""

    @abstractmethod
    def predict_series(self, context: Context) -> Floats | Forecast:
        """The mean, (horizon, target), or a Forecast of one window.

        Of categorical targets the probabilities, (horizon, target, class).
        """

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, window by window; one that fails does not stop the others."""
        outcomes = [attempt_of_forecaster(partial(self._predict_window, context)) for context in contexts]
        return combined(self, contexts, [(np.array([i]), outcome) for i, outcome in enumerate(outcomes)])

    def _predict_window(self, context: Context) -> Forecast:
        return window_forecast(self.predict_series(context), context)


class FittedLocalForecaster(ABC):
    """Fits parameters to each series and keeps them until the next refit.

    Write `fit_series(context) -> state` and `predict_windows(state, contexts) -> Forecast`, which
    receives all windows of one series by rising cutoff: one filter pass can forecast them all. A series
    is fitted to its training data when it is first forecast; a series without training data is fitted to
    its first context.
    """

    def fit(self, train: TrainingData) -> None:
        """Keeps the training data; series are fitted by `fit_contexts`, or else by `predict`."""
        self.train_ = train
        self.states_: dict[str, Any] = {}

    @abstractmethod
    def fit_series(self, context: Context) -> Any:
        """The parameters of one series; the context ends with the training data."""

    @abstractmethod
    def predict_windows(self, state: Any, contexts: Contexts) -> Forecast:
        """The forecast of these windows, all of one series, with the parameters of that series."""

    def fit_contexts(self, contexts: Contexts) -> None:
        """Fit every series of these windows that is not fitted yet; its time counts as fitting."""
        for _, windows in contexts.by_series():
            if windows.ids[0] not in self.states_:
                self.states_[windows.ids[0]] = self._fit_windows(windows)

    def fit_asked(self, contexts: Contexts) -> None:
        """The former name of `fit_contexts`."""
        self.fit_contexts(contexts)

    def _fit_windows(self, windows: Contexts) -> Any:
        """The parameters of the series of these windows, or the failure to fit them."""
        context = self._training_context(windows)
        return attempt_of_forecaster(partial(self.fit_series, context))

    def _training_context(self, windows: Contexts) -> Context:
        train = self.train_.panel
        i = train.positions.get(windows.ids[0])
        if i is None:
            return next(iter(windows.take(slice(0, 1))))
        return next(iter(self.train_.contexts(np.array([i]), train.lengths[i : i + 1])))

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, series by series; one that fails does not stop the others."""
        parts: list[tuple[Any, Forecast | Failure]] = []
        for positions, windows in contexts.by_series():
            series = windows.ids[0]
            state = self.states_[series] if series in self.states_ else self._fit_windows(windows)
            if isinstance(state, Failure):
                parts.append((positions, state))
            else:
                parts.append((positions, attempt_of_forecaster(partial(self._predict_and_check, state, windows))))
        return combined(self, contexts, parts)

    def _predict_and_check(self, state: Any, windows: Contexts) -> Forecast:
        return _check(self.predict_windows(state, windows), windows, "predict_windows", {})


def combined(
    forecaster: Forecaster | RemoteForecaster, contexts: Contexts, parts: list[tuple[Any, Forecast | Failure]]
) -> Forecast:
    """The forecast of all windows from those of parts, by positions; raises PartialFailure if a part failed."""
    failures: dict[int, Failure] = {}
    forecasts: list[tuple[Any, Forecast]] = []
    for positions, part in parts:
        if isinstance(part, Forecast):
            forecasts.append((positions, part))
        elif isinstance(part.error, PartialFailure):
            forecasts.append((positions, part.error.forecast))
            failures.update({int(positions[window]): failure for window, failure in part.error.failures.items()})
        else:
            failures.update(dict.fromkeys(positions.tolist(), part))
    if forecasts:
        positions = np.concatenate([positions for positions, _ in forecasts])
        forecast = Forecast.concatenate([part for _, part in forecasts])
        if not np.array_equal(positions, np.arange(len(contexts))):
            forecast = forecast.among(len(contexts), positions)
    else:
        forecast = unknown_forecast(contexts)
    if failures:
        raise PartialFailure(forecast, failures, forecaster)
    return forecast
